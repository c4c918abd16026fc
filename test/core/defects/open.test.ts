import { describe, expect, test } from 'vitest';
import { ENODEV } from '../../../assembly/abi/linux';
import { VFIO_DEVICE_GET_IRQ_INFO, VFIO_DEVICE_GET_REGION_INFO } from '../../../assembly/abi/vfio';
import { edges, levels, ProbeDevice } from '../device/models';
import { Rig, refusal } from '../device/rig';

const TRIO = { lines: levels(2) };

describe('errors at open', () => {
  test.each([VFIO_DEVICE_GET_REGION_INFO, VFIO_DEVICE_GET_IRQ_INFO])(
    'D13 a device whose discovery fails (0x%s) leaves nothing and can be opened again',
    async (request) => {
      const rig = new Rig();
      const placed = rig.add(new ProbeDevice(TRIO));
      placed.faults.inject({ call: 'ioctl', request, errno: ENODEV });
      await refusal(rig.open());
      expect(rig.resources.fds).toBe(0);
      expect((await rig.open()).device.lines).toHaveLength(2);
    },
  );

  test('D14 a trailing slash of sysfsdev is harmless', async () => {
    const rig = new Rig();
    const { sysfsPath } = rig.add(new ProbeDevice(TRIO));
    for (const path of [`${sysfsPath}/`, `${sysfsPath}//`, '/sys/bus/platform/devices/dev/']) {
      const { device } = await rig.open({ sysfsdev: path });
      expect(device.name).toBe('dev');
      device.close();
    }
  });

  test.each(['vfio', '', '12x', '-1', '0x10', '1.5'])(
    "D15 an IOMMU group called '%s' is an error and no success without regions",
    async (group) => {
      const rig = new Rig();
      const { sysfsPath } = rig.add(new ProbeDevice(TRIO));
      rig.host.sysfs.addLink(`${sysfsPath}/iommu_group`, `../../../kernel/iommu_groups/${group}`);
      const error = await refusal(rig.open());
      expect(error).toMatchObject({ code: 'NO_IOMMU_GROUP', device: 'dev' });
    },
  );

  test('D16 a failing GET_IRQ_INFO keeps its errno', async () => {
    const rig = new Rig();
    const placed = rig.add(new ProbeDevice(TRIO));
    const request = VFIO_DEVICE_GET_IRQ_INFO;
    placed.faults.inject({ call: 'ioctl', request, index: 1, errno: ENODEV });
    const error = await refusal(rig.open());
    expect(error).toMatchObject({ code: 'IRQ_INFO', errno: ENODEV, device: 'dev' });
    expect(error.message).toContain('line 1');
    expect(error.message).toContain('ENODEV');
  });

  test.each([{}, { iommufd: true }])(
    'D40 a device without of_node opens, with no compatible strings (%o)',
    async (options) => {
      const rig = new Rig();
      rig.add(new ProbeDevice(TRIO), { compatible: [] });
      const { device } = await rig.open(options);
      expect(device.compatible).toEqual([]);
    },
  );

  test('D40 a compatible list that no NUL ends is read all the same', async () => {
    const rig = new Rig();
    rig.add(new ProbeDevice(TRIO), { compatible: ['a,b', 'c,d'] });
    rig.host.sysfs.addFile('/sys/firmware/devicetree/base/dev/compatible', 'a,b\0c,d');
    expect((await rig.open()).device.compatible).toEqual(['a,b', 'c,d']);
  });

  test('D40 a device given as a descriptor needs no sysfs', async () => {
    const rig = new Rig();
    const { cdevPath = '' } = rig.add(new ProbeDevice(TRIO));
    const fd = rig.host.kernel.open(cdevPath, 2);
    const { device } = await rig.open({ fd });
    expect(device.compatible).toEqual([]);
    expect(device.read(0, 0, 4)).toBe(0x03020100);
  });

  test('D41 the realize event has an empty text where there is no compatible string', async () => {
    const rig = new Rig();
    rig.add(new ProbeDevice({ lines: edges(1) }), { compatible: [] });
    const { events } = await rig.open({ trace: true });
    expect(events[0]).toMatchObject({
      trace: { name: 'vfio_platform_realize', text: 'vfio device dev, compat = ' },
    });
  });

  test('D42 devices of equal name on two buses are two devices', async () => {
    const rig = new Rig();
    const places = [
      rig.add(new ProbeDevice(), { bus: 'platform', parent: 'platform' }),
      rig.add(new ProbeDevice(), { bus: 'amba', parent: 'amba' }),
    ];
    const opened = [];
    for (const { busPath } of places) opened.push(await rig.open({ sysfsdev: busPath }));
    expect(opened.map(({ device }) => device.bus)).toEqual(['platform', 'amba']);
  });

  test('D42 the same device by another path is already attached', async () => {
    const rig = new Rig();
    const { sysfsPath, busPath } = rig.add(new ProbeDevice());
    const { device } = await rig.open({ sysfsdev: busPath });
    const error = await refusal(rig.open({ sysfsdev: sysfsPath }));
    expect(error).toMatchObject({ code: 'ALREADY_ATTACHED', device: 'dev' });
    device.close();
    await rig.open({ sysfsdev: sysfsPath });
  });
});
