import { readFileSync } from 'node:fs';

const source = readFileSync(new URL('../../../assembly/state/records.ts', import.meta.url), 'utf8');

/**
 * Which 32-bit word of a record each of its fields is, from the source of the
 * records, because the host knows no names for the volatile ones.
 */
export function recordWords(record: string): ReadonlyMap<string, number> {
  const body = new RegExp(`class ${record} \\{([^}]*)\\}`).exec(source)?.[1] ?? '';
  const words = new Map<string, number>();
  let word = 0;
  for (const [, name = '', type] of body.matchAll(/^ {2}(\w+): (u32|i32|f64);$/gm)) {
    const size = type === 'f64' ? 2 : 1;
    word = Math.ceil(word / size) * size;
    words.set(name, word);
    word += size;
  }
  return words;
}

/** The word in linear memory of a field of the record at `address`. */
export function wordOf(record: string, field: string, address: number): number {
  const word = recordWords(record).get(field);
  if (word === undefined) throw new Error(`${record} has no field ${field}`);
  return (address >>> 2) + word;
}
