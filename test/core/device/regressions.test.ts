import { describe, expect, test } from 'vitest';
import { allocGuestRam } from '../../../host/boundary/alloc-guest-ram';
import type { LineTarget } from '../../../host/device/line-targets';
import { openDevice } from '../../../host/device/open';
import { VfioError } from '../../../host/errors';
import type { DeviceOptions, EoiSource } from '../../../host/options/options';
import type { EoiRule } from '../../../host/profiles/profile';
import { coreModule } from '../../support/core';
import { edges, levels, ProbeDevice } from './models';
import { accessProblems, type Opened, Rig, refused, SMALL_MEMORY } from './rig';

type Triggers = readonly ('edge' | 'level')[];

const IRQCHIP = { eoi: { default: 'irqchip' } } as const;

async function start(lines: Triggers, options: DeviceOptions = {}, beforeMs = 0) {
  const rig = new Rig();
  rig.advanceMs(beforeMs);
  const placed = rig.add(new ProbeDevice({ lines }));
  const opened = await rig.start(options);
  rig.takeCalls();
  return { rig, placed, opened, device: opened.device, lines: opened.lines };
}

type Started = Awaited<ReturnType<typeof start>>;

/** Sends line 0 to the log, and does `then` once in its first "down". */
function onFirstDown({ device, lines }: Started, then: () => void): void {
  const target = lines.target(0);
  let done = false;
  const wrapped: LineTarget = {
    up: target.up,
    down() {
      target.down();
      if (done) return;
      done = true;
      then();
    },
  };
  device.connectLine(0, wrapped);
}

function stalls({ events }: Opened) {
  return events.flatMap((event) => (event.type === 'line-stalled' ? [event.ageMs] : []));
}

describe('a line whose target, going down,', () => {
  test('throws is still unmasked at the next call and interrupts again', async () => {
    const started = await start(levels(1));
    const { placed, device, lines } = started;
    onFirstDown(started, () => {
      throw new Error('no way down');
    });
    placed.setLine(0, true);
    device.safePoint();
    placed.setLine(0, false);
    expect(() => device.read(0, 0, 4)).toThrow('no way down');
    device.safePoint();
    expect(placed.line(0).masked).toBe(false);
    placed.setLine(0, true);
    device.safePoint();
    expect(lines.take()).toEqual(['+0', '-0', '+0']);
  });

  test('completes the next edge before it is up leaves the level as the state says', async () => {
    const started = await start(edges(1), IRQCHIP);
    const { placed, device, lines } = started;
    onFirstDown(started, () => device.completeLine(0));
    for (let i = 0; i < 2; i++) {
      placed.pulse(0);
      device.safePoint();
    }
    device.completeLine(0);
    expect(lines.levels.get(0)).toBe(device.lines[0]?.state === 'active');
    expect(lines.take()).toEqual(['+0', '-0', '+0']);
    device.completeLine(0);
    expect(lines.levels.get(0)).toBe(false);
    expect(device.lines[0]?.state).toBe('inactive');
  });

  test('masks the line keeps it masked in the kernel until it is unmasked', async () => {
    const started = await start(levels(1));
    const { placed, device, lines } = started;
    onFirstDown(started, () => device.maskLine(0));
    placed.setLine(0, true);
    device.safePoint();
    device.read(0, 0, 4);
    device.safePoint();
    expect(placed.line(0).masked).toBe(true);
    expect(lines.take()).toEqual(['+0', '-0']);
    device.unmaskLine(0);
    device.safePoint();
    expect(lines.take()).toEqual(['+0']);
  });

  test.each([
    ['level', {}, 'device'],
    ['edge', IRQCHIP, 'device'],
    ['level', { iommufd: true }, '/dev/vfio/devices/vfio0'],
  ] as const)(
    'closes the device of an %s line %o leaves the closed descriptor alone',
    async (trigger, options, path) => {
      const started = await start([trigger], options);
      const { rig, placed, device, lines } = started;
      onFirstDown(started, () => device.close());
      placed.setLine(0, true);
      device.safePoint();
      rig.takeCalls();
      if (trigger === 'level') device.read(0, 0, 4);
      else device.completeLine(0);
      const calls = rig.takeCalls();
      const closed = calls.lastIndexOf(`close ${path}`);
      expect(closed).toBeGreaterThanOrEqual(0);
      expect(calls.slice(closed).filter((call) => call.includes('SET_IRQS'))).toEqual([]);
      // Close takes the trigger away, and nothing unmasks on top of that.
      expect(calls.filter((call) => call.includes('SET_IRQS 0x11'))).toEqual([]);
      expect(lines.levels.get(0)).toBe(false);
      expect(rig.resources.fds).toBe(0);
    },
  );
});

