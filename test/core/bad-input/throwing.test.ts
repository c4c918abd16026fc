import { describe, expect, test } from 'vitest';
import { VFIO_DEVICE_SET_IRQS } from '../../../assembly/abi/vfio';
import type { Kernel } from '../../../host/boundary/kernel';
import { edges, levels, ProbeDevice } from '../device/models';
import { connectAll, Rig, traces } from '../device/rig';

const SLIP = new Error('a slip of the embedder');

function slip(): never {
  throw SLIP;
}

describe('a line target that throws', () => {
  test.each(['up', 'down'] as const)(
    'in %s() reaches the caller, and the device goes on',
    async (way) => {
      const rig = new Rig();
      const placed = rig.add(new ProbeDevice({ lines: edges(2) }));
      const { device, lines } = await rig.open();
      const log = lines.target(0);
      let times = 1;
      device.connectLine(0, {
        ...log,
        [way]: () => {
          log[way]();
          if (times-- > 0) slip();
        },
      });
      device.connectLine(1, lines.target(1));
      placed.pulse(0);
      placed.pulse(1);
      const drive = () => {
        try {
          device.safePoint();
          device.read(0, 0, 4);
          return undefined;
        } catch (error) {
          return error;
        }
      };
      const thrown = Array.from({ length: 6 }, drive);
      expect(thrown.filter((error) => error === SLIP)).toHaveLength(1);
      expect(lines.entries).toEqual(['+1', '-1', '+0', '-0']);
      expect(device.lines.map(({ state }) => state)).toEqual(['inactive', 'inactive']);
    },
  );

  test('in down() does not keep close() from lowering the other lines', async () => {
    const rig = new Rig();
    const placed = rig.add(new ProbeDevice({ lines: edges(3) }));
    const { device, lines } = await rig.open({
      eoi: { lines: { 0: 'irqchip', 1: 'irqchip', 2: 'irqchip' } },
    });
    device.connectLine(0, { up() {}, down: slip });
    for (const line of [1, 2]) device.connectLine(line, lines.target(line));
    for (const line of [0, 1, 2]) placed.pulse(line);
    device.safePoint();
    expect(() => device.close()).toThrow(SLIP);
    expect(device.closed).toBe(true);
    expect(rig.resources.fds).toBe(0);
    expect([...lines.levels.values()]).toEqual([false, false]);
  });

  test('in down() of a line that is taken out of service leaves the line disconnected', async () => {
    const rig = new Rig();
    const placed = rig.add(new ProbeDevice({ lines: levels(1) }));
    const { device } = await rig.open();
    device.connectLine(0, { up() {}, down: slip });
    placed.setLine(0, true);
    device.safePoint();
    expect(() => device.disconnectLine(0)).toThrow(SLIP);
    expect(device.lines[0]?.armed).toBe('no');
    expect(rig.resources).toMatchObject({ eventfds: 0, watches: 0 });
    device.reset();
  });
});

describe('a listener that throws', () => {
  test('reaches the caller, and later calls work', async () => {
    const rig = new Rig();
    rig.add(new ProbeDevice({ lines: edges(1) }));
    const { device } = await rig.start();
    const end = device.listen(slip);
    expect(() => device.read(9, 0, 4)).toThrow(SLIP);
    end();
    expect(device.read(9, 0, 4)).toBe(0xffffffff);
    expect(device.read(0, 0, 4)).toBe(0x03020100);
  });

  test('does not keep other listeners from the event', async () => {
    const rig = new Rig();
    rig.add(new ProbeDevice());
    const { device } = await rig.open();
    const seen: string[] = [];
    const end = device.listen(slip);
    device.listen(({ type }) => void seen.push(type));
    expect(() => device.read(9, 0, 4)).toThrow(SLIP);
    end();
    expect(seen).toEqual(['access-failed']);
  });

  test('from the very first event makes the open fail and leaves nothing behind', async () => {
    const rig = new Rig();
    rig.add(new ProbeDevice({ lines: edges(1) }));
    await expect(rig.open({ trace: true }, { listener: slip })).rejects.toBe(SLIP);
    expect(rig.resources.fds).toBe(0);
    expect((await rig.open()).device.read(0, 0, 4)).toBe(0x03020100);
  });

  test('at a line that is stuck or stalled does not disturb the interrupts', async () => {
    const rig = new Rig();
    const placed = rig.add(new ProbeDevice({ lines: edges(1) }));
    const { device, lines } = await rig.start({ stallLimitMs: 10 });
    placed.pulse(0);
    device.safePoint();
    const end = device.listen(slip);
    rig.advanceMs(11);
    expect(() => device.safePoint()).toThrow(SLIP);
    end();
    device.read(0, 0, 4);
    expect(lines.take()).toEqual(['+0', '-0']);
  });

  test('on trace events does not mix up the events that follow', async () => {
    const rig = new Rig();
    rig.add(new ProbeDevice());
    const opened = await rig.open({ trace: true });
    const { device } = opened;
    opened.events.length = 0;
    let times = 1;
    device.listen(() => {
      if (times-- > 0) slip();
    });
    expect(() => device.read(0, 0, 4)).toThrow(SLIP);
    device.read(0, 4, 4);
    device.read(0, 8, 4);
    expect(traces(opened)).toEqual([
      'region 0 read at 0x0: 0x3020100',
      'region 0 read at 0x4: 0x7060504',
      'region 0 read at 0x8: 0xb0a0908',
    ]);
  });
});

