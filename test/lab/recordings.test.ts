import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { divergenceText, MemorySink, record, replayCore, Trace } from '../../host/trace';

/** Real devices, recorded on a real kernel of another architecture (recordings/README.md). */
const folder = new URL('./recordings/', import.meta.url);
const names = readdirSync(folder).filter((name) => name.endsWith('.vfiotrace'));

it('there is one of each device', () => {
  expect(names).toEqual([
    '9000000.pl011.vfiotrace',
    '9010000.pl031.vfiotrace',
    '9030000.pl061.vfiotrace',
  ]);
});

describe.each(names)('the recording %s', (name) => {
  const bytes = new Uint8Array(readFileSync(new URL(name, folder)));
  const trace = Trace.open(bytes);

  it('is whole, and says what it is of', () => {
    expect(trace.finalised).toBe(true);
    expect(trace.verify()).toBeUndefined();
    expect(`${trace.header.device.name}.vfiotrace`).toBe(name);
    expect(trace.totals.events).toBeGreaterThan(100);
  });

  it('replays without the device, and recorded again gives the same bytes', async () => {
    const { uuid, quirks } = trace.header;
    const sink = new MemorySink();
    const report = await replayCore(trace, {
      through: (host) => record(host, { uuid, quirks, sink }),
    });
    expect(report.divergence && divergenceText(report.divergence)).toBeUndefined();
    expect(report.events).toBe(trace.totals.events);
    expect(Buffer.compare(sink.bytes(), bytes)).toBe(0);
  });
});
