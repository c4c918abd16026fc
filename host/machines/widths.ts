import type { Machine } from './contract';

/** How a guest access of `width` bytes arrives: in pieces of this many bytes. */
function pieces(width: number, exact: readonly number[]): number {
  return Math.max(...exact.filter((piece) => piece < width), 0);
}

function problem(
  machine: string,
  what: 'reads' | 'writes',
  exact: readonly number[],
  taken: readonly number[],
): string | undefined {
  const lost = taken.filter((width) => {
    const piece = pieces(width, exact);
    return !exact.includes(width) && !taken.includes(piece);
  });
  if (lost.length === 0) return undefined;
  const arrive = lost.map((width) => {
    const piece = pieces(width, exact);
    return `those of ${width} bytes arrive ${piece > 0 ? `as ${piece}` : 'not at all'}`;
  });
  return (
    `the guest's ${what} on ${machine} cannot have all widths that the device takes ` +
    `(accessWidths ${taken.join(', ')}): ${arrive.join(', ')}, which it refuses`
  );
}

/**
 * What of a device's access widths the machine cannot deliver, in words. An
 * access that arrives in pieces which the device takes is none: a kernel splits
 * accesses of 8 bytes, too.
 *
 * @param taken widths in bytes that the device takes
 */
export function widthProblems(
  { name, capabilities }: Machine,
  taken: readonly number[],
): readonly string[] {
  const sorted = [...taken].sort((a, b) => a - b);
  return [
    problem(name, 'reads', capabilities.exactReadWidths, sorted),
    problem(name, 'writes', capabilities.exactWriteWidths, sorted),
  ].filter((text) => text !== undefined);
}
