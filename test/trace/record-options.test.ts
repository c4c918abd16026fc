import { describe, expect, it } from 'vitest';
import { openDevice } from '../../host/device/open';
import { MemoryDevice, SimulatedHost, VirtualClock } from '../../host/sim';
import { MemorySink, type RecordOptions, record, Trace } from '../../host/trace';
import {
  CHUNK_LIMIT_BYTES,
  MAX_CHECKPOINT_INTERVAL,
  MAX_JSON_BYTES,
} from '../../host/trace/limits';

function setUp(options: Partial<RecordOptions> = {}) {
  const clock = new VirtualClock();
  const host = new SimulatedHost({ clock });
  host.addDevice({ name: 'dev', model: new MemoryDevice() });
  const sink = new MemorySink();
  const recording = record(host, { uuid: 'options', sink, ...options });
  const open = (memoryBytes = 0x200000, guestRam = 0) => {
    const block = { bytes: new Uint8Array(4096), guestAddress: 0, writable: true };
    return openDevice(
      recording,
      { host: 'dev', memoryBytes, dma: guestRam > 0 },
      { clock, guestRam: new Array(guestRam).fill(block) },
    );
  };
  return { host, clock, sink, recording, open };
}

describe('the options of a recording', () => {
  it.each([
    ['chunkBytes', CHUNK_LIMIT_BYTES],
    ['checkpointInterval', MAX_CHECKPOINT_INTERVAL],
  ])('%s is a whole number from 1 to %d', (name, most) => {
    for (const value of [Number.NaN, 0, -1, 1.5, most + 1, Number.POSITIVE_INFINITY, '7', null]) {
      expect(() => setUp({ [name]: value }), String(value)).toThrow(
        expect.objectContaining({
          code: 'OPTION_INVALID',
          message: expect.stringContaining(`'${name}' must be a whole number from 1 to ${most}`),
        }),
      );
    }
    for (const value of [1, most, undefined]) setUp({ [name]: value });
  });

  it.each([
    ['uuid', 7],
    ['sink', {}],
    ['sink', undefined],
    ['dma', 'exact'],
    ['quirks', [1n]],
    ['onProblem', 'log'],
  ])('%s is not %o', (name, value) => {
    expect(() => setUp({ [name]: value })).toThrow(
      expect.objectContaining({
        code: 'OPTION_INVALID',
        message: expect.stringContaining(`'${name}'`),
      }),
    );
  });

  it('make no header that nobody can read', async () => {
    const long = setUp({ quirks: ['x'.repeat(MAX_JSON_BYTES)] });
    await expect(long.open()).rejects.toMatchObject({
      code: 'OPTION_INVALID',
      message: expect.stringContaining(`more than ${MAX_JSON_BYTES}`),
    });
    expect(long.sink.length).toBe(0);
    await expect(setUp().open(undefined, 65)).rejects.toMatchObject({
      code: 'OPTION_INVALID',
      message: expect.stringContaining('64 blocks of guest RAM'),
    });
    await expect(setUp({ uuid: () => 7 as never }).open()).rejects.toMatchObject({
      code: 'OPTION_INVALID',
      message: expect.stringContaining("'uuid'"),
    });
  });
});

describe('an opening that fails', () => {
  it('and is tried again says that the sink has its trace, and what to do', async () => {
    const { host, sink, open } = setUp();
    host.kernel.faults.inject({ call: 'ioctl', errno: 5, skip: 3 });
    const first = await open().catch((error) => error);
    const bytes = sink.length;
    for (let i = 0; i < 2; i++) {
      const again = await open().catch((error) => error);
      expect(again.code).toBe('OPTION_INVALID');
      expect(again.message).toContain(`first opening on this recording failed (${first.code})`);
      expect(again.message).toContain('call record() with a new sink');
    }
    expect(sink.length).toBe(bytes);
    expect(Trace.open(sink.bytes()).finalised).toBe(true);
  });

  it('is tried again where each opening has its own sink', async () => {
    const sinks: MemorySink[] = [];
    const { host, recording, open } = setUp({
      sink() {
        const sink = new MemorySink();
        sinks.push(sink);
        return sink;
      },
    });
    host.kernel.faults.inject({ call: 'ioctl', errno: 5, skip: 3 });
    await expect(open()).rejects.toThrow();
    const device = await open();
    device.write(0, 0, 4, 7);
    device.close();
    recording.finish();
    const traces = sinks.map((sink) => Trace.open(sink.bytes()));
    expect(traces.map(({ finalised }) => finalised)).toEqual([true, true]);
    expect(traces.map(({ device }) => device !== undefined)).toEqual([false, true]);
    expect(recording.events).toBe(traces.reduce((sum, { totals }) => sum + totals.events, 0));
  });

  it('because the device is attached already leaves the sink as it was', async () => {
    const { host, clock, sink, open } = setUp();
    const other = await openDevice(host, { host: 'dev' }, { clock });
    await expect(open()).rejects.toMatchObject({ code: 'ALREADY_ATTACHED' });
    expect(sink.length).toBe(0);
    other.close();
    const device = await open();
    device.close();
    expect(Trace.open(sink.bytes()).finalised).toBe(true);
  });

  it('before there is a core ends its trace', async () => {
    const { host, clock, sink } = setUp();
    let closed = 0;
    const recording = record(host, {
      uuid: 'core',
      sink: { write: (bytes) => sink.write(bytes), close: () => closed++ },
    });
    const core = new WebAssembly.Module(new Uint8Array([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]));
    await expect(openDevice(recording, { host: 'dev' }, { clock, core })).rejects.toThrow();
    expect(closed).toBe(1);
    expect(Trace.open(sink.bytes())).toMatchObject({ finalised: true, device: undefined });
    expect(recording.problem).toBeUndefined();
  });
});
