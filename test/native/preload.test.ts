import { spawnSync } from 'node:child_process';
import {
  closeSync,
  existsSync,
  fstatSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  readSync,
  realpathSync,
  statSync,
  writeSync,
} from 'node:fs';
import { afterEach, describe, expect, test } from 'vitest';
import { PlayedKernel } from './played-kernel';

const missing = process.env.VFIO_PLAY_MISSING;

/** The code of the error that `run` throws. */
function codeOf(run: () => unknown): string | undefined {
  try {
    run();
  } catch (error) {
    return (error as NodeJS.ErrnoException).code;
  }
  return undefined;
}

if (missing) test.skip(`the played kernel: ${missing}`, () => {});

describe.runIf(PlayedKernel.available)('the played kernel, seen through Node', () => {
  const kernel = PlayedKernel.available ? new PlayedKernel() : (undefined as never);
  const rtc = {
    name: '9010000.pl031',
    bus: 'amba',
    compatible: ['arm,pl031', 'arm,primecell'],
    regions: [{ size: 0x1000 }, { size: 0x200 }],
    lines: ['level', 'edge'],
  } as const;

  afterEach(() => {
    kernel.reset();
    expect(kernel.counters()).toMatchObject({ fds: 0, mappings: 0, dmaMappings: 0, virqfds: 0 });
  });

  test('a device has its place in sysfs and its nodes in /dev', () => {
    const { group, cdev } = kernel.addDevice(rtc);
    const path = '/sys/bus/amba/devices/9010000.pl031';
    expect(readdirSync('/sys/bus/amba/devices')).toEqual([rtc.name]);
    expect(realpathSync(path)).toBe(`/sys/devices/platform/${rtc.name}`);
    expect(realpathSync.native(path)).toBe(`/sys/devices/platform/${rtc.name}`);
    expect(readlinkSync(`${path}/iommu_group`)).toBe(`../../../kernel/iommu_groups/${group}`);
    expect(readFileSync(`${path}/of_node/compatible`, 'latin1')).toBe('arm,pl031\0arm,primecell\0');
    expect(readFileSync(`${path}/vfio-dev/vfio${cdev}/dev`, 'latin1')).toBe(`511:${cdev}\n`);
    expect(existsSync(`/dev/vfio/${group}`)).toBe(true);
    const node = statSync(`/dev/vfio/devices/vfio${cdev}`);
    expect(node.isCharacterDevice()).toBe(true);
    expect(node.rdev).toBe((511 << 8) | cdev);
    kernel.removeDevice(rtc.name);
    expect(existsSync(path)).toBe(false);
    expect(existsSync(`/dev/vfio/${group}`)).toBe(false);
  });

  test('a group opens once, and a node of its own as often as one likes', () => {
    const { group, cdev } = kernel.addDevice(rtc);
    const first = openSync(`/dev/vfio/${group}`, 'r+');
    expect(codeOf(() => openSync(`/dev/vfio/${group}`, 'r+'))).toBe('EBUSY');
    expect(kernel.counters().fds).toBe(1);
    closeSync(first);
    const nodes = [1, 2].map(() => openSync(`/dev/vfio/devices/vfio${cdev}`, 'r+'));
    expect(kernel.info(rtc.name)).toMatchObject({ users: 0, files: 2 });
    expect(nodes.map((fd) => fstatSync(fd).rdev)).toEqual([(511 << 8) | cdev, (511 << 8) | cdev]);
    // Nothing can be done with a node that is not bound to an iommufd.
    expect(codeOf(() => readSync(nodes[0] as number, Buffer.alloc(4), 0, 4, 0))).toBe('EINVAL');
    for (const fd of nodes) closeSync(fd);
  });

  test('a fault strikes the nth call of its kind, so often as was said', () => {
    const { group } = kernel.addDevice(rtc);
    const path = `/dev/vfio/${group}`;
    const open = () => closeSync(openSync(path, 'r+'));
    kernel.fail(`open:${path}`, 13, { nth: 2, times: 2 });
    expect([open, open, open, open].map(codeOf)).toEqual([
      undefined,
      'EACCES',
      'EACCES',
      undefined,
    ]);
    kernel.startLog();
    open();
    expect(kernel.takeLog()).toEqual([`open ${path} 0`, 'close 0']);
  });

  test('what is not VFIO is left to the real kernel', () => {
    expect(readFileSync('/proc/self/comm', 'latin1')).not.toBe('');
    expect(codeOf(() => openSync('/dev/nothing-of-that-name', 'r'))).toBe('ENOENT');
    expect(readdirSync('/dev')).toContain('null');
    const nothing = openSync('/dev/null', 'r+');
    expect(writeSync(nothing, 'x')).toBe(1);
    closeSync(nothing);
  });

  test('commands that make no sense are refused', () => {
    for (const text of ['nonsense', 'device', 'device x frob', 'line x 0', 'fail frob 1 5']) {
      expect(() => kernel.command(text)).toThrow('error:');
    }
    kernel.addDevice(rtc);
    expect(() => kernel.addDevice(rtc)).toThrow('there is a device of that name');
  });

  test('a child process has a machine of its own', () => {
    kernel.addDevice(rtc);
    const child = spawnSync(process.execPath, [
      '-p',
      `require('fs').existsSync('/sys/bus/amba/devices/${rtc.name}')`,
    ]);
    expect(child.stdout.toString().trim()).toBe('false');
  });
});
