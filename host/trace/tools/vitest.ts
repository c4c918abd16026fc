import { VfioError } from '../../errors';
import type { Trace } from '../format/trace';

/** A string literal for the exported test: nothing from a trace ends the string, its line or a comment. */
function literal(value: string): string {
  return JSON.stringify(value).replace(/[\u007f-\uffff]|\*\//g, (found) =>
    found === '*/' ? '*\\/' : unicodeEscape(found),
  );
}

function unicodeEscape(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

/** Where the exported test finds the trace. */
export interface VitestOptions {
  /** Path of the trace, relative to the test. */
  readonly file: string;
  /** Where the library is; 'vfio-platform-wasm/trace' unless given. */
  readonly library?: string;
}

/**
 * A ready-made regression test: that this build of the core still does what
 * was recorded.
 * @throws VfioError OPTION_INVALID
 */
export function exportVitest(trace: Trace, options: VitestOptions): string {
  const { file, library = 'vfio-platform-wasm/trace' } = options;
  if (file === '' || file.startsWith('/')) {
    throw new VfioError('OPTION_INVALID', 'file must be a path relative to the test');
  }
  const path = file.startsWith('.') ? file : `./${file}`;
  const { device, uuid } = trace.header;
  return `import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { divergenceText, replayCore, Trace } from ${literal(library)};

// Recording ${literal(uuid)}: ${trace.totals.events} events, ${trace.totals.accesses} accesses.
test(${literal(`${device.name} does what was recorded`)}, async () => {
  const bytes = readFileSync(new URL(${literal(path)}, import.meta.url));
  const trace = Trace.open(new Uint8Array(bytes));
  expect(trace.header.uuid).toBe(${literal(uuid)});
  const report = await replayCore(trace);
  expect(report.divergence && divergenceText(report.divergence)).toBeUndefined();
  expect(report.events).toBe(${trace.totals.events});
  expect(report.ok).toBe(${trace.finalised});
});
`;
}
