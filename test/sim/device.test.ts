import { describe, expect, it } from 'vitest';
import { EFAULT, EINVAL, ENOTTY } from '../../assembly/abi/linux';
import {
  VFIO_DEVICE_FLAGS_AMBA,
  VFIO_DEVICE_FLAGS_PLATFORM,
  VFIO_DEVICE_FLAGS_RESET,
  VFIO_DEVICE_GET_INFO,
  VFIO_DEVICE_GET_IRQ_INFO,
  VFIO_DEVICE_GET_REGION_INFO,
  VFIO_DEVICE_INFO_FLAGS,
  VFIO_DEVICE_INFO_NUM_IRQS,
  VFIO_DEVICE_INFO_NUM_REGIONS,
  VFIO_DEVICE_INFO_SIZE,
  VFIO_DEVICE_RESET,
  VFIO_INFO_CAP_ID,
  VFIO_INFO_CAP_NEXT,
  VFIO_IRQ_INFO_AUTOMASKED,
  VFIO_IRQ_INFO_COUNT,
  VFIO_IRQ_INFO_EVENTFD,
  VFIO_IRQ_INFO_FLAGS,
  VFIO_IRQ_INFO_INDEX,
  VFIO_IRQ_INFO_MASKABLE,
  VFIO_IRQ_INFO_SIZE,
  VFIO_REGION_INFO_CAP_OFFSET,
  VFIO_REGION_INFO_FLAG_CAPS,
  VFIO_REGION_INFO_FLAG_MMAP,
  VFIO_REGION_INFO_FLAG_READ,
  VFIO_REGION_INFO_FLAG_WRITE,
  VFIO_REGION_INFO_FLAGS,
  VFIO_REGION_INFO_INDEX,
  VFIO_REGION_INFO_OFFSET_LO64,
  VFIO_REGION_INFO_SIZE,
  VFIO_REGION_INFO_SIZE_LO64,
  VFIO_SPARSE_MMAP_AREAS,
  VFIO_SPARSE_MMAP_NR_AREAS,
} from '../../assembly/abi/vfio';
import { bench, integer, openThroughGroup, type ProbeOptions, struct, u32, u64 } from './fixture';

const READ = VFIO_REGION_INFO_FLAG_READ;
const WRITE = VFIO_REGION_INFO_FLAG_WRITE;
const MMAP = VFIO_REGION_INFO_FLAG_MMAP;

function setup(probe: ProbeOptions = {}, bus: 'platform' | 'amba' = 'platform') {
  const it = bench(probe, { bus });
  const { fd } = openThroughGroup(it.kernel, it.device);
  const region = (index: number, length = VFIO_REGION_INFO_SIZE, argsz = length) => {
    const argument = struct(length, [[VFIO_REGION_INFO_INDEX, index]], argsz);
    return { argument, result: it.kernel.ioctl(fd, VFIO_DEVICE_GET_REGION_INFO, argument) };
  };
  return { ...it, fd, region };
}

describe('DEVICE_GET_INFO', () => {
  it('counts regions and lines and names the bus', () => {
    const { kernel, fd } = setup({ regions: [{ size: 16 }, { size: 0 }] });
    const info = struct(VFIO_DEVICE_INFO_SIZE);
    expect(kernel.ioctl(fd, VFIO_DEVICE_GET_INFO, info)).toBe(0);
    expect(u32(info, VFIO_DEVICE_INFO_FLAGS)).toBe(VFIO_DEVICE_FLAGS_PLATFORM);
    expect(u32(info, VFIO_DEVICE_INFO_NUM_REGIONS)).toBe(2);
    expect(u32(info, VFIO_DEVICE_INFO_NUM_IRQS)).toBe(2);
  });

  it('says AMBA on that bus and RESET where the model can', () => {
    const { kernel, fd } = setup({ resettable: true }, 'amba');
    const info = struct(VFIO_DEVICE_INFO_SIZE);
    kernel.ioctl(fd, VFIO_DEVICE_GET_INFO, info);
    expect(u32(info, VFIO_DEVICE_INFO_FLAGS)).toBe(
      VFIO_DEVICE_FLAGS_AMBA | VFIO_DEVICE_FLAGS_RESET,
    );
  });

  it('accepts 16, 20 and 24 bytes and not 15', () => {
    const { kernel, fd } = setup();
    const sizes = [15, 16, 20, 24, 64];
    const results = sizes.map((size) =>
      kernel.ioctl(fd, VFIO_DEVICE_GET_INFO, struct(24, [], size)),
    );
    expect(results).toEqual([-EINVAL, 0, 0, 0, 0]);
  });

  it('faults on a struct that is too short for what the kernel copies', () => {
    const { kernel, fd } = setup();
    expect(kernel.ioctl(fd, VFIO_DEVICE_GET_INFO, struct(12, [], 20))).toBe(-EFAULT);
    expect(kernel.ioctl(fd, VFIO_DEVICE_GET_INFO, integer(0))).toBe(-EFAULT);
  });
});

