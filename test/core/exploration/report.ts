import type { Exploration } from './search';

interface Row {
  readonly family: string;
  readonly mix: string;
  readonly states: number;
  readonly transitions: number;
  readonly depth: number;
  readonly ms: number;
}

function short(count: number): string {
  if (count < 10_000) return String(count);
  return count < 1e6 ? `${Math.round(count / 1000)}k` : `${(count / 1e6).toFixed(1)}M`;
}

/** Collects the numbers of explorations and prints them in tables of 80 columns at most. */
export class Report {
  readonly #rows: Row[] = [];

  /** Runs an exploration and writes its numbers down. */
  run(family: string, mix: string, explore: () => Exploration): Exploration {
    const start = performance.now();
    const result = explore();
    const { states, transitions, depth } = result;
    this.#rows.push({ family, mix, states, transitions, depth, ms: performance.now() - start });
    return result;
  }

  /** One line for each family. */
  families(): string {
    const lines = [...new Set(this.#rows.map(({ family }) => family))].map((family) => {
      const rows = this.#rows.filter((row) => row.family === family);
      const sum = (value: (row: Row) => number) =>
        rows.reduce((total, row) => total + value(row), 0);
      const depth = Math.max(...rows.map((row) => row.depth));
      return [
        family.padEnd(36),
        String(rows.length).padStart(5),
        String(sum((row) => row.states)).padStart(9),
        String(sum((row) => row.transitions)).padStart(11),
        String(depth).padStart(6),
        (sum((row) => row.ms) / 1000).toFixed(1).padStart(8),
      ].join(' ');
    });
    const head = `${'family'.padEnd(36)} mixes    states transitions  depth  seconds`;
    return [head, ...lines].join('\n');
  }

  /** One line for each mix of families with a source each: states/transitions. */
  mixes(title: string, columns: Readonly<Record<string, string>>): string {
    const cell = (family: string, mix: string): string => {
      const row = this.#rows.find((each) => each.family === family && each.mix === mix);
      return row === undefined ? '' : `${short(row.states)}/${short(row.transitions)}`;
    };
    const families = Object.values(columns);
    const mixes = [
      ...new Set(this.#rows.filter((row) => families.includes(row.family)).map(({ mix }) => mix)),
    ];
    const head =
      title.padEnd(14) +
      Object.keys(columns)
        .map((name) => name.padStart(16))
        .join('');
    const lines = mixes.map(
      (mix) => mix.padEnd(14) + families.map((family) => cell(family, mix).padStart(16)).join(''),
    );
    return [head, ...lines].join('\n');
  }
}
