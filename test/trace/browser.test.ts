import { readdirSync, readFileSync } from 'node:fs';
import { createContext, runInContext } from 'node:vm';
import { rollup } from 'rollup';
import ts from 'typescript';
import { beforeAll, describe, expect, it } from 'vitest';
import { type MemorySink, replayCore, Trace } from '../../host/trace';
import { openAll, recordingInto, runFirmware, simulatedBoard } from './firmware-world';
import { recordedLife } from './lives';

const ENTRY = 'host/trace/index.ts';

/** The library as one script; what would need Node cannot be resolved and fails here. */
async function script(): Promise<string> {
  const bundle = await rollup({
    input: ENTRY,
    onwarn(warning) {
      throw new Error(warning.message);
    },
    plugins: [
      {
        name: 'sources',
        resolveId(id, importer) {
          if (id === 'fflate')
            return new URL('../../node_modules/fflate/esm/browser.js', import.meta.url).pathname;
          if (id === '@assemblyscript/loader') {
            return new URL('../../node_modules/@assemblyscript/loader/index.js', import.meta.url)
              .pathname;
          }
          if (importer === undefined || !id.startsWith('.')) return null;
          const path = new URL(id, `file://${importer}`).pathname;
          return path.endsWith('.js') ? path : `${path}${isFolder(path) ? '/index' : ''}.ts`;
        },
        transform(code, id) {
          if (!id.endsWith('.ts')) return null;
          const { outputText } = ts.transpileModule(code, {
            compilerOptions: { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext },
          });
          return { code: outputText, map: null };
        },
      },
    ],
  });
  // One script can load nothing later; the message of rollup says how it wants to be told.
  const { output } = await bundle.generate({
    format: 'iife',
    name: 'library',
    inlineDynamicImports: true,
  });
  return output[0].code;
}

function isFolder(path: string): boolean {
  try {
    readFileSync(`${path}.ts`);
    return false;
  } catch {
    return true;
  }
}

describe('without Node', () => {
  let code: string;
  beforeAll(async () => {
    code = await script();
  });

  /** Replays a trace in a context that has what a browser has, and nothing of Node. */
  async function replayInBrowser(bytes: Uint8Array): Promise<unknown> {
    const context = createContext({
      TextEncoder,
      TextDecoder,
      atob,
      base64: Buffer.from(bytes).toString('base64'),
    });
    expect(runInContext('typeof process + typeof require + typeof Buffer', context)).toBe(
      'undefinedundefinedundefined',
    );
    runInContext(code, context);
    const result = await runInContext(
      `(async () => {
        const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
        const trace = library.Trace.open(bytes);
        return JSON.stringify(await library.replayCore(trace));
      })()`,
      context,
    );
    return JSON.parse(result as string);
  }

  it('the recordings of the firmware replay', async () => {
    const sinks = new Map<string, MemorySink>();
    await runFirmware((machine) => recordingInto(sinks, simulatedBoard(machine)));
    for (const [index, trace] of openAll(sinks).entries()) {
      const bytes = [...sinks.values()][index]?.bytes() as Uint8Array;
      const report = await replayInBrowser(bytes);
      expect(report).toMatchObject({ ok: true, events: trace.totals.events });
      expect(report).toEqual(JSON.parse(JSON.stringify(await replayCore(trace))));
    }
  });

  it('the recordings of real devices replay', async () => {
    const folder = new URL('../lab/recordings/', import.meta.url);
    for (const name of readdirSync(folder).filter((each) => each.endsWith('.vfiotrace'))) {
      const bytes = readFileSync(new URL(name, folder));
      const { events } = Trace.open(bytes).totals;
      expect(await replayInBrowser(bytes)).toMatchObject({ ok: true, events });
    }
  });

  it('random lives replay', async () => {
    for (const seed of [3, 8, 21]) {
      const { bytes, trace } = await recordedLife(seed);
      expect(await replayInBrowser(bytes)).toMatchObject({
        ok: true,
        events: trace.totals.events,
      });
    }
  });
});
