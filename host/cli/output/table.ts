import type { Paint } from './paint';
import { shorten } from './text';

export interface Column<Row> {
  readonly title: string;
  readonly cell: (row: Row) => string;
  /** Columns below which it is not shortened. */
  readonly least?: number;
}

const GAP = 2;

/** Rows under titles. Where they do not fit, the widest columns are shortened, the last one first. */
export function table<Row>(
  paint: Paint,
  columns: number,
  spec: readonly Column<Row>[],
  rows: readonly Row[],
): string[] {
  const cells = rows.map((row) => spec.map(({ cell }) => cell(row)));
  const widths = spec.map(({ title }, index) =>
    Math.max(title.length, ...cells.map((row) => (row[index] as string).length)),
  );
  const fits = () => widths.reduce((sum, width) => sum + width + GAP, -GAP) <= columns;
  const least = spec.map(({ title, least }) => Math.max(title.length, least ?? 6));
  while (!fits()) {
    let widest = -1;
    for (const [index, width] of widths.entries()) {
      if (width <= (least[index] as number)) continue;
      if (widest < 0 || width >= (widths[widest] as number)) widest = index;
    }
    if (widest < 0) break;
    widths[widest] = (widths[widest] as number) - 1;
  }
  const line = (texts: readonly string[]) =>
    texts
      .map((text, index) => {
        const width = widths[index] as number;
        return shorten(text, width).padEnd(width);
      })
      .join(' '.repeat(GAP))
      .trimEnd();
  return [paint('bold', line(spec.map(({ title }) => title))), ...cells.map(line)];
}
