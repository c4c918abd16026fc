import { describe, expect, it, test } from 'vitest';
import { allocGuestRam } from '../../host/boundary/alloc-guest-ram';
import type { VfioHost } from '../../host/boundary/host';
import type { Kernel } from '../../host/boundary/kernel';
import type { VfioPlatformDevice } from '../../host/device/device';
import { openDevice } from '../../host/device/open';
import { VfioError } from '../../host/errors';
import type { DeviceOptions } from '../../host/options/options';
import { SimulatedHost, VirtualClock } from '../../host/sim';
import {
  divergenceText,
  type EventData,
  eventData,
  exportVcd,
  MemorySink,
  record,
  replayCore,
  replayDevice,
  replayHost,
  statTrace,
  Trace,
  trimTrace,
} from '../../host/trace';
import { replayMachine } from '../../host/trace/replay/machine-replay';
import { levels, ProbeDevice } from '../core/device/models';
import { walkFromCheckpoints } from './lives';

// Hosts and device models that throw: a recording changes nothing of that, and
// a replay fails as the host did.

const SET_IRQS = 0x3b6e;
const options: DeviceOptions = { host: 'dev', memoryBytes: 0x200000 };

function breaks(): never {
  throw new Error('the device breaks');
}

/** What a case can do, and what happened. */
class Life {
  readonly log: string[] = [];
  readonly clock: VirtualClock;
  readonly device: VfioPlatformDevice;
  /** Undefined in a replay, where nothing stands behind the trace. */
  readonly model: ProbeDevice | undefined;

  constructor(clock: VirtualClock, device: VfioPlatformDevice, model: ProbeDevice | undefined) {
    this.clock = clock;
    this.device = device;
    this.model = model;
    for (const line of [0, 1]) {
      device.connectLine(line, {
        up: () => this.log.push(`up ${line}`),
        down: () => this.log.push(`down ${line}`),
      });
    }
  }

  attempt(act: () => unknown): void {
    try {
      this.log.push(String(act()));
    } catch (error) {
      this.log.push(error instanceof VfioError ? error.code : 'an error');
    }
  }

  /** Has the model do something at each access until `run` is over. */
  during(onAccess: (device: VfioPlatformDevice) => void, run: () => void): void {
    const { model, device } = this;
    if (model) {
      model.onRead = () => onAccess(device);
      model.onWrite = model.onRead;
    }
    run();
    if (model) {
      model.onRead = undefined;
      model.onWrite = undefined;
    }
  }
}

interface Case {
  readonly options?: DeviceOptions;
  /** Calls of the kernel that do something else. */
  readonly kernel?: (kernel: Kernel) => Partial<Kernel>;
  readonly act: (life: Life) => void;
}

const read = (life: Life) => life.attempt(() => life.device.read(0, 0, 4));
const write = (life: Life) => life.attempt(() => life.device.write(0, 0, 4, 1));
const rest = (life: Life) => life.attempt(() => life.device.safePoint());

