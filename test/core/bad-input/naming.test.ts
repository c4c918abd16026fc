import { describe, expect, test } from 'vitest';
import { ProbeDevice } from '../device/models';
import { Rig, refusal } from '../device/rig';

describe('naming a device', () => {
  test.each(['a/b', '/sys/bus/platform/devices/dev', '../dev', 'dev/'])(
    "host '%s' is no device name",
    async (host) => {
      const rig = new Rig();
      rig.add(new ProbeDevice());
      expect(await refusal(rig.open({ host }))).toMatchObject({ code: 'DEVICE_NAME_INVALID' });
    },
  );

  test('options that name no device are refused with what would name one', async () => {
    const rig = new Rig();
    const { openDevice } = await import('../../../host/device/open');
    const error = await refusal(openDevice(rig.host, {}, { clock: rig.clock }));
    expect(error.code).toBe('DEVICE_NAME_INVALID');
    for (const option of ['host', 'sysfsdev', 'fd']) expect(error.message).toContain(`'${option}'`);
  });

  test.each([{ host: 'absent' }, { sysfsdev: '/sys/devices/absent' }, { sysfsdev: 'relative' }])(
    'a device that does not exist (%o) is not found',
    async (options) => {
      const rig = new Rig();
      rig.add(new ProbeDevice());
      const error = await refusal(rig.open(options));
      expect(error.code).toBe('DEVICE_NOT_FOUND');
      expect(error.message).toMatch(/absent|relative/);
    },
  );

  test.each(['/', '/sys', '/sys/bus/platform/devices', '/dev/vfio/vfio'])(
    "sysfsdev '%s', which is no device, is refused",
    async (sysfsdev) => {
      const rig = new Rig();
      rig.add(new ProbeDevice());
      expect((await refusal(rig.open({ sysfsdev }))).code).toBe('NO_IOMMU_GROUP');
    },
  );

  test.each(['.', '..'])("host '%s' is refused", async (host) => {
    const rig = new Rig();
    rig.add(new ProbeDevice());
    expect((await refusal(rig.open({ host }))).code).toMatch(
      /^(DEVICE_NAME_INVALID|NO_IOMMU_GROUP)$/,
    );
  });

  test('a device without an IOMMU group is refused with a remedy', async () => {
    const rig = new Rig();
    rig.add(new ProbeDevice(), { iommu: false });
    const error = await refusal(rig.open());
    expect(error).toMatchObject({ code: 'NO_IOMMU_GROUP', device: 'dev' });
    expect(error.message).toContain('vfio-platform');
  });

  test('a group without an IOMMU is refused unless the option allows it', async () => {
    const rig = new Rig({ unsafeNoiommu: true });
    rig.add(new ProbeDevice(), { noiommu: true });
    const error = await refusal(rig.open());
    expect(error).toMatchObject({ code: 'NOIOMMU_NOT_ALLOWED', device: 'dev' });
    expect(error.message).toContain('noiommu');
    expect((await rig.open({ noiommu: true })).device.read(0, 0, 1)).toBe(0);
  });

  test('option noiommu on a device behind an IOMMU takes the IOMMU', async () => {
    const rig = new Rig();
    rig.add(new ProbeDevice());
    await rig.open({ noiommu: true });
    expect(rig.calls).toContain('open /dev/vfio/0');
  });

  test('a device without a node of its own is refused for iommufd', async () => {
    const rig = new Rig({ iommufd: false });
    rig.add(new ProbeDevice());
    const error = await refusal(rig.open({ iommufd: true }));
    expect(error).toMatchObject({ code: 'NO_CDEV', device: 'dev' });
  });

  test.each([4711, 0])('descriptor %i that is not open is refused', async (fd) => {
    const rig = new Rig();
    rig.add(new ProbeDevice());
    const error = await refusal(rig.open({ fd }));
    expect(error).toMatchObject({ code: 'BIND_IOMMUFD', errno: 9 });
  });

  test('a device that no VFIO driver has is refused with how to bind it', async () => {
    const rig = new Rig();
    rig.add(new ProbeDevice(), { driverBound: false });
    const error = await refusal(rig.open());
    expect(error.code).toMatch(/^(OPEN_GROUP|GET_DEVICE)$/);
    expect(error.message).toContain('driver_override');
  });

  test('a group that an ordinary driver shares is refused as not viable', async () => {
    const rig = new Rig();
    rig.add(new ProbeDevice(), { group: 3 });
    rig.add(new ProbeDevice(), { group: 3, hostDriver: 'pl011' }, 'other');
    const error = await refusal(rig.open());
    expect(error).toMatchObject({ code: 'GROUP_NOT_VIABLE', device: 'dev' });
    expect(error.message).toContain('every device of the group');
  });
});
