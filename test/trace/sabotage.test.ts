import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { replayCore, type Trace } from '../../host/trace';
import { recordedLife } from './lives';

/** Builds the core from sources in which one thing is changed. */
function changedCore(folder: string, file: string, from: RegExp, to: string): WebAssembly.Module {
  cpSync('assembly', join(folder, 'assembly'), { recursive: true });
  const path = join(folder, 'assembly', file);
  const source = readFileSync(path, 'utf8');
  expect(source, `${file} has what the test changes`).toMatch(from);
  writeFileSync(path, source.replace(from, to));
  const { options } = JSON.parse(readFileSync('asconfig.json', 'utf8'));
  const config = { options: { ...options, bindings: undefined }, targets: { changed: {} } };
  writeFileSync(join(folder, 'asconfig.json'), JSON.stringify(config));
  execFileSync(
    process.execPath,
    [
      resolve('node_modules/assemblyscript/bin/asc.js'),
      'assembly/index.ts',
      ...['--config', 'asconfig.json', '--target', 'changed'],
      ...['--optimizeLevel', '1', '--outFile', 'changed.wasm'],
    ],
    { cwd: folder, stdio: 'pipe' },
  );
  return new WebAssembly.Module(readFileSync(join(folder, 'changed.wasm')));
}

/** Number of the first event of this name. */
function firstEvent(trace: Trace, name: string): number | undefined {
  const cursor = trace.cursor();
  while (cursor.next()) if (cursor.event.name === name) return cursor.event.ordinal;
  return undefined;
}

describe('a core that is not the recorded one', () => {
  let folder: string;
  beforeAll(() => {
    mkdirSync('.cache', { recursive: true });
    folder = mkdtempSync('.cache/sabotage-');
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('that forgets to unmask a completed line is caught at the first unmask', async () => {
    const core = changedCore(
      folder,
      'boundary/effects.ts',
      /EFFECT_UNMASK = 0x20000;/,
      'EFFECT_UNMASK = 0;',
    );
    let caught = 0;
    for (let seed = 1; seed <= 40; seed++) {
      const { trace } = await recordedLife(seed);
      const wrong = firstEvent(trace, 'unmask');
      expect((await replayCore(trace)).ok).toBe(true);
      const report = await replayCore(trace, { core });
      if (wrong === undefined) {
        expect(report.ok, `seed ${seed}`).toBe(true);
        continue;
      }
      caught++;
      expect(report.ok).toBe(false);
      expect(report.divergence?.event, `seed ${seed}`).toBe(wrong);
      expect(report.divergence?.expected).toMatch(/^unmask line=/);
      expect(report.divergence?.before.length).toBeGreaterThan(0);
      expect(report.divergence?.lines.length).toBeGreaterThan(0);
    }
    expect(caught).toBeGreaterThan(5);
  }, 180_000);
});
