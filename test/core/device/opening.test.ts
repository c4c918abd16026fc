import { describe, expect, test } from 'vitest';
import { MemoryDevice } from '../../../host/sim/models/memory';
import { levels, ProbeDevice } from './models';
import { Rig, refusal } from './rig';

const MODEL = { lines: levels(2), regions: [{ size: 0x1000 }, { size: 0x2000 }] };

describe('the order of system calls', () => {
  test('of an open through group and container, and of arming, is the observed one', async () => {
    const rig = new Rig();
    rig.add(new ProbeDevice(MODEL), { group: 7 });
    const guestRam = [{ bytes: new Uint8Array(0x2000), guestAddress: 0x10000, writable: true }];
    await rig.start({ dma: true }, { guestRam });
    expect(rig.takeCalls()).toEqual([
      'open /dev/vfio/7',
      'VFIO_GROUP_GET_STATUS',
      'open /dev/vfio/vfio',
      'VFIO_GET_API_VERSION',
      'VFIO_CHECK_EXTENSION 3',
      'VFIO_GROUP_SET_CONTAINER',
      'VFIO_SET_IOMMU 3',
      'VFIO_IOMMU_GET_INFO',
      // The first answer says how much room the capabilities need.
      'VFIO_IOMMU_GET_INFO',
      'VFIO_GROUP_GET_DEVICE_FD',
      'VFIO_DEVICE_GET_INFO',
      'VFIO_DEVICE_GET_REGION_INFO 0',
      'VFIO_DEVICE_GET_REGION_INFO 1',
      'VFIO_DEVICE_GET_IRQ_INFO 0',
      'VFIO_DEVICE_GET_IRQ_INFO 1',
      'mmap',
      'mmap',
      // RAM is mapped after opening, unlike in QEMU.
      'VFIO_IOMMU_MAP_DMA',
      'eventfd',
      'watch 0',
      'VFIO_DEVICE_SET_IRQS 0x24 line 0 start 0 count 1 argsz 24',
      'eventfd',
      'watch 1',
      'VFIO_DEVICE_SET_IRQS 0x24 line 1 start 0 count 1 argsz 24',
    ]);
  });

  test('of an open through cdev and iommufd', async () => {
    const rig = new Rig();
    rig.add(new ProbeDevice(MODEL));
    const { device } = await rig.open({ iommufd: true });
    expect(rig.takeCalls()).toEqual([
      'open /dev/vfio/devices/vfio0',
      'open /dev/iommu',
      'VFIO_DEVICE_BIND_IOMMUFD',
      'IOMMU_IOAS_ALLOC',
      'VFIO_DEVICE_ATTACH_IOMMUFD_PT',
      'IOMMU_IOAS_IOVA_RANGES',
      'IOMMU_IOAS_IOVA_RANGES',
      'VFIO_DEVICE_GET_INFO',
      'VFIO_DEVICE_GET_REGION_INFO 0',
      'VFIO_DEVICE_GET_REGION_INFO 1',
      'VFIO_DEVICE_GET_IRQ_INFO 0',
      'VFIO_DEVICE_GET_IRQ_INFO 1',
      'mmap',
      'mmap',
    ]);
    device.close();
    expect(rig.takeCalls()).toEqual([
      'munmap',
      'munmap',
      'close /dev/vfio/devices/vfio0',
      'IOMMU_DESTROY',
      'close /dev/iommu',
    ]);
  });

  test('of an open without an IOMMU asks twice for the type and nothing about mappings', async () => {
    const rig = new Rig({ unsafeNoiommu: true });
    rig.add(new ProbeDevice({ regions: [] }), { noiommu: true, group: 2 });
    await rig.open({ noiommu: true });
    expect(rig.takeCalls()).toEqual([
      'open /dev/vfio/noiommu-2',
      'VFIO_GROUP_GET_STATUS',
      'open /dev/vfio/vfio',
      'VFIO_GET_API_VERSION',
      'VFIO_CHECK_EXTENSION 8',
      'VFIO_GROUP_SET_CONTAINER',
      'VFIO_CHECK_EXTENSION 8',
      'VFIO_SET_IOMMU 8',
      'VFIO_GROUP_GET_DEVICE_FD',
      'VFIO_DEVICE_GET_INFO',
    ]);
  });

  test('TYPE1 is taken where the second version is not offered', async () => {
    const rig = new Rig();
    rig.add(new ProbeDevice());
    rig.host.kernel.faults.tamper(0x3b65, ({ value }) => (value === 3 ? 0 : undefined));
    await rig.open();
    expect(rig.calls).toContain('VFIO_CHECK_EXTENSION 1');
    expect(rig.calls).toContain('VFIO_SET_IOMMU 1');
  });
});

describe('the kinds of opening', () => {
  test('an AMBA device is found by its name', async () => {
    const rig = new Rig();
    rig.add(new ProbeDevice(), { bus: 'amba' });
    expect((await rig.open()).device.bus).toBe('amba');
  });

  test('sysfsdev wins over host, and fd over both', async () => {
    const rig = new Rig();
    const first = rig.add(new ProbeDevice({ compatible: ['first'] }), {}, 'first');
    const second = rig.add(new ProbeDevice({ compatible: ['second'] }), {}, 'second');
    const { device } = await rig.open({ host: 'first', sysfsdev: second.busPath });
    expect(device.compatible).toEqual(['second']);
    const fd = rig.host.kernel.open(first.cdevPath ?? '', 2);
    await rig.open({ host: 'second', sysfsdev: second.busPath, fd });
    expect(first.openCount).toBe(1);
  });

  test('a device given as a descriptor belongs to the opened device, which closes it', async () => {
    const rig = new Rig();
    const placed = rig.add(new ProbeDevice());
    const fd = rig.host.kernel.open(placed.cdevPath ?? '', 2);
    const { device } = await rig.open({ fd });
    expect(device.name).toBe(`fd ${fd}`);
    device.close();
    expect(rig.resources.fds).toBe(0);
  });

  test('a device that somebody else has open through iommufd is refused', async () => {
    const rig = new Rig();
    rig.add(new ProbeDevice());
    await rig.open({ iommufd: true });
    rig.host.sysfs.addLink('/elsewhere/dev', '/sys/devices/platform/dev');
    expect((await refusal(rig.open())).code).toBe('ALREADY_ATTACHED');
  });

  test('the compatible strings and the reset flag are those of the device', async () => {
    const rig = new Rig();
    rig.add(new ProbeDevice({ compatible: ['a,b', 'c'], resettable: false }));
    const { device } = await rig.open();
    expect(device.compatible).toEqual(['a,b', 'c']);
    expect(device.resettable).toBe(false);
  });
});

