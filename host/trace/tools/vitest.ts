import { VfioError } from '../../errors';
import type { Trace } from '../format/trace';

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
  const text = (value: string) => JSON.stringify(value);
  return `import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { divergenceText, replayCore, Trace } from ${text(library)};

// Recording ${uuid.replace(/[\r\n]/g, ' ')}: ${trace.totals.events} events, ${trace.totals.accesses} accesses.
test(${text(`${device.name} does what was recorded`)}, async () => {
  const bytes = readFileSync(new URL(${text(path)}, import.meta.url));
  const trace = Trace.open(new Uint8Array(bytes));
  expect(trace.header.uuid).toBe(${text(uuid)});
  const report = await replayCore(trace);
  expect(report.divergence && divergenceText(report.divergence)).toBeUndefined();
  expect(report.events).toBe(${trace.totals.events});
  expect(report.ok).toBe(${trace.finalised});
});
`;
}
