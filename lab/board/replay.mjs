// Replays on this computer what was recorded on the board.
import { mkdirSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { root } from '../../scripts/setup.mjs';

/**
 * Runs the core again from the recording of a real device, and records that.
 * With LAB_RECORD a recording that is to be kept is (test/lab/recordings).
 *
 * @param {Uint8Array} bytes the recording
 * @param {string} [name] of the file to keep
 * @returns {Promise<import('../protocol').Replayed>}
 */
export async function replay(bytes, name) {
  const trace = await import('../../dist/trace.js');
  const opened = trace.Trace.open(bytes);
  const { uuid, quirks } = opened.header;
  const sink = new trace.MemorySink();
  const report = await trace.replayCore(opened, {
    through: (host) => trace.record(host, { uuid, quirks, sink }),
  });
  const identical = Buffer.compare(sink.bytes(), bytes) === 0;
  if (name && process.env.LAB_RECORD && report.ok && identical) {
    const folder = join(root, 'test/lab/recordings');
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, `${basename(name)}.vfiotrace`), bytes);
  }
  return {
    machine: process.arch,
    events: report.events,
    identical,
    divergence: report.divergence && trace.divergenceText(report.divergence),
  };
}
