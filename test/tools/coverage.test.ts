import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { instrument, type Statement } from '../../scripts/coverage/instrument.mjs';
import { report, sumHits } from '../../scripts/coverage/report.mjs';

const CACHE = resolve('.cache');
const ASC = resolve('node_modules/assemblyscript/bin/asc.js');
const ASC_TIMEOUT = 60_000;

/** Each line that must be reported as missed ends in this mark. */
const MISSED = '// missed';

const SOURCES: Record<string, string> = {
  'index.ts': `import { Counter, pick } from './deep/pick';
import { BASE } from './constants';

// Must stay foldable, and must stay an assertion.
const LIMIT = BASE * 2;
const TABLE = memory.data(64);
if (LIMIT != 8) ERROR('limit');

function unused(): i32 {
  return 1; // missed
}

@inline
function twice(value: i32): i32 {
  return value + value;
}

export function run(kind: i32): i32 {
  let sum = 0, spare: i32;
  if (kind == 0) sum += 1; else if (kind == 1)
    sum += 2; // missed
  else sum += 3 // ; not the end
  ;
  if (kind == 5)
    for (let i = 0; i < 2; i++) // missed
      if (i) sum++; // missed
      else sum--; // missed
  for (let i = 0; i < 3; i++) sum += twice(i);
  while (sum > 1000) { // the header runs
    sum--; // missed
  }
  do sum++; while (sum < 10);
  while (true) {
    if (sum > 20) break;
    sum += 5; continue;
    sum = 0; // missed
  }
  (sum = sum + 1); ;
  store<i32>(TABLE, sum);
  {
    if (kind == 9) {
      sum = pick(
        100, // missed
      );
    }
  }
  return load<i32>(TABLE) + pick(kind) + new Counter().add(kind);
}
`,
  'deep/pick.ts': `type Small = i32;
export function pick(kind: i32): Small {
  type Local = i32;
  switch (kind) {
    case 0: return 10;
    case 1: // falls through
    case 2: {
      return 20; // missed
    }
    case 3: {} break; // missed
    default:
      kind += 1;
  }
  return kind;
}

function only<T>(): i32 {
  if (isFloat<T>()) ERROR('no floats');
  if (isInteger<T>()) return sizeof<T>();
  else ERROR('integers only');
}

export class Counter {
  value: i32 = only<i32>();
  static none(): i32 { return 0; } // missed
  get big(): bool { return this.value > 9; }
  add(by: i32): i32 {
    if (this.big) return -1; // missed
    this.value += by;
    return this.value;
  }
}
`,
  'constants.ts': 'export const BASE = 4;\n',
};

function expectedLines(source: string): number[] {
  return source.split('\n').flatMap((line, index) => (line.includes(MISSED) ? [index + 1] : []));
}

/** Compiles the instrumented copy, runs it once per argument and counts. */
function execute(dir: string, statements: Statement[], kinds: number[]): Uint32Array {
  const wasm = join(dir, 'out.wasm');
  const args = [join(dir, 'copy/index.ts'), '-o', wasm, '--runtime', 'stub'];
  // In the sample's folder, where asc does not find the project's asconfig.json.
  execFileSync(process.execPath, [ASC, ...args], { cwd: dir, stdio: 'pipe' });
  const hits = new Uint32Array(statements.length);
  const hit = (id: number) => {
    hits[id] = (hits[id] ?? 0) + 1;
  };
  const module = new WebAssembly.Module(readFileSync(wasm));
  const { exports } = new WebAssembly.Instance(module, { cov: { hit }, env: { abort() {} } });
  const { run } = exports as { run: (kind: number) => number };
  for (const kind of kinds) run(kind);
  return hits;
}

