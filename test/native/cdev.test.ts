import { expect, test } from 'vitest';
import { openDevice } from '../../host/device/open';
import { FileSysfs, NativeHost } from '../../host/native';
import { NativeWorld } from '../conformance/native/native-world';
import { refusal } from '../conformance/rig';
import { coreModule } from '../support/core';
import { describePlayed } from './describe-played';

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
