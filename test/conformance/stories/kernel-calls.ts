import { describe, expect, test } from 'vitest';
import { EFD_CLOEXEC, EFD_NONBLOCK, O_CLOEXEC, O_RDWR } from '../../../assembly/abi/linux';
import {
  VFIO_CHECK_EXTENSION,
  VFIO_DEVICE_GET_INFO,
  VFIO_DEVICE_GET_IRQ_INFO,
  VFIO_DEVICE_GET_REGION_INFO,
  VFIO_DEVICE_RESET,
  VFIO_DEVICE_SET_IRQS,
  VFIO_GET_API_VERSION,
  VFIO_GROUP_GET_DEVICE_FD,
  VFIO_GROUP_GET_STATUS,
  VFIO_GROUP_SET_CONTAINER,
  VFIO_GROUP_UNSET_CONTAINER,
  VFIO_SET_IOMMU,
} from '../../../assembly/abi/vfio';
import type { IoctlArgument, Kernel } from '../../../host/boundary/kernel';
import { integer, irqSet, setUnmaskFd, struct, text, u32, unmask } from '../../sim/fixture';
import type { Rig } from '../rig';

const EBADF = -9;
const EBUSY = -16;
const ENODEV = -19;
const EINVAL = -22;
const EAGAIN = -11;

