/** `text` in at most `width` columns, with a mark where something is left out. */
export function shorten(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, Math.max(width - 1, 0))}…`;
}

/** Words in lines of at most `width` columns; a longer word stands alone. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(/\s+/).filter((each) => each !== '')) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= width) {
      lines[lines.length - 1] = `${last} ${word}`;
    } else {
      lines.push(word);
    }
  }
  return lines;
}

/** Wrapped text, the first line after `first`, the others below it. */
export function hang(first: string, text: string, columns: number): string[] {
  const indent = ' '.repeat(first.length);
  const lines = wrap(text, columns - first.length);
  if (lines.length === 0) return [first.trimEnd()];
  return lines.map((line, index) => (index === 0 ? first : indent) + line);
}

export function hex(value: number | bigint, digits = 1): string {
  return `0x${value.toString(16).padStart(digits, '0')}`;
}

/** Bytes with a binary unit where that is exact: '4 KiB', '100 B'. */
export function bytes(size: bigint): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let unit = 0;
  let rest = size;
  while (unit < units.length - 1 && rest !== 0n && rest % 1024n === 0n) {
    rest /= 1024n;
    unit++;
  }
  return `${rest} ${units[unit]}`;
}

/** '1 line', '2 lines'. */
export function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}
