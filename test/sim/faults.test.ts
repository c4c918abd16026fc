import { describe, expect, it } from 'vitest';
import {
  EACCES,
  EAGAIN,
  EBADF,
  EBUSY,
  EIO,
  EMFILE,
  ENODEV,
  ENOENT,
  ENOMEM,
  PROT_READ,
} from '../../assembly/abi/linux';
import {
  VFIO_DEVICE_GET_INFO,
  VFIO_DEVICE_GET_IRQ_INFO,
  VFIO_DEVICE_GET_REGION_INFO,
  VFIO_DEVICE_INFO_NUM_IRQS,
  VFIO_DEVICE_INFO_NUM_REGIONS,
  VFIO_GROUP_GET_DEVICE_FD,
  VFIO_INFO_CAP_NEXT,
  VFIO_IOMMU_GET_INFO,
  VFIO_IOMMU_INFO_CAP_OFFSET,
  VFIO_IRQ_INFO_COUNT,
  VFIO_IRQ_INFO_FLAGS,
  VFIO_IRQ_INFO_INDEX,
  VFIO_REGION_INFO_CAP_OFFSET,
  VFIO_REGION_INFO_FLAG_CAPS,
  VFIO_REGION_INFO_FLAGS,
  VFIO_REGION_INFO_INDEX,
  VFIO_REGION_INFO_OFFSET_LO64,
  VFIO_REGION_INFO_SIZE_LO64,
  VFIO_SPARSE_MMAP_NR_AREAS,
} from '../../assembly/abi/vfio';
import type { BrokenChain } from '../../host/sim/simulated-host';
import {
  bench,
  closeAll,
  integer,
  mask,
  NOTHING_OPEN,
  newEventfd,
  openPath,
  openThroughGroup,
  RecordingDoorbell,
  readEventfd,
  struct,
  text,
  u32,
  u64,
  unmask,
  writeEventfd,
} from './fixture';

function setup() {
  const it = bench({ regions: [{ size: 0x1000 }, { size: 0x1000 }] });
  const fds = openThroughGroup(it.kernel, it.device);
  const info = (request: number, index = 0, length = 256, field = VFIO_REGION_INFO_INDEX) => {
    const argument = struct(length, [[field, index]]);
    return { argument, result: it.kernel.ioctl(fds.fd, request, argument) };
  };
  const region = (index: number, length?: number) =>
    info(VFIO_DEVICE_GET_REGION_INFO, index, length);
  const memory = new Uint8Array(64);
  const read = (length: number, offset = 0, high = 0) =>
    it.kernel.pread(fds.fd, memory, 0, length, offset, high);
  return { ...it, ...fds, info, region, read, memory };
}

