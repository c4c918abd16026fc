import fc from 'fast-check';
import { expect, it } from 'vitest';
import { IOMMU_IOAS_ALLOC } from '../../assembly/abi/iommufd';
import { KVM_IRQFD } from '../../assembly/abi/kvm';
import { EBADF, EBUSY, EFAULT, EINVAL, ENOTTY } from '../../assembly/abi/linux';
import {
  VFIO_DEVICE_ATTACH_IOMMUFD_PT,
  VFIO_DEVICE_BIND_IOMMUFD,
  VFIO_DEVICE_SET_IRQS,
  VFIO_GET_API_VERSION,
  VFIO_GROUP_GET_DEVICE_FD,
  VFIO_GROUP_SET_CONTAINER,
  VFIO_IOMMU_MAP_DMA,
  VFIO_IOMMU_UNMAP_DMA,
  VFIO_IRQ_SET_ACTION_TRIGGER,
  VFIO_IRQ_SET_DATA_EVENTFD,
} from '../../assembly/abi/vfio';
import { PlainIoctlArgument } from '../../host/boundary/ioctl-argument';
import { VfioError } from '../../host/errors';
import { type Addon, loadAddon } from '../../host/native/addon';
import { describeNative, eventfd, kernel, openFiles, regionFile } from './support';

function refusal(call: () => unknown): VfioError {
  try {
    call();
  } catch (error) {
    if (error instanceof VfioError) return error;
    throw error;
  }
  throw new Error('it was not refused');
}

