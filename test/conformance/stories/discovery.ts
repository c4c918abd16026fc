import { describe, expect, test } from 'vitest';
import { type Rig, refusal } from '../rig';

/** Finding and opening a device (spec S2, S3). */
export function discoveryStories(rig: Rig): void {
  describe('finding a device', () => {
    test('by its name, on the platform bus and on AMBA', async () => {
      rig.world.addDevice({ name: '9030000.pl061', compatible: ['arm,pl061'] });
      rig.world.addDevice({
        name: '9010000.pl031',
        bus: 'amba',
        compatible: ['arm,pl031', 'arm,primecell'],
      });
      const gpio = await rig.open({ host: '9030000.pl061' });
      const rtc = await rig.open({ host: '9010000.pl031' });
      expect([gpio.device.name, gpio.device.bus]).toEqual(['9030000.pl061', 'platform']);
      expect([rtc.device.name, rtc.device.bus]).toEqual(['9010000.pl031', 'amba']);
      expect(gpio.device.compatible).toEqual(['arm,pl061']);
      expect(rtc.device.compatible).toEqual(['arm,pl031', 'arm,primecell']);
    });

    test('by its path in sysfs, a slash at the end or not', async () => {
      rig.world.addDevice({ name: 'dev' });
      for (const sysfsdev of [
        '/sys/bus/platform/devices/dev',
        '/sys/bus/platform/devices/dev/',
        '/sys/devices/platform/dev',
      ]) {
        const { device } = await rig.open({ sysfsdev });
        expect(device.name).toBe('dev');
        device.close();
      }
    });

    test('tells its regions and lines as the kernel describes them', async () => {
      rig.world.addDevice({
        name: 'dev',
        regions: [{ size: 0x2000 }, { size: 0x200, access: 'ro' }, { size: 0 }],
        lines: ['level', 'edge'],
      });
      const { device } = await rig.open({ host: 'dev' });
      expect(device.resettable).toBe(true);
      expect(device.regions).toMatchObject([
        { index: 0, size: 0x2000n, readable: true, writable: true },
        { index: 1, size: 0x200n, readable: true, writable: false, mapped: [] },
        { index: 2, size: 0n, readable: false, writable: false, mapped: [] },
      ]);
      expect(device.regions[0]?.mapped).toMatchObject([{ offset: 0, size: 0x2000 }]);
      expect(device.lines).toMatchObject([
        { index: 0, trigger: 'level', maskable: true, usable: true, armed: 'no' },
        { index: 1, trigger: 'edge', maskable: false, usable: true, armed: 'no' },
      ]);
    });

    test('that is not there names where it looked', async () => {
      const error = await refusal(rig.open({ host: 'nothing' }));
      expect(error.code).toBe('DEVICE_NOT_FOUND');
      expect(error.message).toContain('/sys/bus/platform/devices/nothing');
    });

    test('that has been taken off its bus is not found any more', async () => {
      rig.world.addDevice({ name: 'dev' });
      rig.world.removeDevice('dev');
      expect((await refusal(rig.open({ host: 'dev' }))).code).toBe('DEVICE_NOT_FOUND');
    });

    test('without an IOMMU group says what to bind it to', async () => {
      rig.world.addDevice({ name: 'dev', iommu: false });
      const error = await refusal(rig.open({ host: 'dev' }));
      expect(error.code).toBe('NO_IOMMU_GROUP');
      expect(error.message).toContain('vfio-platform');
    });
  });

  describe('a group', () => {
    test('that an ordinary driver shares is refused with the remedy', async () => {
      rig.world.addDevice({ name: 'dev', group: 3 });
      rig.world.addDevice({ name: 'other', group: 3, hostDriver: 'some-driver' });
      const error = await refusal(rig.open({ host: 'dev' }));
      expect(error.code).toBe('GROUP_NOT_VIABLE');
      expect(error.message).toContain('vfio driver');
    });

    test('of two devices is opened once, and closed with the last of them', async () => {
      rig.world.addDevice({ name: 'one', group: 5 });
      rig.world.addDevice({ name: 'two', group: 5 });
      const one = await rig.open({ host: 'one' });
      expect(rig.world.resources().fds).toBe(3);
      const two = await rig.open({ host: 'two' });
      expect(rig.world.resources().fds).toBe(4);
      one.device.close();
      expect(rig.world.resources().fds).toBe(3);
      two.device.write(0, 0, 4, 7);
      expect(two.device.read(0, 0, 4)).toBe(7);
      two.device.close();
      expect(rig.world.resources().fds).toBe(0);
    });

    test('of its own joins the container that there is', async () => {
      rig.world.addDevice({ name: 'one', group: 1 });
      rig.world.addDevice({ name: 'two', group: 2 });
      const one = await rig.open({ host: 'one' });
      await rig.open({ host: 'two' });
      // Two groups and two devices, one container.
      expect(rig.world.resources().fds).toBe(5);
      one.device.close();
      expect(rig.world.resources().fds).toBe(3);
    });
  });

  describe('a device without an IOMMU', () => {
    test('is refused unless it was asked for', async () => {
      rig.boot({ unsafeNoiommu: true }).addDevice({ name: 'dev', noiommu: true });
      expect((await refusal(rig.open({ host: 'dev' }))).code).toBe('NOIOMMU_NOT_ALLOWED');
      const { device } = await rig.open({ host: 'dev', noiommu: true });
      device.write(0, 0x10, 4, 0x12345678);
      expect(rig.world.peek('dev', 0, 0x10, 4)).toEqual([0x78, 0x56, 0x34, 0x12]);
    });

    test('takes no guest RAM', async () => {
      const world = rig.boot({ unsafeNoiommu: true });
      world.addDevice({ name: 'dev', noiommu: true });
      const { device } = await rig.open({ host: 'dev', noiommu: true });
      expect(() => device.mapGuestRam(world.allocGuestRam(0x1000), 0n)).toThrow('no DMA');
    });
  });

  describe('through its own node and iommufd', () => {
    test('a device works as through its group', async () => {
      rig.world.addDevice({ name: 'dev', lines: ['level'] });
      const opened = await rig.start({ host: 'dev', iommufd: true });
      expect(rig.world.resources().fds - rig.world.resources().eventfds).toBe(2);
      opened.device.write(0, 4, 4, 0xcafe);
      expect(rig.world.peek('dev', 0, 4, 2)).toEqual([0xfe, 0xca]);
      rig.world.setLine('dev', 0, true);
      await rig.moves(opened, ['+0']);
      rig.world.setLine('dev', 0, false);
      opened.device.read(0, 0, 4);
      await rig.moves(opened, ['-0']);
    });

    test('two devices share /dev/iommu', async () => {
      rig.world.addDevice({ name: 'one' });
      rig.world.addDevice({ name: 'two' });
      await rig.open({ host: 'one', iommufd: true });
      const two = await rig.open({ host: 'two', iommufd: true });
      expect(rig.world.resources().fds).toBe(3);
      two.device.close();
      expect(rig.world.resources().fds).toBe(2);
    });

    test('a device without such a node is refused with the remedy', async () => {
      rig.world.addDevice({ name: 'dev', cdev: false });
      const error = await refusal(rig.open({ host: 'dev', iommufd: true }));
      expect(error.code).toBe('NO_CDEV');
      expect(error.message).toContain('CONFIG_VFIO_DEVICE_CDEV');
    });

    test('a node that was opened beforehand will do', async () => {
      const { cdevPath } = rig.world.addDevice({ name: 'dev' });
      const fd = rig.world.openNode(cdevPath as string);
      const { device } = await rig.open({ fd });
      device.write(0, 0, 4, 1);
      expect(rig.world.peek('dev', 0, 0, 1)).toEqual([1]);
      device.close();
    });

    test('a device whose group is open somewhere is busy', async () => {
      const { groupPath } = rig.world.addDevice({ name: 'dev' });
      const fd = rig.world.openNode(groupPath as string);
      expect(await refusal(rig.open({ host: 'dev', iommufd: true }))).toMatchObject({
        code: 'BIND_IOMMUFD',
        errno: 16,
      });
      rig.world.closeNode(fd);
      await rig.open({ host: 'dev', iommufd: true });
    });
  });

  describe('opening twice', () => {
    test('is refused while the device is attached, and works after its close', async () => {
      rig.world.addDevice({ name: 'dev' });
      const first = await rig.open({ host: 'dev' });
      expect(await refusal(rig.open({ host: 'dev' }))).toMatchObject({
        code: 'ALREADY_ATTACHED',
        errno: 16,
      });
      expect(await refusal(rig.open({ host: 'dev', iommufd: true }))).toMatchObject({
        code: 'ALREADY_ATTACHED',
      });
      first.device.close();
      first.device.close();
      const again = await rig.open({ host: 'dev' });
      expect(again.device.read(0, 0, 4)).toBe(0);
    });

    test('a group that another program has open is busy', async () => {
      const { groupPath } = rig.world.addDevice({ name: 'dev' });
      const fd = rig.world.openNode(groupPath as string);
      const error = await refusal(rig.open({ host: 'dev' }));
      expect(error).toMatchObject({ code: 'OPEN_GROUP', errno: 16 });
      rig.world.closeNode(fd);
      await rig.open({ host: 'dev' });
    });
  });

  describe('an interrupt controller that does not isolate', () => {
    test('is refused with EPERM by both ways', async () => {
      rig.boot({ unsafeInterrupts: false }).addDevice({ name: 'dev' });
      expect(await refusal(rig.open({ host: 'dev' }))).toMatchObject({
        code: 'SET_IOMMU',
        errno: 1,
      });
      expect(await refusal(rig.open({ host: 'dev', iommufd: true }))).toMatchObject({
        code: 'BIND_IOMMUFD',
        errno: 1,
      });
    });
  });
}