describe('an injected failure', () => {
  it('hits the next matching call and that one only', () => {
    const { kernel } = bench();
    const fault = kernel.faults.inject({ call: 'open', path: '/dev/vfio/vfio', errno: EACCES });
    expect(openPath(kernel, '/dev/iommu')).toBeGreaterThan(0);
    expect(openPath(kernel, '/dev/vfio/vfio')).toBe(-EACCES);
    expect(openPath(kernel, '/dev/vfio/vfio')).toBeGreaterThan(0);
    expect(fault.hits).toBe(1);
  });

  it('can let calls pass first, and hit several', () => {
    const { kernel } = bench();
    kernel.faults.inject({ call: 'eventfd', errno: EMFILE, skip: 1, times: 2 });
    const results = [1, 2, 3, 4].map(() => newEventfd(kernel) > 0);
    expect(results).toEqual([true, false, false, true]);
  });

  it('can hit for ever and be removed', () => {
    const { kernel } = bench();
    const fault = kernel.faults.inject({ call: 'open', errno: ENOENT, times: Infinity });
    for (let i = 0; i < 5; i++) expect(openPath(kernel, '/dev/vfio/vfio')).toBe(-ENOENT);
    fault.remove();
    fault.remove();
    expect(openPath(kernel, '/dev/vfio/vfio')).toBeGreaterThan(0);
  });

  it('gives way to the next rule when it is used up', () => {
    const { kernel } = bench();
    kernel.faults.inject({ call: 'eventfd', errno: EMFILE });
    kernel.faults.inject({ call: 'eventfd', errno: ENOMEM });
    expect([newEventfd(kernel), newEventfd(kernel)]).toEqual([-EMFILE, -ENOMEM]);
  });

  it('picks an ioctl by request, index and flags', () => {
    const { kernel, device, fd, region } = setup();
    device.faults.inject({
      call: 'ioctl',
      request: VFIO_DEVICE_GET_REGION_INFO,
      index: 1,
      errno: ENODEV,
    });
    device.faults.inject({ call: 'ioctl', flags: 0x11, index: 0, errno: EIO });
    expect([region(0).result, region(1).result, region(1).result]).toEqual([0, -ENODEV, 0]);
    expect([mask(kernel, fd, 0), unmask(kernel, fd, 0), unmask(kernel, fd, 0)]).toEqual([
      0,
      -EIO,
      0,
    ]);
  });

  it('leaves the device as it was', () => {
    const { kernel, device, fd } = setup();
    mask(kernel, fd, 0);
    device.faults.inject({ call: 'ioctl', flags: 0x11, errno: EIO });
    unmask(kernel, fd, 0);
    expect(device.line(0).masked).toBe(true);
  });

  it('concerns its own device only', () => {
    const it = setup();
    const other = bench();
    it.device.faults.inject({ call: 'pread', errno: EIO });
    const { fd } = openThroughGroup(other.kernel, other.device);
    expect(other.kernel.pread(fd, it.memory, 0, 4, 0, 0)).toBe(4);
    expect(it.kernel.read(newEventfd(it.kernel, 1), it.memory, 0, 8)).toBe(8);
    expect(it.read(4)).toBe(-EIO);
  });

  it('hits every system call', () => {
    const { kernel, device, fd, memory } = setup();
    const eventfd = newEventfd(kernel, 1);
    const linear = new WebAssembly.Memory({ initial: 1 });
    const doorbell = new RecordingDoorbell();
    const calls = {
      read: () => readEventfd(kernel, eventfd),
      write: () => writeEventfd(kernel, eventfd, 1n),
      pread: () => kernel.pread(fd, memory, 0, 4, 0, 0),
      pwrite: () => kernel.pwrite(fd, memory, 0, 4, 0, 0),
      mmap: () => kernel.mmap(linear, 0, 4096, PROT_READ, fd, 0, 0),
      watch: () => kernel.watch(eventfd, doorbell, 0),
      unwatch: () => kernel.unwatch(eventfd),
      ioctl: () => kernel.ioctl(fd, VFIO_DEVICE_GET_INFO, struct(20)),
    } as const;
    for (const call of Object.keys(calls) as (keyof typeof calls)[]) {
      const fault = kernel.faults.inject({ call, errno: EIO });
      expect(calls[call](), call).toBe(-EIO);
      expect(calls[call](), call).not.toBe(-EIO);
      expect(fault.hits).toBe(1);
    }
    for (const call of ['pread', 'pwrite', 'mmap', 'ioctl'] as const) {
      device.faults.inject({ call, errno: EBUSY });
      expect(calls[call](), call).toBe(-EBUSY);
    }
  });

  it('closes all the same when close fails, as Linux does', () => {
    const { kernel } = bench();
    const fd = newEventfd(kernel);
    kernel.faults.inject({ call: 'close', errno: EIO });
    expect(kernel.close(fd)).toBe(-EIO);
    expect(kernel.close(fd)).toBe(-EBADF);
    expect(kernel.resources()).toEqual(NOTHING_OPEN);
  });

  it('happens before a descriptor is made', () => {
    const { kernel, group } = setup();
    const before = kernel.resources();
    kernel.faults.inject({ call: 'ioctl', request: VFIO_GROUP_GET_DEVICE_FD, errno: EMFILE });
    expect(kernel.ioctl(group, VFIO_GROUP_GET_DEVICE_FD, text('probe'))).toBe(-EMFILE);
    expect(kernel.resources()).toEqual(before);
  });

  it('only counts without errno and bytes', () => {
    const { device, read } = setup();
    const count = device.faults.inject({ call: 'pread', times: Infinity });
    expect([read(4), read(8)]).toEqual([4, 8]);
    expect(count.hits).toBe(2);
  });

  it('ends with clear', () => {
    const { device, read, region } = setup();
    device.faults.inject({ call: 'pread', errno: EIO, times: Infinity });
    device.faults.lieRegion(0, { size: 5n });
    device.faults.clear();
    expect(device.faults.armed).toBe(false);
    expect(read(4)).toBe(4);
    expect(u64(region(0).argument, VFIO_REGION_INFO_SIZE_LO64)).toBe(0x1000n);
  });
});

