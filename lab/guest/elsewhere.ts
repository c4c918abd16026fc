import { spawnSync } from 'node:child_process';
import type { DeviceOptions } from '../../host/index';

/**
 * Opens and closes a device in another process, with another user's rights where
 * one is given: 'opened', or the error as 'CODE ERRNO MESSAGE'.
 */
export function openElsewhere(options: DeviceOptions, uid = 0): string {
  const script = `
    import { openDevice, VirtualClock } from 'vfio-platform-wasm';
    import { NativeHost } from 'vfio-platform-wasm/native';
    const clock = new VirtualClock();
    await openDevice(new NativeHost(), ${JSON.stringify(options)}, { clock }).then(
      () => console.log('opened'),
      (error) => console.log([error.code, error.errno, error.message].join(' ')),
    );
  `;
  const { stdout, stderr } = spawnSync('node', ['--input-type=module', '-e', script], {
    encoding: 'utf8',
    cwd: '/lab',
    uid,
    gid: uid,
  });
  return `${stdout}${stderr}`.trim();
}
