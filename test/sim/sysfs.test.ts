import { describe, expect, it } from 'vitest';
import { SimulatedHost } from '../../host/sim/simulated-host';
import { bench, ProbeModel } from './fixture';

const DEVICE = '/sys/bus/platform/devices/probe';

describe('the simulated sysfs', () => {
  it('shows a device as a link from its bus to where it really is', () => {
    const { host } = bench();
    expect(host.sysfs.readLink(DEVICE)).toBe('../../../devices/platform/probe');
    expect(host.sysfs.realPath(DEVICE)).toBe('/sys/devices/platform/probe');
    expect(host.sysfs.list('/sys/bus/platform/devices')).toEqual(['probe']);
  });

  it('shows AMBA devices on their own bus', () => {
    const { host } = bench({}, { bus: 'amba', parent: 'platform/apb' });
    const path = '/sys/bus/amba/devices/probe';
    expect(host.sysfs.readLink(path)).toBe('../../../devices/platform/apb/probe');
    expect(host.sysfs.realPath(`${path}/driver`)).toBe('/sys/bus/amba/drivers/vfio-amba');
    expect(host.sysfs.realPath(`${path}/subsystem`)).toBe('/sys/bus/amba');
    expect(host.sysfs.exists(DEVICE)).toBe(false);
  });

  it('links a device to its group and the group to its devices', () => {
    const { host } = bench({}, { group: 12 });
    expect(host.sysfs.readLink(`${DEVICE}/iommu_group`)).toBe('../../../kernel/iommu_groups/12');
    expect(host.sysfs.realPath(`${DEVICE}/iommu_group/devices/probe`)).toBe(
      '/sys/devices/platform/probe',
    );
    expect(host.sysfs.list('/sys/kernel/iommu_groups/12/devices')).toEqual(['probe']);
    expect(host.sysfs.exists('/dev/vfio/12')).toBe(true);
  });

  it('links a device to its driver', () => {
    const { host } = bench();
    expect(host.sysfs.readLink(`${DEVICE}/driver`)).toBe(
      '../../../bus/platform/drivers/vfio-platform',
    );
    expect(host.sysfs.list('/sys/bus/platform/drivers/vfio-platform')).toEqual(['probe']);
  });

  it('tells the compatible strings separated by NULs', () => {
    const { host } = bench({}, { compatible: ['a,b', 'c,d'] });
    expect(host.sysfs.readText(`${DEVICE}/of_node/compatible`)).toBe('a,b\0c,d\0');
  });

  it('names the of_node by unit and address and keeps its other properties', () => {
    const { host } = bench({}, { name: '9010000.rtc', properties: { status: 'okay\0' } });
    const node = '/sys/bus/platform/devices/9010000.rtc/of_node';
    expect(host.sysfs.realPath(node)).toBe('/sys/firmware/devicetree/base/rtc@9010000');
    expect(host.sysfs.readText(`${node}/name`)).toBe('rtc\0');
    expect(host.sysfs.readText(`${node}/status`)).toBe('okay\0');
  });

  it('has no of_node for a device without compatible strings', () => {
    expect(bench({}, { compatible: [] }).host.sysfs.exists(`${DEVICE}/of_node`)).toBe(false);
  });

  it('tells major and minor of the cdev', () => {
    const { host, device } = bench();
    expect(host.sysfs.list(`${DEVICE}/vfio-dev`)).toEqual(['vfio0']);
    expect(host.sysfs.readText(`${DEVICE}/vfio-dev/vfio0/dev`)).toBe('511:0\n');
    expect(device.cdevPath).toBe('/dev/vfio/devices/vfio0');
    expect(host.sysfs.exists('/dev/vfio/devices/vfio0')).toBe(true);
  });

  it('has no cdev without iommufd or when the device is told not to', () => {
    const without = bench({}, {}, { iommufd: false });
    expect(without.device.cdevPath).toBeUndefined();
    expect(without.host.sysfs.exists(`${DEVICE}/vfio-dev/vfio0/dev`)).toBe(false);
    expect(without.host.sysfs.exists('/dev/iommu')).toBe(false);
    expect(bench({}, { cdev: false }).device.cdevPath).toBeUndefined();
  });

  it('shows no group for a device without an IOMMU', () => {
    const { host, device } = bench({}, { iommu: false });
    expect(host.sysfs.exists(`${DEVICE}/iommu_group`)).toBe(false);
    expect(host.sysfs.exists(`${DEVICE}/driver`)).toBe(false);
    expect(device.groupPath).toBeUndefined();
  });

  it('shows a noiommu group only when the kernel allows it', () => {
    const allowed = bench({}, { noiommu: true, group: 3 }, { unsafeNoiommu: true });
    expect(allowed.device.groupPath).toBe('/dev/vfio/noiommu-3');
    expect(allowed.host.sysfs.exists('/dev/vfio/noiommu-3')).toBe(true);
    expect(allowed.host.sysfs.exists('/dev/vfio/3')).toBe(false);
    expect(allowed.device.cdevPath).toBeUndefined();
    expect(allowed.host.sysfs.readText(`${DEVICE}/iommu_group/name`)).toBe('vfio-noiommu\n');
    const refused = bench({}, { noiommu: true, group: 3 });
    expect(refused.host.sysfs.exists(`${DEVICE}/iommu_group`)).toBe(false);
    expect(refused.host.sysfs.exists('/dev/vfio/noiommu-3')).toBe(false);
  });

  it('shows a device that no driver has, with its group but without nodes', () => {
    const { host } = bench({}, { driverBound: false, group: 4 });
    expect(host.sysfs.exists(`${DEVICE}/driver`)).toBe(false);
    expect(host.sysfs.exists(`${DEVICE}/iommu_group`)).toBe(true);
    expect(host.sysfs.exists('/dev/vfio/4')).toBe(false);
  });

  it('tells the module parameters', () => {
    const path = '/sys/module/vfio/parameters/enable_unsafe_noiommu_mode';
    expect(new SimulatedHost().sysfs.readText(path)).toBe('N\n');
    expect(new SimulatedHost({ unsafeNoiommu: true }).sysfs.readText(path)).toBe('Y\n');
  });

  it('resolves links like Linux: through parents, absolute ones and not for ever', () => {
    const { sysfs } = new SimulatedHost();
    sysfs.addFile('/a/b/file', 'text');
    sysfs.addLink('/a/up', 'b/../b');
    sysfs.addLink('/c/absolute', '/a/up/file');
    sysfs.addLink('/c/loop', 'loop');
    sysfs.addLink('/c/broken', '../nowhere');
    expect(sysfs.realPath('/c/absolute')).toBe('/a/b/file');
    expect(sysfs.readText('/c/../c/./absolute')).toBe('text');
    expect(sysfs.realPath('/c/loop')).toBeUndefined();
    expect(sysfs.exists('/c/broken')).toBe(false);
    expect(sysfs.readLink('/c/broken')).toBe('../nowhere');
    expect(sysfs.realPath('/..')).toBe('/');
    expect(sysfs.exists('/a/b/file/below')).toBe(false);
    expect(sysfs.exists('relative')).toBe(false);
    expect(sysfs.list('/a/b/file')).toEqual([]);
    expect(sysfs.readText('/a')).toBeUndefined();
    expect(sysfs.readLink('/a')).toBeUndefined();
  });

  it('gives each device a group of its own unless told otherwise', () => {
    const host = new SimulatedHost();
    const ids = ['a', 'b'].map((name) => host.addDevice({ name, model: new ProbeModel() }).groupId);
    expect(ids).toEqual([0, 1]);
  });

  it('refuses devices that contradict what is on the board', () => {
    const { host } = bench({}, { group: 1 }, { unsafeNoiommu: true });
    const model = new ProbeModel();
    expect(() => host.addDevice({ name: 'probe', model })).toThrow(/already/);
    expect(() => host.addDevice({ name: 'a/b', model })).toThrow(/name/);
    expect(() => host.addDevice({ name: 'x', model, noiommu: true, group: 1 })).toThrow(/kind/);
  });
});