describe('a short transfer', () => {
  it('moves the given number of bytes at most', () => {
    const { device, read, model } = setup();
    device.faults.inject({ call: 'pread', bytes: 2 });
    expect([read(4), read(4)]).toEqual([2, 4]);
    expect(model.takeLog()).toEqual(['r0+2@0', 'r0+4@0']);
    device.faults.inject({ call: 'pread', bytes: 100 });
    expect(read(4)).toBe(4);
  });

  it('may move nothing', () => {
    const { kernel, device, fd, memory, model } = setup();
    device.faults.inject({ call: 'pwrite', bytes: 0 });
    expect(kernel.pwrite(fd, memory, 0, 4, 0, 0)).toBe(0);
    expect(model.takeLog()).toEqual([]);
  });

  it('picks transfers by region and offset', () => {
    const { device, read } = setup();
    device.faults.inject({ call: 'pread', region: 1, offset: 8, bytes: 1 });
    expect([read(4, 8), read(4, 0, 1 << 8), read(4, 8, 1 << 8)]).toEqual([4, 4, 1]);
  });
});

describe('a lie', () => {
  it('about the number of regions and lines', () => {
    const { device, info } = setup();
    device.faults.lieRegionCount(1000);
    const irqs = device.faults.lieIrqCount(0xffffffff, { times: 1 });
    const first = info(VFIO_DEVICE_GET_INFO).argument;
    expect(u32(first, VFIO_DEVICE_INFO_NUM_REGIONS)).toBe(1000);
    expect(u32(first, VFIO_DEVICE_INFO_NUM_IRQS)).toBe(0xffffffff);
    const second = info(VFIO_DEVICE_GET_INFO).argument;
    expect(u32(second, VFIO_DEVICE_INFO_NUM_REGIONS)).toBe(1000);
    expect(u32(second, VFIO_DEVICE_INFO_NUM_IRQS)).toBe(2);
    expect(irqs.hits).toBe(1);
  });

  it('about one region, leaving the others and the rest of it alone', () => {
    const { device, region } = setup();
    device.faults.lieRegion(1, { size: 1n << 63n, flags: 0, offset: 7n, argsz: 99, capOffset: 4 });
    const lied = region(1).argument;
    expect(u64(lied, VFIO_REGION_INFO_SIZE_LO64)).toBe(1n << 63n);
    expect(u32(lied, VFIO_REGION_INFO_FLAGS)).toBe(0);
    expect(u64(lied, VFIO_REGION_INFO_OFFSET_LO64)).toBe(7n);
    expect(u32(lied, 0)).toBe(99);
    expect(u32(lied, VFIO_REGION_INFO_CAP_OFFSET)).toBe(4);
    expect(u64(region(0).argument, VFIO_REGION_INFO_SIZE_LO64)).toBe(0x1000n);
    device.faults.lieRegion(0, {});
    expect(u64(region(0).argument, VFIO_REGION_INFO_SIZE_LO64)).toBe(0x1000n);
  });

  it('about one line', () => {
    const { device, info } = setup();
    device.faults.lieIrq(0, { flags: 0, count: 3 });
    device.faults.lieIrq(1, {});
    const irq = (index: number) =>
      info(VFIO_DEVICE_GET_IRQ_INFO, index, 16, VFIO_IRQ_INFO_INDEX).argument;
    expect(u32(irq(0), VFIO_IRQ_INFO_FLAGS)).toBe(0);
    expect(u32(irq(0), VFIO_IRQ_INFO_COUNT)).toBe(3);
    expect(u32(irq(1), VFIO_IRQ_INFO_COUNT)).toBe(1);
  });

  it('about argsz, for ever', () => {
    const { kernel, region } = setup();
    kernel.faults.lieArgsz(VFIO_DEVICE_GET_REGION_INFO, 0x40000000);
    for (let i = 0; i < 3; i++) expect(u32(region(0).argument, 0)).toBe(0x40000000);
  });

  it('about the result, by an edit of the test', () => {
    const { kernel, fd, device } = setup();
    device.faults.tamper(VFIO_DEVICE_GET_INFO, () => -EAGAIN, { skip: 1 });
    const call = () => kernel.ioctl(fd, VFIO_DEVICE_GET_INFO, struct(20));
    expect([call(), call(), call()]).toEqual([0, -EAGAIN, 0]);
  });

  it('is not told about a call that failed', () => {
    const { device, region } = setup();
    const lie = device.faults.lieRegion(7, { size: 1n });
    region(7);
    expect(lie.hits).toBe(0);
  });
});