const cases: Readonly<Record<string, Case>> = {
  'a read and a write': {
    act(life) {
      life.device.signal(0, 1);
      life.during(breaks, () => read(life));
      life.during(breaks, () => write(life));
      read(life);
    },
  },
  'accesses of 8 bytes, and such that are split': {
    act(life) {
      life.device.signal(0, 1);
      life.during(breaks, () => life.attempt(() => life.device.read64(0, 8)));
      life.during(breaks, () => life.attempt(() => life.device.write64(0, 8, 1n)));
      life.during(breaks, () => life.attempt(() => life.device.read(0, 2, 4)));
      life.during(breaks, () => life.attempt(() => life.device.write(0, 2, 4, 1)));
      write(life);
    },
  },
  'parts of one access, each of which has its error': {
    options: { policy: 'qemu', xNoMmap: true },
    act(life) {
      life.device.signal(0, 1);
      life.during(breaks, () => life.attempt(() => life.device.read(0, 2, 4)));
      rest(life);
      rest(life);
      read(life);
    },
  },
  'an access with an access inside, of which only the outer one fails': {
    act(life) {
      life.device.signal(0, 1);
      let depth = 0;
      const once = (device: VfioPlatformDevice) => {
        if (depth++ > 0) return;
        device.read64(0, 8);
        breaks();
      };
      life.during(once, () => read(life));
      read(life);
    },
  },
  'an access with an access inside, of which only the inner one fails': {
    act(life) {
      life.device.signal(0, 1);
      let depth = 0;
      const once = (device: VfioPlatformDevice) => {
        if (depth++ > 0) breaks();
        expect(() => device.read(0, 4, 4)).toThrow('breaks');
      };
      life.during(once, () => read(life));
    },
  },
  'an access in which the device is closed': {
    act(life) {
      const close = (device: VfioPlatformDevice) => {
        device.close();
        breaks();
      };
      life.during(close, () => read(life));
      read(life);
    },
  },
  'an access with an error of this package': {
    act(life) {
      const fail = () => {
        throw new VfioError('HOST_FAILED', 'out of order');
      };
      life.during(fail, () => read(life));
    },
  },
  'an access with an error of a replay that stands for the device': {
    act(life) {
      const fail = () => {
        throw new VfioError('TRACE_DIVERGED', 'another driver');
      };
      life.during(fail, () => read(life));
    },
  },
  'an unmask': {
    kernel(kernel) {
      let left = 2;
      return {
        unmask: (fd, line) => (left-- > 0 ? breaks() : (kernel.unmask?.(fd, line) ?? 0)),
      };
    },
    act(life) {
      life.device.signal(0, 1);
      read(life);
      for (let i = 0; i < 4; i++) {
        life.clock.advance(1e9);
        rest(life);
      }
    },
  },
  'an ioctl': {
    kernel: (kernel) => ({
      ioctl(fd, request, argument) {
        if (request === SET_IRQS && argument.view.getUint32(4, true) === 9) breaks();
        return kernel.ioctl(fd, request, argument);
      },
    }),
    act(life) {
      life.attempt(() => life.device.maskLine(0));
      rest(life);
    },
  },
  'a read of an eventfd that has brought something': {
    kernel: (kernel) => ({
      read(fd, bytes, pointer, length) {
        kernel.read(fd, bytes, pointer, length);
        bytes[pointer] = 77;
        return breaks();
      },
    }),
    act(life) {
      life.attempt(() => life.device.reset());
      rest(life);
      rest(life);
    },
  },
  'the end of a mapping': {
    kernel: (kernel) => ({
      mmap(...place) {
        const mapping = kernel.mmap(...place);
        if (typeof mapping === 'number') return mapping;
        return {
          inMemory: false,
          read: (offset, width) => mapping.read(offset, width),
          write: (offset, width, value) => mapping.write(offset, width, value),
          unmap() {
            mapping.unmap();
            breaks();
          },
        };
      },
    }),
    act: read,
  },
};