describeNative('the native kernel is no general way into Linux', () => {
  it.each([
    '/etc/passwd',
    '/dev/mem',
    '/dev/vfio/../mem',
    '/dev/vfio/',
    '/dev/vfio/1/2',
    '/dev/vfio/-1',
    '/dev/vfio/devices/vfio',
    '/dev/vfio/devices/vfio0x1',
    '/dev/vfio/12345678901',
    '/dev/kvm',
    '',
    'dev/iommu',
    '/dev/iommu\0',
  ])('does not open %j', (path) => {
    const error = refusal(() => kernel().open(path, 0));
    expect(error.code).toBe('REFUSED');
    expect(error.message).toContain(path);
  });

  it('answers for nodes that are not there as Linux does', () => {
    expect(kernel().open('/dev/vfio/4294967295', 0)).toBeLessThan(0);
  });

  it('passes on no ioctl that is not in the table', () => {
    const fd = eventfd();
    for (const request of [0, 0x5401, 0x3b79, 0xffffffff, -1]) {
      const error = refusal(() => kernel().ioctl(fd, request, new PlainIoctlArgument(64)));
      expect(error.code).toBe('REFUSED');
      expect(error.message).toContain(`0x${(request >>> 0).toString(16)}`);
    }
    expect(kernel().ioctl(fd, VFIO_GET_API_VERSION, new PlainIoctlArgument(64))).toBe(-ENOTTY);
    kernel().close(fd);
  });

  it('knows only descriptors that it opened or was given', () => {
    const memory = new Uint8Array(64);
    for (const fd of [-1, 0, 1, 2, 3, 12345, -2147483648, 2147483647]) {
      expect(kernel().close(fd)).toBe(-EBADF);
      expect(kernel().read(fd, memory, 0, 8)).toBe(-EBADF);
      expect(kernel().write(fd, memory, 0, 8)).toBe(-EBADF);
      expect(kernel().pread(fd, memory, 0, 8, 0, 0)).toBe(-EBADF);
      expect(kernel().pwrite(fd, memory, 0, 8, 0, 0)).toBe(-EBADF);
      expect(kernel().ioctl(fd, VFIO_GET_API_VERSION, new PlainIoctlArgument(8))).toBe(-EBADF);
      expect(kernel().unwatch(fd)).toBe(-EBADF);
      expect(kernel().deviceNumber(fd)).toBe(-EBADF);
    }
    for (const fd of [-1, 0, 1, 2, 12345]) expect(kernel().adopt(fd, true)).toBe(-EBADF);
    const { fd } = regionFile(8);
    expect(kernel().adopt(fd, true)).toBe(-EBUSY);
    expect(kernel().close(fd)).toBe(0);
    expect(kernel().close(fd)).toBe(-EBADF);
  });

  it('passes on no descriptor inside a struct that is not its own', () => {
    const fd = eventfd();
    const join = new PlainIoctlArgument(8);
    join.length = 4;
    join.view.setInt32(0, 0, true);
    expect(kernel().ioctl(fd, VFIO_GROUP_SET_CONTAINER, join)).toBe(-EBADF);
    join.view.setInt32(0, fd, true);
    expect(kernel().ioctl(fd, VFIO_GROUP_SET_CONTAINER, join)).toBe(-ENOTTY);

    const irqs = new PlainIoctlArgument(64);
    const set = (argsz: number, count: number, trigger: number) => {
      irqs.length = 32;
      const words = [
        argsz,
        VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER,
        0,
        0,
        count,
        trigger,
        0,
      ];
      for (const [i, value] of words.entries()) irqs.view.setInt32(4 * i, value, true);
      return kernel().ioctl(fd, VFIO_DEVICE_SET_IRQS, irqs);
    };
    expect(set(24, 1, 1)).toBe(-EBADF);
    expect(set(24, 1, -1)).toBe(-ENOTTY);
    expect(set(24, 1, fd)).toBe(-ENOTTY);
    // The second one would be standard input.
    expect(set(28, 2, fd)).toBe(-EINVAL);
    expect(set(20, 1, fd)).toBe(-EFAULT);
    kernel().close(fd);
  });

  it('maps no memory for a device that was not offered as guest RAM', () => {
    const fd = eventfd();
    const dma = new PlainIoctlArgument(32);
    dma.length = 32;
    dma.view.setUint32(0, 32, true);
    const map = (address: bigint, size: bigint) => {
      dma.view.setBigUint64(8, address, true);
      dma.view.setBigUint64(24, size, true);
      return kernel().ioctl(fd, VFIO_IOMMU_MAP_DMA, dma);
    };
    const bytes = new Uint8Array(new WebAssembly.Memory({ initial: 1, maximum: 1 }).buffer);
    const address = kernel().addressOf({ bytes });
    expect(map(address, 0x10000n)).toBe(-ENOTTY);
    expect(map(address + 0x1000n, 0xf000n)).toBe(-ENOTTY);
    // FLAG_VADDR would swap the memory under a mapping.
    dma.view.setUint32(4, 4, true);
    expect(map(address, 0x1000n)).toBe(-EINVAL);
    dma.view.setUint32(4, 3, true);
    for (const [at, size] of [
      [0n, 0x1000n],
      [address - 0x1000n, 0x2000n],
      [address, 0x10001n],
      [address + 0x1000n, 0x10000n],
      [address + 0x1000n, 0xffffffffffffffffn],
      [0xfffffffffffff000n, 0x1000n],
    ] as const) {
      expect(refusal(() => map(at, size)).code).toBe('REFUSED');
    }
    kernel().close(fd);
  });

  it.each([
    // GET_DIRTY_BITMAP has a pointer behind it, ALL and VADDR unmap other things than they name.
    ['VFIO_IOMMU_UNMAP_DMA', VFIO_IOMMU_UNMAP_DMA, 24, 4, [1, 2, 4, 0x80000000], [0]],
    // A token has one as well.
    ['VFIO_DEVICE_BIND_IOMMUFD', VFIO_DEVICE_BIND_IOMMUFD, 16, 4, [1, 0x80000000], [0]],
    ['VFIO_DEVICE_ATTACH_IOMMUFD_PT', VFIO_DEVICE_ATTACH_IOMMUFD_PT, 12, 4, [1], [0]],
    ['VFIO_DEVICE_SET_IRQS', VFIO_DEVICE_SET_IRQS, 20, 4, [0x40, 0x80000021], [0x11, 0x21]],
    ['IOMMU_IOAS_ALLOC', IOMMU_IOAS_ALLOC, 12, 4, [1], [0]],
    ['KVM_IRQFD', KVM_IRQFD, 32, 8, [4, 0x80000000], [0, 1]],
  ])('passes on no flags of %s that it does not know', (_, request, size, at, bad, good) => {
    const fd = eventfd();
    const argument = new PlainIoctlArgument(64);
    argument.length = size;
    const ask = (flags: number) => {
      // No descriptor, wherever one may be.
      argument.bytes.fill(0xff, 0, size);
      argument.view.setUint32(0, request === KVM_IRQFD ? 0xffffffff : size, true);
      argument.view.setUint32(at, flags, true);
      return kernel().ioctl(fd, request, argument);
    };
    for (const flags of bad) expect(ask(flags)).toBe(-EINVAL);
    for (const flags of good) expect(ask(flags)).toBe(-ENOTTY);
    kernel().close(fd);
  });

  it('lets the kernel write no further than the buffer', () => {
    const fd = eventfd();
    const info = new PlainIoctlArgument(32);
    info.view.setUint32(0, 0xffffffff, true);
    for (const length of [0, 3, 8, 32, 33, 0xffffffff]) {
      info.length = length;
      expect(kernel().ioctl(fd, 0x3b6c, info)).toBe(-EFAULT);
    }
    // A name without an end
    const name = new PlainIoctlArgument(4);
    name.bytes.fill(0x41);
    name.length = 4;
    expect(kernel().ioctl(fd, VFIO_GROUP_GET_DEVICE_FD, name)).toBe(-EFAULT);
    const memory = new Uint8Array(16);
    for (const [pointer, length] of [
      [9, 8],
      [16, 1],
      [0xffffffff, 8],
      [8, 0xffffffff],
    ] as const) {
      expect(kernel().read(fd, memory, pointer, length)).toBe(-EFAULT);
      expect(kernel().write(fd, memory, pointer, length)).toBe(-EFAULT);
      expect(kernel().pread(fd, memory, pointer, length, 0, 0)).toBe(-EFAULT);
      expect(kernel().pwrite(fd, memory, pointer, length, 0, 0)).toBe(-EFAULT);
    }
    kernel().close(fd);
    expect(kernel().mmap(new WebAssembly.Memory({ initial: 1 }), 0, 65536, 1, fd, 0, 0)).toBe(
      -EBADF,
    );
  });

  it('takes detached buffers for empty ones', () => {
    const fd = eventfd(1);
    const memory = new Uint8Array(8);
    structuredClone(memory.buffer, { transfer: [memory.buffer] });
    expect(kernel().read(fd, memory, 0, 8)).toBe(-EFAULT);
    kernel().close(fd);
  });

  it('throws a TypeError or RangeError for arguments of any other kind, and lives on', () => {
    const addon = loadAddon();
    // These end or wait by themselves, which is not what is tried here.
    const names = (Object.keys(addon) as (keyof Addon)[]).filter(
      (name) => typeof addon[name] === 'function' && name !== 'kvmRun',
    );
    const odd = fc.oneof(
      fc.constantFrom<unknown>(undefined, null, true, Symbol.iterator, 1n, -1, NaN, 1e300, -1e300),
      fc.constantFrom<unknown>('', '/dev/vfio/vfio', {}, [], () => 0, new Uint8Array(16)),
      fc.constantFrom<unknown>(
        new Float64Array(4),
        new ArrayBuffer(8),
        new DataView(new ArrayBuffer(8)),
      ),
      fc.constantFrom<unknown>(new Proxy({}, {}), Object.create(WebAssembly.Memory.prototype)),
      fc.double(),
      fc.integer(),
    );
    const files = openFiles();
    fc.assert(
      fc.property(fc.constantFrom(...names), fc.array(odd, { maxLength: 8 }), (name, args) => {
        try {
          const result = (addon[name] as (...all: unknown[]) => unknown)(...args);
          if (name === 'eventfd' && (result as number) >= 0) addon.close(result as number);
          if (name === 'open' && (result as number) >= 0) addon.close(result as number);
          if (name === 'kvmCreate' && 'fd' in (result as object)) {
            addon.kvmClose?.((result as { fd: number }).fd);
          }
        } catch (error) {
          if (!(error instanceof TypeError || error instanceof RangeError)) throw error;
        }
      }),
      { numRuns: 3000 },
    );
    expect(openFiles()).toBe(files);
    expect(kernel().resources()).toEqual({
      fds: 0,
      eventfds: 0,
      mappings: 0,
      dmaMappings: 0,
      watches: 0,
    });
  });

  it('refuses eventfd flags that it does not know', () => {
    expect(kernel().eventfd(0, 1)).toBe(-EINVAL);
    expect(kernel().eventfd(0, 0x40000000)).toBe(-EINVAL);
  });
});