describe('a broken chain of capabilities', () => {
  const chain = (how: BrokenChain) => {
    const { device, region } = setup();
    device.faults.breakCapabilities(VFIO_DEVICE_GET_REGION_INFO, how, {
      index: 0,
      times: Infinity,
    });
    const { argument } = region(0);
    const at = u32(argument, VFIO_REGION_INFO_CAP_OFFSET);
    expect(u32(argument, VFIO_REGION_INFO_FLAGS) & VFIO_REGION_INFO_FLAG_CAPS).not.toBe(0);
    expect(u32(region(1).argument, VFIO_REGION_INFO_FLAGS) & VFIO_REGION_INFO_FLAG_CAPS).toBe(0);
    return { argument, at };
  };

  it('first asks a caller without room to grow', () => {
    const { device, region } = setup();
    device.faults.breakCapabilities(VFIO_DEVICE_GET_REGION_INFO, 'loop');
    const { argument } = region(0, 32);
    expect(u32(argument, 0)).toBe(80);
    expect(u32(argument, VFIO_REGION_INFO_CAP_OFFSET)).toBe(0);
  });

  it('can loop', () => {
    const { argument, at } = chain('loop');
    expect(u32(argument, at + VFIO_INFO_CAP_NEXT)).toBe(at);
  });

  it('can leave the struct with the first or the next capability', () => {
    expect(chain('outside').at).toBeGreaterThan(256);
    const { argument, at } = chain('next-outside');
    expect(u32(argument, at + VFIO_INFO_CAP_NEXT)).toBeGreaterThan(256);
  });

  it('can end in the middle of a capability or begin in the header', () => {
    const { argument, at } = chain('truncated');
    expect([at, u32(argument, at)]).toEqual([248, 0x10001]);
    expect(chain('inside-header').at).toBe(4);
  });

  it('can claim an endless list', () => {
    const { argument, at } = chain('endless-list');
    expect(u32(argument, at + VFIO_SPARSE_MMAP_NR_AREAS)).toBe(0xffffffff);
  });

  it('exists for IOMMU_GET_INFO, and not for requests without capabilities', () => {
    const { kernel, container } = setup();
    kernel.faults.breakCapabilities(VFIO_IOMMU_GET_INFO, 'loop');
    const argument = struct(256);
    expect(kernel.ioctl(container, VFIO_IOMMU_GET_INFO, argument)).toBe(0);
    const at = u32(argument, VFIO_IOMMU_INFO_CAP_OFFSET);
    expect(u32(argument, at + VFIO_INFO_CAP_NEXT)).toBe(at);
    expect(() => kernel.faults.breakCapabilities(VFIO_DEVICE_GET_INFO, 'loop')).toThrow(RangeError);
  });

  it('does nothing to a struct that is too short for it', () => {
    const { kernel, container } = setup();
    kernel.faults.breakCapabilities(VFIO_IOMMU_GET_INFO, 'loop');
    expect(kernel.ioctl(container, VFIO_IOMMU_GET_INFO, struct(16))).toBe(0);
  });
});

describe('faults', () => {
  it('do not keep anything open', () => {
    const { kernel, fd, group, container } = setup();
    kernel.faults.inject({ call: 'ioctl', errno: EIO, times: Infinity });
    expect(kernel.ioctl(container, VFIO_IOMMU_GET_INFO, integer(0))).toBe(-EIO);
    closeAll(kernel, fd, group, container);
    expect(kernel.resources()).toEqual(NOTHING_OPEN);
  });
});
