import { beforeAll, describe, expect, it } from 'vitest';
import { openDevice } from '../../host/device/open';
import { MemoryDevice, SimulatedHost, VirtualClock } from '../../host/sim';
import { CoreReplay, MemorySink, record, replayCore, Trace, TraceWriter } from '../../host/trace';
import { EventCopier } from '../../host/trace/tools/copy';

let original: Trace;

beforeAll(async () => {
  const clock = new VirtualClock();
  const host = new SimulatedHost({ clock });
  host.addDevice({ name: 'dev', model: new MemoryDevice() });
  const sink = new MemorySink();
  const device = await openDevice(
    record(host, { uuid: 'foreign', sink }),
    { host: 'dev' },
    { clock },
  );
  device.write(0, 0, 4, 7);
  device.close();
  original = Trace.open(sink.bytes());
});

/** The same recording, made with other options. */
function withOptions(options: Record<string, unknown>): Trace {
  const sink = new MemorySink();
  const { header, device } = original;
  const writer = new TraceWriter(sink, { ...header, options: { ...header.options, ...options } });
  if (device) writer.describe(device);
  const copier = new EventCopier(writer);
  for (const cursor = original.cursor(); cursor.next(); ) copier.copy(cursor.event);
  copier.finish();
  return Trace.open(sink.bytes());
}

describe('a recording whose options this release cannot give', () => {
  it.each([
    ['of a later release', { turbo: true }, 'OPTION_UNKNOWN', 'turbo'],
    ['with an impossible memory', { memoryBytes: 3 }, 'OPTION_INVALID', 'memoryBytes'],
    ['with a huge memory', { memoryBytes: 2 ** 45 }, 'OPTION_INVALID', 'memoryBytes'],
  ])('%s says so', async (_, options, code, name) => {
    const trace = withOptions(options);
    for (const replay of [() => replayCore(trace), () => CoreReplay.start(trace)]) {
      await expect(replay()).rejects.toMatchObject({
        code: 'TRACE_UNSUPPORTED',
        message: expect.stringContaining(name),
        cause: expect.objectContaining({ code }),
      });
    }
  });

  it('is not one whose options are the recorded ones', async () => {
    expect(await replayCore(withOptions({}))).toMatchObject({ ok: true });
  });

  it('is not one for which the core is wrong', async () => {
    const core = new WebAssembly.Module(new Uint8Array([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]));
    await expect(replayCore(original, { core })).rejects.toThrow('abiVersion');
  });
});
