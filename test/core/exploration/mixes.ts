/** Letters of test/reference/mix.ts. */
export const TRIGGERS = ['E', 'L'] as const;
export const SOURCES = { i: 'irqchip', r: 'register', w: 'write', a: 'access' } as const;
export type SourceLetter = keyof typeof SOURCES;
export const SOURCE_LETTERS = Object.keys(SOURCES) as SourceLetter[];

/** Every way to choose `count` of the items, order included. */
function sequences(items: readonly string[], count: number): string[][] {
  if (count === 0) return [[]];
  return sequences(items, count - 1).flatMap((rest) => items.map((item) => [...rest, item]));
}

/** Every way to choose `count` of the items in their order. */
function selections(items: readonly string[], count: number): string[][] {
  if (count === 0) return [[]];
  return items.flatMap((item, index) =>
    selections(items.slice(index), count - 1).map((rest) => [item, ...rest]),
  );
}

/** 'EEL': every edge/level mix of so many lines, in every order. */
export function edgeLevelMixes(count: number): string[] {
  return sequences(TRIGGERS, count).map((letters) => letters.join(''));
}

/** The same without regard to order: signals come one by one in any order, so little depends on it. */
export function unorderedEdgeLevelMixes(count: number): string[] {
  return selections(TRIGGERS, count).map((letters) => letters.join(''));
}

/** 'EEL' with one source for all lines, as test/reference/mix.ts wants it: 'Ea Ea La'. */
export function withSource(triggers: string, source: SourceLetter): string {
  return [...triggers].map((trigger) => trigger + source).join(' ');
}

const KINDS = TRIGGERS.flatMap((trigger) => SOURCE_LETTERS.map((source) => trigger + source));

/** Every mix of so many lines of the eight kinds, in every order. */
export function allMixes(count: number): string[] {
  return sequences(KINDS, count).map((kinds) => kinds.join(' '));
}

/** Every mix of so many lines, without regard to order, that has more than one source. */
export function mixedSourceMixes(count: number): string[] {
  return selections(KINDS, count)
    .filter((kinds) => new Set(kinds.map((kind) => kind.charAt(1))).size > 1)
    .map((kinds) => kinds.join(' '));
}