describe('a level line of the kernel irqchip', () => {
  const GSI = 40;

  async function open() {
    const rig = new Rig();
    const placed = rig.add(new ProbeDevice({ lines: levels(1) }));
    const vm = rig.host.createVm();
    const { device, lines } = await rig.open({}, { vmFd: vm.fd });
    return { rig, placed, vm, device, connect: () => device.connectLine(0, lines.target(0), GSI) };
  }

  test('that fired and was not completed is unmasked by reset and fires again', async () => {
    const { placed, vm, device, connect } = await open();
    connect();
    placed.setLine(0, true);
    expect(placed.line(0).masked).toBe(true);
    device.reset();
    expect(placed.line(0)).toMatchObject({ high: false, masked: false });
    placed.setLine(0, true);
    expect(vm.injections(GSI)).toBe(2);
  });

  test('that is masked on request before it is connected stays masked', async () => {
    const { placed, vm, device, connect } = await open();
    device.maskLine(0);
    connect();
    expect(device.lines[0]).toMatchObject({ armed: 'irqfd', maskRequested: true });
    expect(placed.line(0).masked).toBe(true);
    placed.setLine(0, true);
    expect(vm.injections(GSI)).toBe(0);
    device.unmaskLine(0);
    expect(vm.injections(GSI)).toBe(1);
  });

  test('that is masked on request stays masked when it falls back to the user side', async () => {
    const { placed, device, connect } = await open();
    device.maskLine(0);
    placed.faults.inject({ call: 'ioctl', flags: 0x24, errno: 5 });
    connect();
    expect(device.lines[0]).toMatchObject({ armed: 'user', maskRequested: true });
    expect(placed.line(0).masked).toBe(true);
  });
});

describe('an access of 8 bytes', () => {
  async function open() {
    const rig = new Rig();
    const { model } = rig.add(new ProbeDevice());
    const opened = await rig.start();
    return { model, opened, device: opened.device };
  }

  test('through read() and write() is refused and told', async () => {
    const { model, opened, device } = await open();
    expect(device.read(0, 0, 8)).toBe(0xffffffff);
    device.write(0, 0, 8, 1);
    expect(model.take()).toEqual([]);
    expect(accessProblems(opened)).toEqual(['bad-width', 'bad-width']);
  });

  test('through directRead() and directWrite() does not reach the device', async () => {
    const { model, device } = await open();
    expect(device.directRead(0, 0, 8)).toBe(0xffffffff);
    device.directWrite(0, 0, 8, 1);
    expect(model.take()).toEqual([]);
    expect(device.directRead(0, 0, 4)).toBe(0x03020100);
    device.directWrite(0, 4, 4, 1);
    expect(model.take()).toEqual(['r0+0:4', 'w0+4:4=1']);
  });

  test('through read64 and write64 reaches the device whole', async () => {
    const { model, opened, device } = await open();
    expect(device.read64(0, 0)).toBe(0x0706050403020100n);
    device.write64(0, 8, 0x8877665544332211n);
    expect(model.take()).toEqual(['r0+0:4', 'r0+4:4', 'w0+8:4=44332211', 'w0+12:4=88776655']);
    expect(opened.events).toEqual([]);
  });
});

describe('a snapshot', () => {
  test('has the edge that is held in its eventfd while paused, and injects it after the restore', async () => {
    const { rig, placed, device, lines } = await start(edges(1));
    rig.host.kernel.holdSignals();
    device.pause();
    placed.pulse(0);
    expect(placed.line(0).pending).toBe(1);
    expect(device.signalsWaiting).toBe(false);
    const snapshot = device.snapshot();
    const fresh = await start(edges(1));
    fresh.device.restore(snapshot);
    fresh.device.safePoint();
    expect(fresh.lines.take()).toEqual(['+0']);
    expect(fresh.device.lines[0]?.statistics.signals).toBe(1);
    // Taking a snapshot takes nothing away.
    rig.host.kernel.releaseSignals();
    device.resume();
    expect(lines.take()).toEqual(['+0']);
    expect(device.lines[0]?.statistics.signals).toBe(1);
  });

  test.each([true, false])(
    'of a device whose pause is %s leaves that of the other as it was',
    async (paused) => {
      const { device } = await start(edges(1));
      const fresh = await start(edges(1));
      (paused ? device : fresh.device).pause();
      fresh.device.restore(device.snapshot());
      fresh.placed.pulse(0);
      fresh.device.safePoint();
      expect(fresh.lines.take()).toEqual(paused ? ['+0'] : []);
      fresh.device.resume();
      expect(fresh.lines.levels.get(0)).toBe(true);
    },
  );
});

