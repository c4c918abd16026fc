import { describe, expect, it } from 'vitest';
import { openDevice } from '../../host/device/open';
import { VfioError } from '../../host/errors';
import { MemoryDevice, SimulatedHost, VirtualClock } from '../../host/sim';
import { MemorySink, type RecordOptions, record, Trace, type TraceSink } from '../../host/trace';

/** A sink that fails where it is told to, and remembers whether it was closed. */
class FailingSink implements TraceSink {
  writes = 0;
  closed = 0;
  failing: 'never' | 'write' | 'close' = 'never';
  readonly #from: number;

  constructor(from = Number.POSITIVE_INFINITY) {
    this.#from = from;
  }

  write(): void {
    if (++this.writes > this.#from || this.failing === 'write') throw new TypeError('no room');
  }

  close(): void {
    this.closed++;
    if (this.failing === 'close') throw new TypeError('cannot sync');
  }
}

function setUp(sink: RecordOptions['sink'], more: Partial<RecordOptions> = {}) {
  const clock = new VirtualClock();
  const host = new SimulatedHost({ clock });
  host.addDevice({ name: 'dev', model: new MemoryDevice() });
  const problems: VfioError[] = [];
  const recording = record(host, {
    uuid: 'sinks',
    sink,
    onProblem: (_device, problem) => problems.push(problem),
    ...more,
  });
  const open = () => openDevice(recording, { host: 'dev', memoryBytes: 0x200000 }, { clock });
  return { host, recording, problems, open };
}

describe('a sink', () => {
  it.each([0, 1])('that fails at write %d fails the opening, by name', async (from) => {
    const sink = new FailingSink(from);
    const { host, open } = setUp(sink);
    const error = await open().catch((thrown) => thrown);
    expect(error).toBeInstanceOf(VfioError);
    expect(error).toMatchObject({ code: 'TRACE_SINK', cause: expect.any(TypeError) });
    expect(sink.closed).toBe(1);
    expect(host.kernel.resources().fds).toBe(0);
  });

  it('that cannot be made fails the opening, by name', async () => {
    const { open } = setUp(() => {
      throw new TypeError('no such directory');
    });
    await expect(open()).rejects.toMatchObject({
      code: 'TRACE_SINK',
      device: 'dev',
      message: expect.stringContaining('no such directory'),
      cause: expect.any(TypeError),
    });
  });

  it.each(['write', 'close'] as const)(
    'whose %s fails at the end leaves close() alone',
    async (failing) => {
      const sink = new FailingSink();
      const { host, recording, problems, open } = setUp(sink);
      const device = await open();
      device.write(0, 0, 4, 7);
      sink.failing = failing;
      device.close();
      expect(device.closed).toBe(true);
      expect(host.kernel.resources().fds).toBe(0);
      expect(problems).toMatchObject([{ code: 'TRACE_SINK', cause: expect.any(TypeError) }]);
      expect(recording.problem).toBe(problems[0]);
      expect(sink.closed).toBe(1);
      expect(() => recording.finish()).toThrow(problems[0]);
      expect(sink.closed).toBe(1);
    },
  );

  it('that fails in the middle is closed at once, whatever the listener does', async () => {
    const sink = new FailingSink();
    const { recording, open } = setUp(sink, {
      onProblem() {
        throw new Error('of the listener');
      },
    });
    const device = await open();
    device.write(0, 0, 4, 7);
    sink.failing = 'write';
    recording.flush();
    expect(sink.closed).toBe(1);
    expect(recording.problem?.code).toBe('TRACE_SINK');
    expect(device.read(0, 0, 4)).toBe(7);
    device.close();
    expect(sink.closed).toBe(1);
  });

  it('may call back while the trace is ended', async () => {
    const parts = new MemorySink();
    const sink: TraceSink = {
      write(bytes) {
        parts.write(bytes);
        recording.flush();
      },
      close: () => recording.finish(),
    };
    const { recording, open } = setUp(sink);
    const device = await open();
    device.write(0, 0, 4, 7);
    device.close();
    expect(Trace.open(parts.bytes())).toMatchObject({ finalised: true, cut: undefined });
  });
});
