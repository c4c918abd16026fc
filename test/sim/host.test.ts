import { describe, expect, it } from 'vitest';
import { ENODEV, ENOENT } from '../../assembly/abi/linux';
import { VFIO_DEVICE_GET_INFO } from '../../assembly/abi/vfio';
import { SimulatedHost } from '../../host/sim/simulated-host';
import type { Clock } from '../../host/time/clock';
import { VirtualClock } from '../../host/time/virtual-clock';
import {
  arm,
  bench,
  bind,
  closeAll,
  getDeviceFd,
  NOTHING_OPEN,
  newEventfd,
  openPath,
  openThroughGroup,
  ProbeModel,
  struct,
} from './fixture';

describe('a simulated host', () => {
  it('brings a virtual clock unless it is given one', () => {
    const host = new SimulatedHost();
    host.clock.advance(5);
    expect(host.clock.nowNs()).toBe(5);
    const clock: Clock = new VirtualClock();
    expect(new SimulatedHost({ clock }).clock).toBe(clock);
  });

  it('gives its clock and its random numbers to the models', () => {
    const { host, model } = bench({}, {}, { seed: 7 });
    expect(model.environment?.clock).toBe(host.clock);
    expect(model.environment?.random).toBe(host.random);
  });

  it('draws the same random numbers from the same seed', () => {
    const draw = (seed: number) => {
      const { random } = new SimulatedHost({ seed });
      return [1, 2, 3].map(() => random.below(1000));
    };
    expect(draw(3)).toEqual(draw(3));
    expect(draw(3)).not.toEqual(draw(4));
  });

  it('keeps the type of the model in the handle', () => {
    const host = new SimulatedHost();
    const device = host.addDevice({ name: 'x', model: new ProbeModel() });
    expect(device.model.takeLog()).toEqual([]);
  });
});

describe('a device handle', () => {
  it('shows the line as it is now', () => {
    const { kernel, device } = bench();
    const { fd } = openThroughGroup(kernel, device);
    const line = device.line(0);
    expect({ ...line }).toEqual({
      high: false,
      masked: false,
      armed: false,
      pending: 0,
      signals: 0,
      resampled: false,
    });
    arm(kernel, fd, 0, newEventfd(kernel));
    device.setLine(0, true);
    expect({ ...line }).toEqual({
      high: true,
      masked: true,
      armed: true,
      pending: 1,
      signals: 1,
      resampled: false,
    });
  });

  it('knows no lines beyond the last', () => {
    const { device } = bench();
    expect(() => device.line(2)).toThrow(RangeError);
    expect(() => device.setLine(-1, true)).toThrow(RangeError);
  });

  it('lets a model drive only the lines that it has', () => {
    const { model } = bench();
    expect(() => model.environment?.setLine(99, true)).not.toThrow();
  });
});

describe('unplugging', () => {
  it('removes a device that nobody uses at once', () => {
    const { host, kernel, device } = bench();
    expect(device.unplug()).toBe(true);
    expect(device.unplug()).toBe(true);
    expect(host.sysfs.exists(device.busPath)).toBe(false);
    expect(host.sysfs.exists(device.sysfsPath)).toBe(false);
    expect(openPath(kernel, device.groupPath ?? '')).toBe(-ENOENT);
    expect(openPath(kernel, device.cdevPath ?? '')).toBe(-ENOENT);
  });

  it('waits for the last user, who notices nothing', () => {
    const { host, kernel, device } = bench();
    const { fd, group, container } = openThroughGroup(kernel, device);
    expect(device.unplug()).toBe(false);
    expect(device.unplug()).toBe(false);
    expect(kernel.ioctl(fd, VFIO_DEVICE_GET_INFO, struct(20))).toBe(0);
    expect(getDeviceFd(kernel, group)).toBe(-ENODEV);
    expect(host.sysfs.exists(device.sysfsPath)).toBe(true);
    closeAll(kernel, fd, group, container);
    expect(host.sysfs.exists(device.sysfsPath)).toBe(false);
    expect(kernel.resources()).toEqual(NOTHING_OPEN);
  });

  it('waits for an open cdev, bound or not', () => {
    const { kernel, device } = bench();
    const fd = openPath(kernel, device.cdevPath ?? '');
    expect(device.unplug()).toBe(false);
    expect(openPath(kernel, device.cdevPath ?? '')).toBe(-ENOENT);
    expect(bind(kernel, fd, openPath(kernel, '/dev/iommu'))).toBe(0);
    kernel.close(fd);
    expect(device.unplug()).toBe(true);
  });

  it('keeps the group open for its other devices', () => {
    const host = new SimulatedHost();
    const [one, two] = ['one', 'two'].map((name) =>
      host.addDevice({ name, model: new ProbeModel(), group: 9 }),
    );
    one?.unplug();
    expect(openPath(host.kernel, two?.groupPath ?? '')).toBeGreaterThan(0);
    expect(two?.unplug()).toBe(true);
    expect(host.sysfs.list('/dev/vfio')).toEqual(['devices', 'vfio']);
  });

  it('makes a group viable again when the driver of the host goes', () => {
    const host = new SimulatedHost();
    const one = host.addDevice({ name: 'one', model: new ProbeModel(), group: 1 });
    const two = host.addDevice({ name: 'two', model: new ProbeModel(), group: 1, hostDriver: 'x' });
    expect(() => openThroughGroup(host.kernel, one)).toThrow();
    two.unplug();
    const fresh = host.addDevice({ name: 'three', model: new ProbeModel() });
    expect(() => openThroughGroup(host.kernel, fresh)).not.toThrow();
  });

  it('makes room for another device of the name', () => {
    const { host, device } = bench();
    device.unplug();
    const again = host.addDevice({ name: 'probe', model: new ProbeModel() });
    device.unplug();
    expect(host.sysfs.exists(again.sysfsPath)).toBe(true);
  });
});