describe('sharing', () => {
  test('a second device of a group shares the group and its container', async () => {
    const rig = new Rig();
    for (const name of ['a', 'b']) rig.add(new ProbeDevice(), { group: 4 }, name);
    const a = await rig.open({ host: 'a' });
    rig.takeCalls();
    const b = await rig.open({ host: 'b' });
    expect(rig.takeCalls()).toEqual([
      'VFIO_GROUP_GET_STATUS',
      'VFIO_IOMMU_GET_INFO',
      'VFIO_IOMMU_GET_INFO',
      'VFIO_GROUP_GET_DEVICE_FD',
      'VFIO_DEVICE_GET_INFO',
      'VFIO_DEVICE_GET_REGION_INFO 0',
      'mmap',
    ]);
    a.device.close();
    expect(b.device.read(0, 0, 4)).toBe(0x03020100);
    expect((await rig.open({ host: 'a' })).device.read(0, 4, 4)).toBe(0x07060504);
  });

  test('a device of another group joins the container that is there', async () => {
    const rig = new Rig();
    rig.add(new ProbeDevice(), { group: 4 }, 'a');
    rig.add(new ProbeDevice(), { group: 5 }, 'b');
    const a = await rig.open({ host: 'a' });
    rig.takeCalls();
    const b = await rig.open({ host: 'b' });
    const calls = rig.takeCalls();
    expect(calls.slice(0, 3)).toEqual([
      'open /dev/vfio/5',
      'VFIO_GROUP_GET_STATUS',
      'VFIO_GROUP_SET_CONTAINER',
    ]);
    expect(calls).not.toContain('open /dev/vfio/vfio');
    a.device.close();
    expect(rig.takeCalls()).not.toContain('close /dev/vfio/vfio');
    b.device.close();
    expect(rig.takeCalls()).toContain('close /dev/vfio/vfio');
    expect(rig.resources.fds).toBe(0);
  });

  test('a group that no container of the process takes gets a new one', async () => {
    const rig = new Rig();
    rig.add(new ProbeDevice(), { group: 4 }, 'a');
    rig.add(new ProbeDevice(), { group: 5 }, 'b');
    await rig.open({ host: 'a' });
    rig.host.kernel.faults.inject({ call: 'ioctl', request: 0x3b68, errno: 1 });
    rig.takeCalls();
    await rig.open({ host: 'b' });
    expect(rig.takeCalls()).toContain('open /dev/vfio/vfio');
  });

  test('the last of many users in any order closes everything', async () => {
    for (const order of [
      ['a', 'b', 'c'],
      ['c', 'b', 'a'],
      ['b', 'a', 'c'],
    ]) {
      const rig = new Rig();
      rig.add(new ProbeDevice(), { group: 1 }, 'a');
      rig.add(new ProbeDevice(), { group: 1 }, 'b');
      rig.add(new ProbeDevice(), { group: 2 }, 'c');
      const open = new Map<string, Awaited<ReturnType<Rig['open']>>>();
      for (const name of ['a', 'b', 'c']) open.set(name, await rig.open({ host: name }));
      for (const name of order) {
        expect(rig.resources.fds).toBeGreaterThan(0);
        open.get(name)?.device.close();
      }
      expect(rig.resources.fds).toBe(0);
    }
  });

  test('a second device that fails to open leaves the first one working', async () => {
    const rig = new Rig();
    rig.add(new ProbeDevice(), { group: 1 }, 'a');
    const second = rig.add(new ProbeDevice(), { group: 1 }, 'b');
    const a = await rig.open({ host: 'a' });
    const before = rig.resources;
    second.faults.inject({ call: 'ioctl', request: 0x3b6b, errno: 5 });
    await refusal(rig.open({ host: 'b' }));
    expect(rig.resources).toEqual(before);
    expect(a.device.read(0, 0, 4)).toBe(0x03020100);
    await rig.open({ host: 'b' });
  });

  test('devices on iommufd share /dev/iommu and close it last', async () => {
    const rig = new Rig();
    for (const name of ['a', 'b']) rig.add(new MemoryDevice(), {}, name);
    const a = await rig.open({ host: 'a', iommufd: true });
    await rig.open({ host: 'b', iommufd: true });
    expect(rig.takeCalls().filter((call) => call === 'open /dev/iommu')).toHaveLength(1);
    a.device.close();
    expect(rig.takeCalls()).not.toContain('close /dev/iommu');
  });

  test('devices with and without an IOMMU have containers of their own', async () => {
    const rig = new Rig({ unsafeNoiommu: true });
    rig.add(new ProbeDevice(), {}, 'a');
    rig.add(new ProbeDevice(), { noiommu: true }, 'b');
    await rig.open({ host: 'a' });
    const b = await rig.open({ host: 'b', noiommu: true });
    expect(b.device.read(0, 0, 4)).toBe(0x03020100);
  });
});
