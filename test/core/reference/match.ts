import type { EoiRule } from '../../../host/profiles/profile';
import { piecesOf } from '../../support/direct-machine';
import type { GuestAccess, Setup } from './setup';
import { REGIONS } from './setup';

/** What an access means, worked out from S5 and S7 byte by byte and without the core. */

/** The bytes that one trapped access carried, by offset in the region. */
export interface Carried {
  readonly write: boolean;
  readonly region: number;
  readonly bytes: ReadonlyMap<number, number>;
}

/** S7, source 2: whether the access fulfils the rule. */
export function fulfils(rule: EoiRule, { write, region, bytes }: Carried): boolean {
  if (rule.region !== region || (rule.access === 'write') !== write) return false;
  const offsets = Array.from({ length: rule.width ?? 4 }, (_, lane) => rule.offset + lane);
  const mask = offsets.map((_, lane) => ((rule.mask ?? 0) >>> (8 * lane)) & 0xff);
  if (rule.mask === undefined) return offsets.some((offset) => bytes.has(offset));
  if (rule.value === undefined) {
    return offsets.some((offset, lane) => ((bytes.get(offset) ?? 0) & (mask[lane] ?? 0)) !== 0);
  }
  const { value } = rule;
  return offsets.every((offset, lane) => {
    const wanted = mask[lane] ?? 0;
    const carried = bytes.get(offset);
    if (wanted === 0) return true;
    return carried !== undefined && (carried & wanted) === ((value >>> (8 * lane)) & 0xff);
  });
}

/** Why the access never reaches the device (S5), or undefined when it may. */
export function isRefused({ write, region, offset, width }: GuestAccess): boolean {
  const known = REGIONS[region];
  if (known === undefined || ![1, 2, 4, 8].includes(width)) return true;
  return offset + width > known.size || (write && known.access === 'ro');
}

export interface Chunk {
  readonly offset: number;
  readonly bytes: number;
  /** It lies in a mapped area, so it needs no system call. */
  readonly mapped: boolean;
}

/** S5: the chunks of an access to a device that accepts these widths; none when it accepts no part. */
export function chunksOf(setup: Setup, region: number, offset: number, width: number): Chunk[] {
  const chunks: Chunk[] = [];
  for (let at = offset; at < offset + width; ) {
    const largest = piecesOf(at, offset + width - at)[0]?.bytes ?? 0;
    const bytes = Math.max(0, ...setup.accessWidths.filter((accepted) => accepted <= largest));
    if (bytes === 0) return [];
    chunks.push({ offset: at, bytes, mapped: isMapped(setup, region, at, bytes) });
    at += bytes;
  }
  return chunks;
}

export function isMapped(setup: Setup, region: number, offset: number, bytes: number): boolean {
  const area = setup.xNoMmap ? undefined : REGIONS[region]?.area;
  return area !== undefined && offset >= area[0] && offset + bytes <= area[1];
}