/** What the kernel itself answers, without the core between (kernel-abi). */
export function kernelStories(rig: Rig): void {
  const flags = O_RDWR | O_CLOEXEC;
  const open: number[] = [];

  /** Opens the device through its group, and tidies up after `use`. */
  function withDevice(use: (kernel: Kernel, device: number, group: number) => void): void {
    const { groupPath } = rig.world.addDevice({
      name: 'dev',
      regions: [{ size: 0x1000 }, { size: 0x10 }],
      lines: ['level', 'edge'],
    });
    const { kernel } = rig.world.host;
    const keep = (fd: number) => {
      expect(fd).toBeGreaterThanOrEqual(0);
      open.push(fd);
      return fd;
    };
    try {
      const group = keep(kernel.open(groupPath as string, flags));
      const container = keep(kernel.open('/dev/vfio/vfio', flags));
      expect(kernel.ioctl(container, VFIO_GET_API_VERSION, integer(0))).toBe(0);
      expect(kernel.ioctl(container, VFIO_CHECK_EXTENSION, integer(3))).toBe(1);
      expect(kernel.ioctl(container, VFIO_CHECK_EXTENSION, integer(99))).toBe(0);
      // Without an IOMMU driver there is no device.
      expect(kernel.ioctl(group, VFIO_GROUP_GET_DEVICE_FD, text('dev'))).toBe(EINVAL);
      expect(kernel.ioctl(group, VFIO_GROUP_SET_CONTAINER, struct(4, [], container))).toBe(0);
      expect(kernel.ioctl(container, VFIO_SET_IOMMU, integer(3))).toBe(0);
      expect(kernel.ioctl(container, VFIO_SET_IOMMU, integer(3))).toBe(EINVAL);
      expect(kernel.ioctl(group, VFIO_GROUP_GET_DEVICE_FD, text('nobody'))).toBe(ENODEV);
      const device = keep(kernel.ioctl(group, VFIO_GROUP_GET_DEVICE_FD, text('dev')));
      use(kernel, device, group);
    } finally {
      for (const fd of open.splice(0).reverse()) expect(kernel.close(fd)).toBe(0);
    }
  }

  describe('ioctls', () => {
    test('tell what there is, and check the index', () => {
      withDevice((kernel, device, group) => {
        const ask = (request: number, argument: IoctlArgument) =>
          kernel.ioctl(device, request, argument);
        const status = struct(8);
        expect(kernel.ioctl(group, VFIO_GROUP_GET_STATUS, status)).toBe(0);
        expect(u32(status, 4)).toBe(3);
        expect(ask(VFIO_DEVICE_GET_REGION_INFO, struct(32, [[8, 2]]))).toBe(EINVAL);
        expect(ask(VFIO_DEVICE_GET_IRQ_INFO, struct(16, [[8, 2]]))).toBe(EINVAL);
        const info = struct(20);
        expect(ask(VFIO_DEVICE_GET_INFO, info)).toBe(0);
        expect([u32(info, 4), u32(info, 8), u32(info, 12)]).toEqual([5, 2, 2]);
        expect(ask(VFIO_DEVICE_RESET, integer(0))).toBe(0);
      });
    });

    test('refuse a group that is in use', () => {
      withDevice((kernel, _device, group) => {
        expect(kernel.ioctl(group, VFIO_GROUP_UNSET_CONTAINER, integer(0))).toBe(EBUSY);
      });
    });

    test.each([
      ['no index of that number', { flags: 0x21, index: 2 }, EINVAL],
      ['a start other than 0', { flags: 0x21, index: 0, start: 1, count: 1 }, EINVAL],
      ['a count beyond the lines', { flags: 0x21, count: 3 }, EINVAL],
      ['two kinds of data', { flags: 0x23 }, EINVAL],
      ['unknown flags', { flags: 0x121 }, EINVAL],
      ['no action', { flags: 0x01 }, -25],
      ['two actions', { flags: 0x19 }, -25],
      ['masking an edge line', { flags: 0x09, index: 1 }, EINVAL],
      ['unmasking an edge line', { flags: 0x11, index: 1 }, EINVAL],
      ['an eventfd that is none', { flags: 0x24, data: [0xff, 0xff, 0, 0] }, EBADF],
    ] as const)('SET_IRQS answers to %s', (_, fields, errno) => {
      withDevice((kernel, device) => {
        expect(kernel.ioctl(device, VFIO_DEVICE_SET_IRQS, irqSet(fields))).toBe(errno);
      });
    });
  });

  describe('a resample eventfd', () => {
    test('unmasks the line for every signal, and there is one at a time', async () => {
      const one = Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0);
      const until = async (done: () => boolean) => {
        for (let i = 0; i < 2000 && !done(); i++) await rig.world.settle();
        expect(done()).toBe(true);
      };
      const { groupPath } = rig.world.addDevice({ name: 'dev', lines: ['level'] });
      const { kernel } = rig.world.host;
      const fds = [
        kernel.open(groupPath as string, flags),
        kernel.open('/dev/vfio/vfio', flags),
      ] as const;
      expect(kernel.ioctl(fds[0], VFIO_GROUP_SET_CONTAINER, struct(4, [], fds[1]))).toBe(0);
      expect(kernel.ioctl(fds[1], VFIO_SET_IOMMU, integer(3))).toBe(0);
      const device = kernel.ioctl(fds[0], VFIO_GROUP_GET_DEVICE_FD, text('dev'));
      const trigger = kernel.eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
      const resample = kernel.eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
      const flagsOf = { flags: 0x24, data: [trigger, trigger >> 8, 0, 0] };
      expect(kernel.ioctl(device, VFIO_DEVICE_SET_IRQS, irqSet(flagsOf))).toBe(0);
      expect(setUnmaskFd(kernel, device, 0, resample)).toBe(0);
      expect(setUnmaskFd(kernel, device, 0, resample)).toBe(EBUSY);
      rig.world.setLine('dev', 0, true);
      expect(rig.world.line('dev', 0)).toMatchObject({ masked: true, resampled: true, pending: 1 });
      // The wire is still high: each unmask brings it again.
      for (let round = 2; round < 10; round++) {
        expect(kernel.write(resample, one, 0, 8)).toBe(8);
        await until(() => rig.world.line('dev', 0).signals === round);
      }
      rig.world.setLine('dev', 0, false);
      kernel.write(resample, one, 0, 8);
      await until(() => !rig.world.line('dev', 0).masked);
      const count = new Uint8Array(8);
      expect(kernel.read(trigger, count, 0, 8)).toBe(8);
      expect(count[0]).toBe(9);
      expect(kernel.read(trigger, count, 0, 8)).toBe(EAGAIN);
      expect(setUnmaskFd(kernel, device, 0, -1)).toBe(0);
      expect(rig.world.line('dev', 0).resampled).toBe(false);
      expect(unmask(kernel, device, 0)).toBe(0);
      for (const fd of [resample, trigger, device, fds[1], fds[0]])
        expect(kernel.close(fd)).toBe(0);
    });
  });

  describe('descriptors', () => {
    test('that are none answer EBADF', () => {
      const { kernel } = rig.world.host;
      const bytes = new Uint8Array(8);
      expect(kernel.close(9999)).toBe(EBADF);
      expect(kernel.ioctl(9999, VFIO_DEVICE_RESET, integer(0))).toBe(EBADF);
      expect(kernel.pread(9999, bytes, 0, 4, 0, 0)).toBe(EBADF);
      expect(kernel.read(9999, bytes, 0, 8)).toBe(EBADF);
      expect(kernel.unwatch(9999)).toBe(EBADF);
    });

    test('pread and pwrite split as the driver does, and stop at the end of a region', () => {
      withDevice((kernel, device) => {
        const bytes = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8);
        expect(kernel.pwrite(device, bytes, 0, 8, 0xffc, 0)).toBe(4);
        expect(rig.world.peek('dev', 0, 0xffc, 4)).toEqual([1, 2, 3, 4]);
        const into = new Uint8Array(8);
        expect(kernel.pread(device, into, 0, 8, 0xffc, 0)).toBe(4);
        expect([...into]).toEqual([1, 2, 3, 4, 0, 0, 0, 0]);
        expect(kernel.pread(device, into, 0, 4, 0x1000, 0)).toBe(EINVAL);
        // Region 1 is 1 << 40; region 2 is none.
        expect(kernel.pwrite(device, bytes, 0, 3, 1, 0x100)).toBe(3);
        expect(rig.world.peek('dev', 1, 0, 5)).toEqual([0, 1, 2, 3, 0]);
        expect(kernel.pread(device, into, 0, 4, 0, 0x200)).toBe(EINVAL);
      });
    });
  });
}
