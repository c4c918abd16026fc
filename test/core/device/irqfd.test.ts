import { describe, expect, test } from 'vitest';
import { KVM_IRQFD } from '../../../assembly/abi/kvm';
import { EAGAIN } from '../../../assembly/abi/linux';
import type { DeviceOptions } from '../../../host/options/options';
import { ProbeDevice } from './models';
import { Rig, refused, warnings } from './rig';

const GSI = 40;

async function open(trigger: 'edge' | 'level', irqchip = true, options: DeviceOptions = {}) {
  const rig = new Rig();
  const placed = rig.add(new ProbeDevice({ lines: [trigger] }));
  const vm = rig.host.createVm({ irqchip });
  const opened = await rig.open(options, { vmFd: vm.fd });
  rig.takeCalls();
  const connect = () => opened.device.connectLine(0, opened.lines.target(0), GSI);
  return { rig, placed, vm, opened, device: opened.device, lines: opened.lines, connect };
}

describe('an edge line of a kernel irqchip', () => {
  test('is injected by the kernel, without the device being asked', async () => {
    const { placed, vm, device, lines, connect } = await open('edge');
    connect();
    expect(device.lines[0]?.armed).toBe('irqfd');
    for (let i = 0; i < 3; i++) placed.pulse(0);
    device.safePoint();
    expect(vm.injections(GSI)).toBe(3);
    expect(lines.take()).toEqual([]);
  });
});

describe('a level line of a kernel irqchip', () => {
  test('stays up until the guest completes it, and is sampled again', async () => {
    const { placed, vm, connect } = await open('level');
    connect();
    placed.setLine(0, true);
    expect(vm.level(GSI)).toBe(true);
    expect(placed.line(0).masked).toBe(true);
    vm.eoi(GSI);
    expect(vm.injections(GSI)).toBe(2);
    placed.setLine(0, false);
    vm.eoi(GSI);
    expect(vm.level(GSI)).toBe(false);
    expect(placed.line(0)).toMatchObject({ masked: false, resampled: true });
  });

  test('is armed in the order that leaves no gap', async () => {
    const { rig, connect } = await open('level');
    connect();
    expect(rig.takeCalls()).toEqual([
      'eventfd',
      'eventfd',
      'KVM_IRQFD',
      'VFIO_DEVICE_SET_IRQS 0x9 line 0 start 0 count 1 argsz 20',
      'VFIO_DEVICE_SET_IRQS 0x14 line 0 start 0 count 1 argsz 24',
      'VFIO_DEVICE_SET_IRQS 0x11 line 0 start 0 count 1 argsz 20',
      'VFIO_DEVICE_SET_IRQS 0x24 line 0 start 0 count 1 argsz 24',
    ]);
  });

  test('that is high before it is connected arrives then', async () => {
    const { placed, vm, connect } = await open('level');
    placed.setLine(0, true);
    connect();
    expect(vm.injections(GSI)).toBe(1);
  });
});

describe.each(['edge', 'level'] as const)('an %s line', (trigger) => {
  test('is served by the user-side machine when the option says so', async () => {
    const { placed, vm, device, lines, connect } = await open(trigger, true, { xIrqfd: false });
    connect();
    expect(device.lines[0]?.armed).toBe('user');
    placed.setLine(0, true);
    device.safePoint();
    expect(lines.take()).toEqual(['+0']);
    expect(vm.irqfds).toBe(0);
  });

  test('that KVM refuses falls back with a warning', async () => {
    const { rig, placed, vm, opened, device, lines, connect } = await open(trigger, false);
    connect();
    expect(device.lines[0]?.armed).toBe('user');
    expect(warnings(opened)).toHaveLength(1);
    expect(warnings(opened)[0]).toMatch(/KVM_IRQFD says EAGAIN.*without the kernel irqchip/);
    expect(rig.resources.eventfds).toBe(1);
    placed.setLine(0, true);
    device.safePoint();
    placed.setLine(0, false);
    device.read(0, 0, 4);
    expect(lines.take()).toEqual(['+0', '-0']);
    expect(placed.line(0).masked).toBe(false);
    expect(vm.irqfds).toBe(0);
  });

  test('without a virtual machine falls back with a warning', async () => {
    const rig = new Rig();
    const placed = rig.add(new ProbeDevice({ lines: [trigger] }));
    const opened = await rig.open();
    opened.device.connectLine(0, opened.lines.target(0), GSI);
    expect(warnings(opened)).toHaveLength(1);
    placed.setLine(0, true);
    opened.device.safePoint();
    expect(opened.lines.take()).toEqual(['+0']);
  });

  test.each(trigger === 'level' ? [0x9, 0x14, 0x11, 0x24] : [0x24])(
    'of which VFIO refuses SET_IRQS 0x%s is undone and falls back',
    async (flags) => {
      const { rig, placed, vm, opened, device, lines, connect } = await open(trigger);
      placed.faults.inject({ call: 'ioctl', flags, errno: EAGAIN });
      connect();
      expect(vm.irqfds).toBe(0);
      expect(placed.line(0)).toMatchObject({ resampled: false, masked: false, armed: true });
      expect(device.lines[0]?.armed).toBe('user');
      expect(warnings(opened)).toHaveLength(1);
      expect(rig.resources.eventfds).toBe(1);
      for (let i = 0; i < 2; i++) {
        placed.setLine(0, true);
        device.safePoint();
        placed.setLine(0, false);
        device.read(0, 0, 4);
      }
      expect(lines.take()).toEqual(['+0', '-0', '+0', '-0']);
    },
  );

  test('that is refused both ways is an error and leaves nothing', async () => {
    const { rig, placed, vm, device, connect } = await open(trigger);
    placed.faults.inject({ call: 'ioctl', flags: 0x24, errno: EAGAIN, times: 2 });
    expect(refused(connect)).toMatchObject({ code: 'SET_TRIGGER', errno: EAGAIN });
    expect(vm.irqfds).toBe(0);
    expect(rig.resources).toMatchObject({ eventfds: 0, watches: 0 });
    connect();
    expect(device.lines[0]?.armed).toBe('irqfd');
  });

  test('can be taken out of service and connected again', async () => {
    const { rig, placed, vm, device, connect } = await open(trigger);
    connect();
    device.disconnectLine(0);
    expect(vm.irqfds).toBe(0);
    expect(rig.resources.eventfds).toBe(0);
    expect(placed.line(0)).toMatchObject({ armed: false, resampled: false });
    connect();
    placed.setLine(0, true);
    expect(vm.injections(GSI)).toBe(1);
  });

  test('is given back by close, which leaves the virtual machine open', async () => {
    const { rig, vm, device, connect } = await open(trigger);
    connect();
    device.close();
    expect(vm.irqfds).toBe(0);
    expect(rig.resources).toMatchObject({ fds: 0, eventfds: 0 });
    rig.host.kernel.faults.inject({ call: 'ioctl', request: KVM_IRQFD, errno: 1 });
    vm.close();
  });
});