describe('statement coverage of AssemblyScript', () => {
  let dir = '';
  let statements: Statement[] = [];

  beforeAll(() => {
    mkdirSync(CACHE, { recursive: true });
    dir = mkdtempSync(join(CACHE, 'coverage-test-'));
    for (const [file, text] of Object.entries(SOURCES)) {
      mkdirSync(join(dir, 'src', file, '..'), { recursive: true });
      writeFileSync(join(dir, 'src', file), text);
    }
    statements = instrument({ sourceDir: join(dir, 'src'), outDir: join(dir, 'copy') }).statements;
  });

  afterAll(() => rmSync(dir, { recursive: true, force: true }));

  it(
    'reports exactly the lines that did not run',
    () => {
      const hits = execute(dir, statements, [0, 7]);
      const result = report({ statements, hits });
      const missed = Object.fromEntries(result.files.map((file) => [file.file, file.missed]));
      const marked = (file: string) => expectedLines(SOURCES[file] ?? '');
      // The call over three lines is one statement: it is named by its first line.
      const call = marked('index.ts').at(-1) ?? 0;
      expect(missed).toEqual({
        'index.ts': [...marked('index.ts').slice(0, -1), call - 1],
        'deep/pick.ts': marked('deep/pick.ts'),
      });
      expect(result.text).toContain(`${call - 1}-${call + 1}`);
      expect(result.ok).toBe(false);
    },
    ASC_TIMEOUT,
  );

  it('keeps every line where it was and leaves files without statements alone', () => {
    for (const [file, text] of Object.entries(SOURCES)) {
      const copy = readFileSync(join(dir, 'copy', file), 'utf8');
      expect(copy.split('\n').length).toBe(text.split('\n').length);
    }
    const constants = readFileSync(join(dir, 'copy/constants.ts'), 'utf8');
    expect(constants).toBe(SOURCES['constants.ts']);
  });

  it('maps each statement to its place in the source', () => {
    expect(statements.map(({ id }) => id)).toEqual(statements.map((_, index) => index));
    const starts = statements.map(({ file, line, column }) =>
      (SOURCES[file] ?? '').split('\n')[line - 1]?.slice(column - 1),
    );
    expect(starts).toContain('(sum = sum + 1); ;');
    expect(starts).toContain('break;');
    expect(starts).toContain('if (i) sum++; // missed');
    // No counters for braces, empty statements, types and compile-time assertions.
    expect(starts.filter((start) => /^([;{}]|type|ERROR|if \(isFloat)/.test(start ?? ''))).toEqual(
      [],
    );
  });

  it('drops files of an earlier run, and refuses a folder that is not its own', () => {
    const sourceDir = join(dir, 'src');
    writeFileSync(join(dir, 'copy/stale.ts'), '');
    instrument({ sourceDir, outDir: join(dir, 'copy') });
    expect(readdirSync(join(dir, 'copy'))).not.toContain('stale.ts');
    mkdirSync(join(dir, 'other'));
    writeFileSync(join(dir, 'other/precious.txt'), '');
    expect(() => instrument({ sourceDir, outDir: join(dir, 'other') })).toThrow('not empty');
    expect(() => instrument({ sourceDir, outDir: join(sourceDir, 'copy') })).toThrow('contain');
  });

  it('names the file of a syntax error', () => {
    mkdirSync(join(dir, 'broken'));
    writeFileSync(join(dir, 'broken/bad.ts'), 'export function f(: i32 {');
    const options = { sourceDir: join(dir, 'broken'), outDir: join(dir, 'broken-copy') };
    expect(() => instrument(options)).toThrow('bad.ts');
  });
});

describe('coverage report', () => {
  const at = (id: number, line: number, file = 'a.ts'): Statement => ({
    id,
    file,
    line,
    column: 1,
    endLine: line,
  });
  const statements = [at(0, 1), at(1, 2), at(2, 3), at(3, 3), at(4, 7, 'b.ts')];

  it('adds up runs, as lists or as objects', () => {
    const hits = sumHits(5, [new Uint32Array([1, 0, 0, 0, 2]), { 0: 2, 3: 1 }]);
    expect(hits).toEqual([3, 0, 0, 1, 2]);
    const { files, percent } = report({ statements, hits });
    expect(files).toEqual([
      { file: 'a.ts', covered: 2, total: 4, percent: 50, missed: [2, 3] },
      { file: 'b.ts', covered: 1, total: 1, percent: 100, missed: [] },
    ]);
    expect(percent).toBe(60);
    expect(() => sumHits(2, [[1, 1, 1]])).toThrow('no statement 2');
  });

  it('compares all files together with the threshold', () => {
    const hits = [1, 1, 1, 1, 0];
    expect(report({ statements, hits, threshold: 80 }).ok).toBe(true);
    expect(report({ statements, hits, threshold: 81 }).ok).toBe(false);
    expect(report({ statements, hits }).ok).toBe(false);
    expect(report({ statements: [], hits: [] }).ok).toBe(false);
  });
});
