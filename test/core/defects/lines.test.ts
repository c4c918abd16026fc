import { describe, expect, test } from 'vitest';
import { EBUSY, EIO, EMFILE, ENOSPC } from '../../../assembly/abi/linux';
import { VFIO_IRQ_INFO_EVENTFD } from '../../../assembly/abi/vfio';
import { edges, levels, ProbeDevice } from '../device/models';
import { connectAll, Rig, refused, warnings } from '../device/rig';

describe('lines', () => {
  test.each([EBUSY, ENOSPC, EIO])(
    'D17 a line that the host refuses with errno %i is a typed error and the device works on',
    async (errno) => {
      const rig = new Rig();
      const placed = rig.add(new ProbeDevice({ lines: edges(2) }));
      const { device, lines } = await rig.open();
      placed.faults.inject({ call: 'ioctl', flags: 0x24, index: 0, errno });
      const error = refused(() => device.connectLine(0, lines.target(0)));
      expect(error).toMatchObject({ code: 'SET_TRIGGER', errno, device: 'dev' });
      expect(rig.resources).toMatchObject({ eventfds: 0, watches: 0 });
      expect(device.read(0, 0, 4)).toBe(0x03020100);
      device.connectLine(1, lines.target(1));
      placed.pulse(1);
      device.safePoint();
      expect(lines.take()).toEqual(['+1']);
    },
  );

  test.each(edges(1).concat(...[levels(1) as never]))(
    'D17 an irqfd that VFIO refuses (%s line) is undone and the line is served without it',
    async (trigger) => {
      const rig = new Rig();
      const placed = rig.add(new ProbeDevice({ lines: [trigger] }));
      const vm = rig.host.createVm();
      const opened = await rig.open({}, { vmFd: vm.fd });
      placed.faults.inject({ call: 'ioctl', flags: 0x24, index: 0, errno: ENOSPC });
      opened.device.connectLine(0, opened.lines.target(0), 33);
      expect(vm.irqfds).toBe(0);
      expect(opened.device.lines[0]?.armed).toBe('user');
      expect(warnings(opened)).toHaveLength(1);
      placed.setLine(0, true);
      opened.device.safePoint();
      expect(opened.lines.take()).toEqual(['+0']);
      opened.device.close();
      vm.close();
    },
  );

  test('D21 lines from 256 on are their own, in every call', async () => {
    const rig = new Rig();
    const placed = rig.add(new ProbeDevice({ lines: levels(300) }));
    const opened = await rig.open();
    connectAll(opened);
    const { device, lines } = opened;
    rig.takeCalls();
    placed.setLine(261, true);
    device.safePoint();
    expect(lines.take()).toEqual(['+261']);
    placed.setLine(261, false);
    device.read(0, 0, 4);
    expect(lines.take()).toEqual(['-261']);
    device.maskLine(299);
    device.unmaskLine(299);
    expect(rig.takeCalls()).toEqual([
      'VFIO_DEVICE_SET_IRQS 0x11 line 261 start 0 count 1 argsz 20',
      'VFIO_DEVICE_SET_IRQS 0x9 line 299 start 0 count 1 argsz 20',
      'VFIO_DEVICE_SET_IRQS 0x11 line 299 start 0 count 1 argsz 20',
    ]);
    expect(device.lines[5]?.statistics).toMatchObject({ signals: 0, completions: 0 });
  });

  test.each([
    ['has count 0', { count: 0 }],
    ['has no EVENTFD flag', { flags: 0 }],
    ['has count 2', { count: 2, flags: VFIO_IRQ_INFO_EVENTFD }],
  ])('D22 a line that %s is refused before the kernel is asked', async (_, lie) => {
    const rig = new Rig();
    const placed = rig.add(new ProbeDevice({ lines: edges(1) }));
    placed.faults.lieIrq(0, lie);
    const { device, lines } = await rig.open();
    expect(device.lines[0]?.usable).toBe(false);
    rig.takeCalls();
    const error = refused(() => device.connectLine(0, lines.target(0)));
    expect(error).toMatchObject({ code: 'LINE_UNUSABLE', device: 'dev' });
    expect(rig.takeCalls()).toEqual([]);
  });

  test('D23 when the second eventfd cannot be made the first one is given back', async () => {
    const rig = new Rig();
    const placed = rig.add(new ProbeDevice({ lines: levels(1) }));
    const vm = rig.host.createVm();
    const { device, lines } = await rig.open({}, { vmFd: vm.fd });
    rig.host.kernel.faults.inject({ call: 'eventfd', errno: EMFILE, skip: 1, times: Infinity });
    const error = refused(() => device.connectLine(0, lines.target(0), 1));
    expect(error).toMatchObject({ code: 'EVENTFD', errno: EMFILE });
    expect(rig.resources.eventfds).toBe(0);
    expect(vm.irqfds).toBe(0);
    rig.host.kernel.faults.clear();
    device.connectLine(0, lines.target(0));
    placed.setLine(0, true);
    device.safePoint();
    expect(lines.take()).toEqual(['+0']);
    device.close();
    vm.close();
  });

  test.each(['eventfd', 'watch', 'ioctl'] as const)(
    'D24 when %s fails a line leaves nothing behind and can be connected later',
    async (call) => {
      const rig = new Rig();
      const placed = rig.add(new ProbeDevice({ lines: edges(1) }));
      const { device, lines } = await rig.open();
      const before = rig.resources;
      rig.host.kernel.faults.inject({ call, errno: EIO });
      const error = refused(() => device.connectLine(0, lines.target(0)));
      expect(error.errno).toBe(EIO);
      expect(rig.resources).toEqual(before);
      expect(device.lines[0]).toMatchObject({ armed: 'no', state: 'inactive' });
      device.connectLine(0, lines.target(0));
      placed.pulse(0);
      device.safePoint();
      expect(lines.take()).toEqual(['+0']);
    },
  );
});