describe('a stall', () => {
  test.each([
    ['serialised', {}],
    ['independent', IRQCHIP],
  ] as const)(
    'of an %s line counts from the restore, not from the life of the snapshot',
    async (_, options) => {
      const { placed, device } = await start(edges(1), options);
      placed.pulse(0);
      device.safePoint();
      const snapshot = device.snapshot();
      const fresh = await start(edges(1), options, 5e6);
      fresh.rig.advanceMs(5e6);
      fresh.device.restore(snapshot);
      fresh.device.safePoint();
      expect(stalls(fresh.opened)).toEqual([]);
      fresh.rig.advanceMs(1001);
      fresh.device.safePoint();
      expect(stalls(fresh.opened)).toEqual([1001]);
    },
  );

  test.each([
    ['serialised', {}],
    ['independent', IRQCHIP],
  ] as const)(
    'of an %s line that signals before the first safe point counts from there',
    async (_, options) => {
      const { rig, opened, device } = await start(edges(1), options, 5e6);
      device.signal(0, 1);
      device.safePoint();
      expect(stalls(opened)).toEqual([]);
      rig.advanceMs(1001);
      device.safePoint();
      expect(stalls(opened)).toEqual([1001]);
    },
  );
});

describe('connecting an active line to another target', () => {
  test('lowers the old one and raises the new one', async () => {
    const { placed, device, lines } = await start(levels(1));
    placed.setLine(0, true);
    device.safePoint();
    const others: string[] = [];
    device.connectLine(0, { up: () => others.push('up'), down: () => others.push('down') });
    expect([lines.take(), others.splice(0)]).toEqual([['+0', '-0'], ['up']]);
    placed.setLine(0, false);
    device.read(0, 0, 4);
    expect([lines.take(), others]).toEqual([[], ['down']]);
    expect(placed.line(0).masked).toBe(false);
  });
});

describe('an EOI rule', () => {
  const RULE: EoiRule = { region: 0, offset: 0x10, access: 'write', line: 0 };

  test('with a value and no mask matches only the exact value of the whole register', async () => {
    const { placed, device, lines } = await start(edges(1));
    device.addEoiRule({ ...RULE, value: 1 });
    placed.pulse(0);
    device.safePoint();
    for (const value of [3, 0x101, 0x80000001, 0]) device.write(0, 0x10, 4, value);
    // These carry a part of the register only.
    device.write(0, 0x10, 2, 1);
    device.write(0, 0x10, 1, 1);
    expect(lines.take()).toEqual(['+0']);
    device.write(0, 0x10, 4, 1);
    expect(lines.take()).toEqual(['-0']);
  });

  test.each([
    ['a value outside its mask', { ...RULE, mask: 1, value: 2 }],
    ['a value wider than the register', { ...RULE, width: 1, value: 0x101 }],
    ['an unknown access', { ...RULE, access: 'both' }],
    ['no access', { region: 0, offset: 0x10, line: 0 }],
  ])('with %s is refused and leaves the line as it was', async (_, rule) => {
    const { placed, device, lines } = await start(edges(1));
    expect(refused(() => device.addEoiRule(rule as EoiRule)).code).toBe('RULE_INVALID');
    expect(device.lines[0]?.eoi).toBe('access');
    placed.pulse(0);
    device.safePoint();
    device.read(0, 0, 4);
    expect(lines.take()).toEqual(['+0', '-0']);
  });
});

describe('an EOI source', () => {
  test.each([
    ['with an unknown name', 'gpio'],
    ['that is a name of every object', 'constructor'],
    ["'register' without a rule", 'register'],
  ])('%s is refused and leaves the line as it was', async (_, source) => {
    const { placed, device, lines } = await start(edges(1));
    const error = refused(() => device.setEoiSource(0, source as EoiSource));
    expect(error).toMatchObject({ code: 'RULE_INVALID', device: 'dev' });
    expect(device.lines[0]?.eoi).toBe('access');
    placed.pulse(0);
    device.safePoint();
    device.read(0, 0, 4);
    expect(lines.take()).toEqual(['+0', '-0']);
  });

  test("cannot be chosen under policy 'qemu'", async () => {
    const { device } = await start(edges(1), { policy: 'qemu' });
    for (const source of ['irqchip', 'register', 'write', 'access'] as const) {
      expect(refused(() => device.setEoiSource(0, source)).code).toBe('RULE_INVALID');
    }
    const rule: EoiRule = { region: 0, offset: 0, access: 'write', line: 0 };
    expect(refused(() => device.addEoiRule(rule)).code).toBe('RULE_INVALID');
    expect(device.lines[0]?.eoi).toBe('access');
  });
});