describe('a model that throws', () => {
  test('in an access of a line that goes down reaches the caller, and the line is unmasked', async () => {
    const rig = new Rig();
    const placed = rig.add(new ProbeDevice({ lines: levels(1) }));
    const { device } = await rig.open();
    let access = () => void device.read(0, 8, 4);
    device.connectLine(0, { up() {}, down: () => access() });
    placed.setLine(0, true);
    device.safePoint();
    placed.setLine(0, false);
    placed.model.onRead = (_, offset) => (offset === 8 ? slip() : undefined);
    expect(() => device.read(0, 0, 4)).toThrow(SLIP);
    expect(device.lines[0]).toMatchObject({ state: 'inactive', retrying: false });
    access = () => {};
    device.safePoint();
    expect(device.read(0, 0, 4)).toBe(0x03020100);
    placed.setLine(0, true);
    device.safePoint();
    expect(device.lines[0]?.state).toBe('active');
  });

  test('twice in one call is told of twice', async () => {
    const rig = new Rig();
    const placed = rig.add(new ProbeDevice());
    // This policy goes on with the next part of an access, whatever became of the first.
    const { device } = await rig.open({ policy: 'qemu', xNoMmap: true });
    const errors = [new Error('the first half'), new Error('the second half')];
    const left = [...errors];
    placed.model.onWrite = () => {
      throw left.shift();
    };
    expect(() => device.write(0, 2, 4, 1)).toThrow(errors[0] as Error);
    placed.model.onWrite = undefined;
    expect(() => device.write(0, 0, 4, 1)).toThrow(errors[1] as Error);
    device.write(0, 0, 4, 1);
  });
});

describe('a kernel that throws', () => {
  test('from an unmask keeps no line masked for good', async () => {
    const rig = new Rig();
    const placed = rig.add(new ProbeDevice({ lines: levels(1) }));
    const { kernel } = rig.host as { kernel: Kernel };
    const { device, lines } = await rig.start();
    const ioctl = kernel.ioctl.bind(kernel);
    let times = 1;
    kernel.ioctl = (...call) =>
      call[1] === VFIO_DEVICE_SET_IRQS && times-- > 0 ? slip() : ioctl(...call);
    placed.setLine(0, true);
    device.safePoint();
    expect(() => device.read(0, 0, 4)).toThrow(SLIP);
    for (let point = 0; point < 40; point++) {
      rig.advanceMs(10);
      device.safePoint();
    }
    expect(lines.take()).toEqual(['+0', '-0', '+0']);
    expect(device.lines[0]).toMatchObject({ retrying: false });
  });
});

describe('a value that is no number', () => {
  test('is refused before it is written, and later accesses know nothing of it', async () => {
    const rig = new Rig();
    const placed = rig.add(new ProbeDevice());
    const { device } = await rig.open();
    expect(() => device.write(0, 0, 4, 5n as unknown as number)).toThrow(TypeError);
    expect(placed.model.accesses).toEqual([]);
    expect(device.read(0, 0, 4)).toBe(0x03020100);
  });
});

describe('an onSignal that throws', () => {
  test('while a line is connected does not lock the device', async () => {
    const rig = new Rig();
    const placed = rig.add(new ProbeDevice({ lines: levels(1) }));
    const opened = await rig.open();
    const { device } = opened;
    placed.setLine(0, true);
    device.onSignal = slip;
    try {
      connectAll(opened);
    } catch (error) {
      expect(error).toBe(SLIP);
    }
    device.onSignal = undefined;
    device.reset();
    device.close();
    expect(rig.resources.fds).toBe(0);
  });

  test('in the middle of accesses does not use up the access buffers', async () => {
    const rig = new Rig();
    const placed = rig.add(new ProbeDevice({ lines: edges(1) }));
    const { device } = await rig.start({ xNoMmap: true });
    device.onSignal = slip;
    placed.model.onRead = () => {
      placed.setLine(0, false);
      placed.setLine(0, true);
    };
    for (let i = 0; i < 10; i++) {
      try {
        device.read(0, 0, 4);
      } catch (error) {
        expect(error).toBe(SLIP);
      }
      device.safePoint();
    }
    device.onSignal = undefined;
    placed.model.onRead = undefined;
    expect(device.read(0, 0, 4)).toBe(0x03020100);
  });
});

describe('effects that a throwing listener holds up', () => {
  test('until there is no room for more are reported as lost', async () => {
    const rig = new Rig();
    rig.add(new ProbeDevice({ lines: edges(1) }));
    const { device, events } = await rig.start({ trace: true, policy: 'qemu' });
    const end = device.listen(slip);
    const codes = new Set<string | undefined>();
    const note = (call: () => void) => {
      try {
        call();
      } catch (error) {
        codes.add((error as { code?: string }).code);
      }
    };
    // Each signal has several effects, and each throw lets one of them through.
    for (let i = 0; i < 9000; i++) note(() => device.signal(0, 1));
    end();
    note(() => device.safePoint());
    const told = events.some((event) => event.type === 'warning') || codes.has('EFFECTS_LOST');
    expect(told).toBe(true);
  });
});