describe('GET_REGION_INFO', () => {
  it('puts the index in bits 40 and up of the offset', () => {
    const { region } = setup({ regions: [{ size: 0x1000 }, { size: 0x2004 }] });
    expect(u64(region(0).argument, VFIO_REGION_INFO_OFFSET_LO64)).toBe(0n);
    const { argument, result } = region(1);
    expect(result).toBe(0);
    expect(u64(argument, VFIO_REGION_INFO_OFFSET_LO64)).toBe(1n << 40n);
    expect(u64(argument, VFIO_REGION_INFO_SIZE_LO64)).toBe(0x2004n);
  });

  it('offers what the region can do', () => {
    const { region } = setup({
      regions: [
        { size: 0x1000 },
        { size: 0x1004 },
        { size: 0x1000, access: 'ro' },
        { size: 0x1000, access: 'wo', mappable: false },
        { size: 0x1000, access: 'none' },
        { size: 0 },
        { size: 0x800, mappable: true },
      ],
    });
    const flags = [0, 1, 2, 3, 4, 5, 6].map((index) =>
      u32(region(index).argument, VFIO_REGION_INFO_FLAGS),
    );
    expect(flags).toEqual([
      READ | WRITE | MMAP,
      READ | WRITE,
      READ | MMAP,
      WRITE,
      0,
      0,
      READ | WRITE | MMAP,
    ]);
  });

  it('tells sizes up to 2^40 - 1', () => {
    const { region } = setup({ regions: [{ size: 2 ** 40 - 1 }] });
    expect(u64(region(0).argument, VFIO_REGION_INFO_SIZE_LO64)).toBe(2n ** 40n - 1n);
  });

  it('refuses an index beyond the last, a short argsz and a short struct', () => {
    const { region } = setup();
    expect(region(1).result).toBe(-EINVAL);
    expect(region(0xffffffff).result).toBe(-EINVAL);
    expect(region(0, 32, 31).result).toBe(-EINVAL);
    expect(region(0, 31, 32).result).toBe(-EFAULT);
  });

  it('keeps its answer to itself when it refuses', () => {
    const { argument } = setup().region(0, 32, 31);
    expect([...argument.bytes.subarray(4)]).toEqual(new Array(28).fill(0));
  });

  it('asks for room for the sparse mmap capability, then fills it in', () => {
    const sparse = [
      { offset: 0, size: 0x1000 },
      { offset: 0x3000, size: 0x2000 },
    ];
    const { region } = setup({ regions: [{ size: 0x8000, sparse }] });
    const first = region(0).argument;
    const needed = VFIO_REGION_INFO_SIZE + VFIO_SPARSE_MMAP_AREAS + 2 * 16;
    expect(u32(first, 0)).toBe(needed);
    expect(u32(first, VFIO_REGION_INFO_CAP_OFFSET)).toBe(0);
    expect(u32(first, VFIO_REGION_INFO_FLAGS)).toBe(
      READ | WRITE | MMAP | VFIO_REGION_INFO_FLAG_CAPS,
    );
    const second = region(0, needed).argument;
    const at = u32(second, VFIO_REGION_INFO_CAP_OFFSET);
    expect(at).toBe(VFIO_REGION_INFO_SIZE);
    expect(u32(second, at + VFIO_INFO_CAP_ID)).toBe(0x10001);
    expect(u32(second, at + VFIO_INFO_CAP_NEXT)).toBe(0);
    expect(u32(second, at + VFIO_SPARSE_MMAP_NR_AREAS)).toBe(2);
    const areas = [0, 8, 16, 24].map((i) => u64(second, at + VFIO_SPARSE_MMAP_AREAS + i));
    expect(areas).toEqual([0n, 0x1000n, 0x3000n, 0x2000n]);
  });

  it('faults when argsz promises more room for capabilities than there is', () => {
    const sparse = [{ offset: 0, size: 0x1000 }];
    const { region } = setup({ regions: [{ size: 0x8000, sparse }] });
    expect(region(0, 32, 4096).result).toBe(-EFAULT);
  });
});

describe('GET_IRQ_INFO', () => {
  const info = (index: number, length = VFIO_IRQ_INFO_SIZE, argsz = length) => {
    const { kernel, fd } = setup();
    const argument = struct(length, [[VFIO_IRQ_INFO_INDEX, index]], argsz);
    return { argument, result: kernel.ioctl(fd, VFIO_DEVICE_GET_IRQ_INFO, argument) };
  };

  it('says that level lines are maskable and automasked and edge lines are not', () => {
    expect(u32(info(0).argument, VFIO_IRQ_INFO_FLAGS)).toBe(
      VFIO_IRQ_INFO_EVENTFD | VFIO_IRQ_INFO_MASKABLE | VFIO_IRQ_INFO_AUTOMASKED,
    );
    expect(u32(info(1).argument, VFIO_IRQ_INFO_FLAGS)).toBe(VFIO_IRQ_INFO_EVENTFD);
    expect(u32(info(1).argument, VFIO_IRQ_INFO_COUNT)).toBe(1);
  });

  it('refuses an index beyond the last, a short argsz and a short struct', () => {
    expect(info(2).result).toBe(-EINVAL);
    expect(info(0, 16, 4).result).toBe(-EINVAL);
    expect(info(0, 12, 16).result).toBe(-EFAULT);
  });
});

describe('DEVICE_RESET', () => {
  it('answers EINVAL without a reset', () => {
    const { kernel, fd, model } = setup();
    expect(kernel.ioctl(fd, VFIO_DEVICE_RESET, integer(0))).toBe(-EINVAL);
    expect(model.resets).toBe(0);
  });

  it('resets the device where there is one', () => {
    const { kernel, fd, model } = setup({ resettable: true });
    expect(kernel.ioctl(fd, VFIO_DEVICE_RESET, integer(0))).toBe(0);
    expect(model.resets).toBe(2);
  });
});

describe('an open device', () => {
  it('knows no other requests, cdev requests among them', () => {
    const { kernel, fd } = setup();
    for (const request of [0x3b75, 0x3b77, 0x3b78, 0x3bff, 0]) {
      expect(kernel.ioctl(fd, request, struct(64))).toBe(-ENOTTY);
    }
  });
});
