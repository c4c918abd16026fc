import { closeSync, openSync } from 'node:fs';
import { expect, test } from 'vitest';
import { openDevice } from '../../host/device/open';
import { FileSysfs, NativeHost } from '../../host/native';
import { NativeWorld } from '../conformance/native/native-world';
import { refusal } from '../conformance/rig';
import { coreModule } from '../support/core';
import { describePlayed } from './describe-played';
import { kernel } from './support';

const EBADF = 9;
const EBUSY = 16;
const NOWHERE = { up() {}, down() {} };

/** sysfs that tells another number of the device's node than the node has. */
class StaleSysfs extends FileSysfs {
  override readText(path: string): string | undefined {
    const text = super.readText(path);
    return path.endsWith('/dev') && text !== undefined ? '1:3\n' : text;
  }
}

describePlayed('the node of a device in /dev/vfio/devices', () => {
  test('is only used when it has the number that sysfs tells', async () => {
    const world = new NativeWorld({ iommufd: true });
    world.addDevice({ name: 'dev', lines: ['edge'] });
    const options = { host: 'dev', iommufd: true };
    const environment = { clock: world.clock, core: coreModule };
    const stale = new NativeHost({ sysfs: new StaleSysfs() });
    expect(await refusal(openDevice(stale, options, environment))).toMatchObject({
      code: 'OPEN_CDEV',
      errno: 6,
      message: expect.stringContaining('has not the numbers that sysfs tells'),
    });
    expect(world.resources()).toMatchObject({ fds: 0 });
    const device = await openDevice(world.host, options, environment);
    device.close();
    world.end();
  });
});

describePlayed('a descriptor that the machine lends', () => {
  const read = (fd: number) => kernel().read(fd, new Uint8Array(8), 0, 8);

  test('may be used until the last device has given it back', () => {
    const fd = openSync('/dev/zero', 'r');
    const first = kernel().adopt(fd, false);
    const second = kernel().adopt(fd, false);
    expect(kernel().giveBack(first)).toBe(0);
    expect(read(fd)).toBe(8);
    expect(kernel().giveBack(second)).toBe(0);
    expect(read(fd)).toBe(-EBADF);
    expect(kernel().giveBack(second)).toBe(-EBADF);
    closeSync(fd);
  });

  test('and closes early is not taken for the file that gets its number', () => {
    const fd = openSync('/dev/zero', 'r');
    const early = kernel().adopt(fd, false);
    closeSync(fd);
    expect(openSync('/dev/zero', 'r')).toBe(fd);
    expect(kernel().adopt(fd, true)).toBe(0);
    expect(kernel().adopt(fd, true)).toBe(-EBUSY);
    // What was lent is no longer there, and giving it back ends nothing else.
    expect(kernel().giveBack(early)).toBe(-EBADF);
    expect(read(fd)).toBe(8);
    expect(kernel().close(fd)).toBe(0);
  });

  test('for its VM is given back with the device, and its number opens another one', async () => {
    const world = new NativeWorld({ iommufd: true });
    world.addDevice({ name: 'dev', lines: ['edge'] });
    const { cdevPath } = world.addDevice({ name: 'other' });
    const environment = { clock: world.clock, core: coreModule };
    // No VM: KVM_IRQFD says so, and the line falls back to its eventfd.
    const vmFd = openSync('/dev/zero', 'r');
    const options = { host: 'dev', iommufd: true };
    const device = await openDevice(world.host, options, { ...environment, vmFd });
    device.connectLine(0, NOWHERE, 5);
    expect(read(vmFd)).toBe(8);
    closeSync(vmFd);
    const fd = world.openNode(cdevPath as string);
    expect(fd).toBe(vmFd);
    const other = await openDevice(world.host, { host: 'other', fd }, environment);
    device.close();
    expect(other.read(0, 0, 4)).toBe(0);
    other.close();
    const again = await openDevice(world.host, options, {
      ...environment,
      vmFd: openSync('/dev/zero', 'r'),
    });
    again.connectLine(0, NOWHERE, 5);
    again.close();
    expect(read(vmFd)).toBe(-EBADF);
    closeSync(vmFd);
    world.end();
  });
});
