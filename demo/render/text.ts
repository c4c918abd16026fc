/** No line is longer: what fits everywhere. */
export const WIDTH = 80;

export type Style = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'blue' | 'magenta' | 'cyan';

/** Gives text a colour, or leaves it alone. Pad before painting: escape codes have no width. */
export type Paint = (style: Style, text: string) => string;

const CODES: Readonly<Record<Style, readonly [on: number, off: number]>> = {
  bold: [1, 22],
  dim: [2, 22],
  red: [31, 39],
  green: [32, 39],
  yellow: [33, 39],
  blue: [34, 39],
  magenta: [35, 39],
  cyan: [36, 39],
};

export const plain: Paint = (_, text) => text;

export const coloured: Paint = (style, text) => {
  const [on, off] = CODES[style];
  return `\x1b[${on}m${text}\x1b[${off}m`;
};

/** `text` in at most `width` columns, with a mark where something is left out. */
export function shorten(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, width - 1)}…`;
}

/** A heading over the whole width. */
export function heading(paint: Paint, text: string): string {
  return paint('bold', `── ${text} ${'─'.repeat(WIDTH - text.length - 4)}`);
}

/** Milliseconds with the microseconds behind the point: '17.549'. */
export function milliseconds(ns: number): string {
  return (ns / 1e6).toFixed(3);
}

/** Microseconds with the nanoseconds behind the point: '0.184'. */
export function microseconds(ns: number): string {
  return (ns / 1e3).toFixed(3);
}

export function hex(value: number | undefined): string {
  return value === undefined ? '?' : `0x${value.toString(16)}`;
}

/** Words in lines of at most `width` columns. */
export function wrap(words: readonly string[], width: number): string[] {
  const lines: string[] = [];
  for (const word of words) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= width) {
      lines[lines.length - 1] = `${last} ${word}`;
    } else {
      lines.push(word);
    }
  }
  return lines;
}
