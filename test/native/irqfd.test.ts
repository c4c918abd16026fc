import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  VFIO_DEVICE_SET_IRQS,
  VFIO_IRQ_SET_ACTION_TRIGGER,
  VFIO_IRQ_SET_ACTION_UNMASK,
  VFIO_IRQ_SET_DATA_EVENTFD,
} from '../../assembly/abi/vfio';
import type { DeviceEvent } from '../../host/device/events';
import { openDevice } from '../../host/device/open';
import { KvmVm } from '../../host/native';
import { NativeWorld } from '../conformance/native/native-world';
import { LineLog } from '../support/board';
import { coreModule } from '../support/core';
import { kvmMissing } from './available';
import { describePlayed } from './describe-played';
import { COMPLETED, GUEST_START, IDLE, loadGuest, READY, TAKEN } from './guest';
import { until } from './support';

const GSI = 10;
const EINVAL = 22;
/** Edge triggered, masked: the IOAPIC remembers a pulse in its request register. */
const EDGE_MASKED = 0x2bn | (1n << 16n);
const LEVEL = 0;
const EDGE = 1;

/** A device of the played kernel whose lines go to an irqchip of the real KVM. */
describePlayed('a line of a device in a KVM machine', () => {
  const reason = kvmMissing();
  let world: NativeWorld;
  const opened: { close(): void }[] = [];

  beforeEach(() => {
    world = new NativeWorld();
    world.addDevice({ name: 'dev', lines: ['level', 'edge'] });
  });
  afterEach(() => {
    for (const thing of opened.splice(0).reverse()) thing.close();
    expect(world.resources()).toMatchObject({ fds: 0, eventfds: 0, watches: 0 });
    world.end();
  });

  async function open(vm: KvmVm) {
    opened.push(vm);
    const events: DeviceEvent[] = [];
    const device = await openDevice(
      world.host,
      { host: 'dev' },
      {
        clock: world.clock,
        vmFd: vm.fd,
        core: coreModule,
        listener: (event) => events.push(event),
      },
    );
    opened.push(device);
    const lines = new LineLog();
    return { device, events, lines, line: (index: number) => world.played.line('dev', index) };
  }

  /** Runs the guest until it says something else than that it is idle. */
  function hear(vm: KvmVm): number {
    for (let idle = 0; idle < 100_000; idle++) {
      const { value } = vm.run();
      if (value !== IDLE) return value;
    }
    return IDLE;
  }

  test.skipIf(reason)(
    `goes to the guest and back without this process${reason ? ` (skipped: ${reason})` : ''}`,
    async () => {
      const vm = new KvmVm();
      loadGuest(vm.memory);
      vm.createVcpu(GUEST_START);
      expect(vm.run().value).toBe(READY);
      const { device, events, lines, line } = await open(vm);
      device.connectLine(LEVEL, lines.target(LEVEL), GSI);
      expect(device.lines[LEVEL]).toMatchObject({ armed: 'irqfd' });
      expect(line(LEVEL)).toMatchObject({ armed: true, resampled: true, masked: false });

      for (let round = 0; round < 20; round++) {
        world.setLine('dev', LEVEL, true);
        expect(line(LEVEL).masked).toBe(true);
        expect(hear(vm)).toBe(TAKEN);
        // The handler quiets the device before it completes the interrupt.
        world.setLine('dev', LEVEL, false);
        expect(hear(vm)).toBe(COMPLETED);
        await until(() => !line(LEVEL).masked, 'the resample eventfd has unmasked the line');
      }
      // One that is still high after its EOI comes again.
      world.setLine('dev', LEVEL, true);
      expect(hear(vm)).toBe(TAKEN);
      expect(hear(vm)).toBe(COMPLETED);
      expect(hear(vm)).toBe(TAKEN);
      world.setLine('dev', LEVEL, false);
      expect(hear(vm)).toBe(COMPLETED);

      device.safePoint();
      expect(lines.take()).toEqual([]);
      expect(events).toEqual([]);
      expect(device.lines[LEVEL]?.statistics.signals).toBe(0);
    },
  );

  test.skipIf(reason)('that is edge triggered arrives as a pulse', async () => {
    const vm = new KvmVm();
    vm.redirect(GSI, EDGE_MASKED);
    const { device, lines, line } = await open(vm);
    device.connectLine(EDGE, lines.target(EDGE), GSI);
    expect(line(EDGE)).toMatchObject({ armed: true, resampled: false });
    world.played.pulse('dev', EDGE);
    await until(() => line(EDGE).pending === 0, 'KVM has taken the signal');
    device.disconnectLine(EDGE);
    expect(line(EDGE).armed).toBe(false);
    expect(lines.take()).toEqual([]);
  });

  const refusals: [
    who: string,
    prepare: (vm: KvmVm) => void,
    options: { irqchip?: boolean },
    told: string,
  ][] = [
    ['KVM has no irqchip', () => {}, { irqchip: false }, 'KVM_IRQFD says'],
    ['the VM is closed', (vm) => vm.close(), {}, 'the machine has none: the kernel says EBADF'],
    [
      'VFIO refuses the resample eventfd',
      () => failSetIrqs(VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_UNMASK),
      {},
      'set the resample eventfd of line 0: VFIO_DEVICE_SET_IRQS says EINVAL',
    ],
    [
      'VFIO refuses the trigger once',
      () => failSetIrqs(VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER),
      {},
      'arm line 0: VFIO_DEVICE_SET_IRQS says EINVAL',
    ],
  ];

  function failSetIrqs(flags: number): void {
    world.played.fail(`ioctl:${VFIO_DEVICE_SET_IRQS}:${flags}`, EINVAL);
  }

  test.skipIf(reason).each(refusals)(
    'is served here where %s',
    async (_, prepare, options, told) => {
      const vm = new KvmVm(options);
      const { device, events, lines, line } = await open(vm);
      prepare(vm);
      device.connectLine(LEVEL, lines.target(LEVEL), GSI);
      const [warning] = events;
      expect(warning).toMatchObject({ type: 'warning' });
      expect(JSON.stringify(warning)).toContain('it is served without the kernel irqchip');
      expect(JSON.stringify(warning)).toContain(told);
      expect(line(LEVEL)).toMatchObject({ armed: true, resampled: false, masked: false });

      world.setLine('dev', LEVEL, true);
      await until(() => device.signalsWaiting, 'the signal arrives');
      device.safePoint();
      expect(lines.take()).toEqual(['+0']);
      world.setLine('dev', LEVEL, false);
      device.read(0, 0, 4);
      expect(lines.take()).toEqual(['-0']);
      expect(line(LEVEL).masked).toBe(false);
      if (told.includes('SET_IRQS')) expect(vm.level(GSI)).toBe(false);
    },
  );
});
