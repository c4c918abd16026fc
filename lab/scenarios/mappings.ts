import type { Outcome, Transcript } from './scenario';

/** What the stories of DMA mappings have in common, whatever interface makes them. */

export const PAGE = 0x1000n;
/** Pages of memory that there are to map. */
export const MEMORY_PAGES = 16n;
/** Behind the last address of all. */
export const END = 1n << 64n;
/** An I/O virtual address that nothing else needs. */
export const ANYWHERE = 0x1000_0000n;

export const hex = (value: bigint) => `0x${value.toString(16)}`;

/** Maps 4 pages at ANYWHERE, then what overlaps them, and what does not. */
export function mapOverlapping(
  log: Transcript,
  map: (iova: bigint, size: bigint) => Outcome,
): void {
  log.note('map 4 pages', map(ANYWHERE, 4n * PAGE));
  for (const [iova, size] of [
    [ANYWHERE, 4n * PAGE],
    [ANYWHERE + 3n * PAGE, PAGE],
    [ANYWHERE - PAGE, 2n * PAGE],
    [ANYWHERE - PAGE, 6n * PAGE],
  ] as const) {
    log.note(`map ${hex(iova)}, ${hex(size)} on top`, map(iova, size));
  }
  log.note('beside it, the same memory', map(ANYWHERE + 4n * PAGE, PAGE));
}