function simulated(clock: VirtualClock, { kernel }: Case) {
  const host = new SimulatedHost({ clock });
  const model = new ProbeDevice({
    lines: levels(2),
    regions: [{ size: 0x1000, mappable: true }],
  });
  host.addDevice({ name: 'dev', model });
  const other = kernel?.(host.kernel) ?? {};
  const broken = new Proxy(host.kernel, {
    get(target, name) {
      const value = Reflect.get(name in other ? other : target, name, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
  return { host: { kernel: broken, sysfs: host.sysfs } as VfioHost, model };
}

async function live(each: Case, clock: VirtualClock, host: VfioHost, model?: ProbeDevice) {
  const device = await openDevice(host, { ...options, ...each.options }, { clock });
  const life = new Life(clock, device, model);
  each.act(life);
  life.attempt(() => device.close());
  life.log.push(JSON.stringify(device.statistics));
  return life.log;
}

const recorder = (host: VfioHost, sink: MemorySink) =>
  record(host, { uuid: 'it', sink, chunkBytes: 1, checkpointInterval: 1 });

async function recorded(each: Case) {
  const clock = new VirtualClock();
  const { host, model } = simulated(clock, each);
  const sink = new MemorySink();
  const log = await live(each, clock, recorder(host, sink), model);
  return { log, bytes: sink.bytes(), trace: Trace.open(sink.bytes()) };
}

/** A core replay finds nothing that differs. */
async function expectReplay(trace: Trace, how: Parameters<typeof replayCore>[1] = {}) {
  const { divergence } = await replayCore(trace, how);
  expect(divergence && divergenceText(divergence)).toBeUndefined();
}

function eventsOf(trace: Trace): EventData[] {
  const cursor = trace.cursor();
  const events: EventData[] = [];
  while (cursor.next()) events.push(eventData(cursor.event));
  return events;
}

describe.each(Object.entries(cases))('a host that fails %s', (_name, each) => {
  it('is recorded as it is', async () => {
    const clock = new VirtualClock();
    const { host, model } = simulated(clock, each);
    const { log, trace } = await recorded(each);
    expect(log).toEqual(await live(each, clock, host, model));
    expect(eventsOf(trace).some(({ thrown }) => thrown !== undefined)).toBe(true);
  });

  it('is replayed in the core, to the same recording', async () => {
    const { trace, bytes } = await recorded(each);
    const again = new MemorySink();
    await expectReplay(trace, { through: (host) => recorder(host, again) });
    expect(Buffer.compare(again.bytes(), bytes)).toBe(0);
  });

  it('is the same for a debugger that comes from any checkpoint', async () => {
    const { trace } = await recorded(each);
    expect(trace.checkpoints.length).toBeGreaterThan(0);
    await walkFromCheckpoints(trace);
  });
});

test.each(['a read and a write', 'an unmask', 'parts of one access, each of which has its error'])(
  'a machine that is replayed hears of %s that failed',
  async (name) => {
    const each = cases[name] as Case;
    const { trace, log } = await recorded(each);
    const host = replayHost(trace);
    expect(await live(each, new VirtualClock(), host)).toEqual(log);
    host.finish();
  },
);

test('an error that waits is kept with the state of the machine, and goes with it', async () => {
  const each = cases['parts of one access, each of which has its error'] as Case;
  const { trace } = await recorded(each);
  const { host, replays } = replayMachine([trace], {});
  const given = { ...options, ...each.options };
  const device = await openDevice(host, given, { clock: new VirtualClock() });
  for (const line of [0, 1]) device.connectLine(line, { up() {}, down() {} });
  device.signal(0, 1);
  const before = replays[0]?.tap?.keep();
  expect(() => device.read(0, 2, 4)).toThrow('the host threw');
  const between = replays[0]?.tap?.keep();
  for (let i = 0; i < 2; i++) {
    expect(() => device.safePoint()).toThrow('the host threw');
    expect(between?.()).toBe(true);
  }
  expect(before?.()).toBe(true);
  expect(() => device.read(0, 2, 4)).toThrow('the host threw');
  expect(() => device.safePoint()).toThrow('the host threw');
  device.safePoint();
});

test('a part of a recording cannot begin where an error waits', async () => {
  const { trace } = await recorded(
    cases['parts of one access, each of which has its error'] as Case,
  );
  const from = eventsOf(trace).find(({ name }) => name === 'safePoint')?.event ?? 0;
  await expect(trimTrace(trace, new MemorySink(), { from })).rejects.toMatchObject({
    code: 'TRACE_UNSUPPORTED',
    message: expect.stringContaining('an error waits'),
  });
});

describe('tools', () => {
  it('take a failed read for none, and count a failed write to the kernel', async () => {
    const { trace } = await recorded({
      act(life) {
        life.attempt(() => life.device.read(0, 0x10, 4));
        life.during(breaks, () => life.attempt(() => life.device.read(0, 0x40, 4)));
      },
    });
    const model = replayDevice(trace);
    expect(model.remaining).toBe(1);
    const values = [...exportVcd(trace)].filter((line) =>
      line.startsWith(`b${(0x13121110).toString(2)} `),
    );
    expect(values).toHaveLength(1);

    const noWindow = await recorded({
      options: { xNoMmap: true },
      act: (life) => life.during(breaks, () => write(life)),
    });
    expect(statTrace(noWindow.trace).failures).toMatchObject({ 'pwrite -5': 1 });
  });
});

describe.each(['setTimer', 'cancel'] as const)('a clock whose %s throws', (broken) => {
  class FragileClock {
    breaks = false;
    readonly clock = new VirtualClock();
    nowNs() {
      return this.clock.nowNs();
    }
    setTimer(delayNs: number, fire: () => void) {
      if (this.breaks && broken === 'setTimer') breaks();
      const timer = this.clock.setTimer(delayNs, fire);
      return {
        cancel: () => {
          timer.cancel();
          if (this.breaks && broken === 'cancel') breaks();
        },
      };
    }
  }

  async function use(host: VfioHost, clock: FragileClock) {
    const device = await openDevice(host, options, { clock, setDirectMapping() {} });
    device.connectLine(0, { up() {}, down() {} });
    clock.breaks = true;
    const act = () => {
      device.signal(0, 1);
      device.reset();
    };
    expect(act).toThrow();
    clock.breaks = false;
    clock.clock.advance(10e9);
    device.write(0, 0, 4, 1);
    device.close();
  }

  it('fails the replayed call at the same place, and is not asked again', async () => {
    const clock = new FragileClock();
    const { host } = simulated(clock.clock, { act() {} });
    const sink = new MemorySink();
    await use(recorder(host, sink), clock);
    const trace = Trace.open(sink.bytes());
    expect(trace.finalised).toBe(true);
    await expectReplay(trace);
    const again = replayHost(trace);
    await use(again, new FragileClock());
    again.finish();
  });
});

test('guest RAM that the host cannot take is recorded, and refused again', async () => {
  const each: Case = {
    options: { dma: true },
    kernel: () => ({ addressOf: breaks }),
    act: (life) =>
      life.attempt(() => life.device.mapGuestRam(allocGuestRam(0x1000), 0x1000n, true)),
  };
  const { trace, log } = await recorded(each);
  expect(trace.finalised).toBe(true);
  expect(log[0]).toBe('an error');
  await expectReplay(trace);
});