describe.each([
  ['group and container', {}],
  ['iommufd', { iommufd: true }],
])('guest RAM through %s', (_, options) => {
  async function open(kernel = {}) {
    const rig = new Rig(kernel);
    const { model } = rig.add(new ProbeDevice());
    const { device } = await rig.open(options);
    rig.takeCalls();
    return { rig, device, dma: model.environment.dma };
  }

  test('is the right block each of 70000 times that a fresh object is mapped and unmapped', async () => {
    const { rig, device, dma } = await open();
    const PAGE = 0x1000;
    const pages = 16;
    const { bytes } = allocGuestRam(pages * PAGE);
    const mark = new Uint8Array(1);
    let wrong = 0;
    for (let round = 0; round < 70000; round++) {
      const at = (round % pages) * PAGE;
      device.mapGuestRam({ bytes: bytes.subarray(at, at + PAGE) }, 0x10000n);
      mark[0] = 1 + (round % 251);
      if (!dma.write(0x10000, mark) || bytes[at] !== mark[0]) wrong++;
      bytes[at] = 0;
      if (!device.unmapGuestRam(0x10000n)) wrong++;
      rig.calls.length = 0;
    }
    expect(wrong).toBe(0);
    expect(bytes.every((byte) => byte === 0)).toBe(true);
    expect(rig.resources.dmaMappings).toBe(0);
  });

  test('in a range that the IOMMU reserves is refused before the kernel is asked', async () => {
    const iovaRanges = [
      { first: 0n, last: 0xffffn },
      { first: 0x20000n, last: 0xfffffn },
    ];
    const { rig, device, dma } = await open({ iovaRanges });
    const ram = allocGuestRam(0x2000);
    for (const iova of [0x10000n, 0xf000n, 0x1f000n, 0xff000n, 0x100000n]) {
      const error = refused(() => device.mapGuestRam(ram, iova));
      expect(error).toMatchObject({ code: 'DMA_RANGE', device: 'dev' });
    }
    expect(rig.takeCalls()).toEqual([]);
    for (const iova of [0xe000n, 0x20000n, 0xfe000n]) device.mapGuestRam(ram, iova);
    expect(rig.resources.dmaMappings).toBe(3);
    expect(dma.write(0x20fff, Uint8Array.of(5))).toBe(true);
    expect(ram.bytes[0xfff]).toBe(5);
  });
});

describe('allocGuestRam', () => {
  test.each([1, 0x2abc, 0x10000, 0x10001])('gives exactly %i bytes of zero', (size) => {
    const { bytes } = allocGuestRam(size);
    expect(bytes.length).toBe(size);
    expect(bytes.byteOffset % 0x10000).toBe(0);
    expect(bytes.every((byte) => byte === 0)).toBe(true);
  });

  test.each([0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 32 + 1, '4096'])(
    'refuses %s bytes',
    (size) => {
      expect(refused(() => allocGuestRam(size as number)).code).toBe('OPTION_INVALID');
    },
  );
});

describe('an error that the kernel object throws while a device is opened', () => {
  /** Opens a device whose kernel throws in `call`, then one whose kernel has recovered. */
  async function openBroken(call: string, options: DeviceOptions) {
    const rig = new Rig();
    rig.add(new ProbeDevice());
    const thrown = new Error('out of order');
    let broken = true;
    const kernel = new Proxy(rig.host.kernel, {
      get(target, name) {
        if (broken && name === call) {
          return () => {
            throw thrown;
          };
        }
        const value = Reflect.get(target, name, target);
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
    const opening = () =>
      openDevice(
        { kernel, sysfs: rig.host.sysfs },
        { host: 'dev', memoryBytes: SMALL_MEMORY, ...options },
        { clock: rig.clock, core: coreModule },
      );
    const outcome: unknown = await opening().catch((error: unknown) => error);
    expect(rig.resources).toMatchObject({ fds: 0, mappings: 0 });
    broken = false;
    (await opening()).close();
    return { outcome, thrown };
  }

  test.each([
    ['open', {}],
    ['ioctl', {}],
    ['open', { iommufd: true }],
    ['ioctl', { iommufd: true }],
  ])('in %s %o is the cause of the VfioError, and nothing stays open', async (call, options) => {
    const { outcome, thrown } = await openBroken(call, options);
    expect(outcome).toBeInstanceOf(VfioError);
    expect(outcome).toMatchObject({ cause: thrown, device: 'dev' });
  });

  test('in mmap is the cause of the VfioError as well', async () => {
    const { outcome, thrown } = await openBroken('mmap', {});
    expect(outcome).toBeInstanceOf(VfioError);
    expect(outcome).toMatchObject({ cause: thrown, device: 'dev' });
  });
});
