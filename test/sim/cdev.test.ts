import { describe, expect, it } from 'vitest';
import {
  IOMMU_DESTROY,
  IOMMU_DESTROY_ID,
  IOMMU_DESTROY_SIZE,
  IOMMU_HWPT_ALLOC,
  IOMMU_HWPT_ALLOC_DEV_ID,
  IOMMU_HWPT_ALLOC_FLAGS,
  IOMMU_HWPT_ALLOC_OUT_ID,
  IOMMU_HWPT_ALLOC_PT_ID,
  IOMMU_HWPT_ALLOC_SIZE,
  IOMMU_IOAS_ALLOC,
  IOMMU_IOAS_ALLOC_FLAGS,
  IOMMU_IOAS_ALLOC_SIZE,
  IOMMU_IOAS_IOVA_RANGES,
  IOMMU_IOAS_MAP,
  IOMMU_IOAS_MAP_FIXED_IOVA,
  IOMMU_IOAS_MAP_FLAGS,
  IOMMU_IOAS_MAP_IOAS_ID,
  IOMMU_IOAS_MAP_IOVA_LO64,
  IOMMU_IOAS_MAP_LENGTH_LO64,
  IOMMU_IOAS_MAP_READABLE,
  IOMMU_IOAS_MAP_SIZE,
  IOMMU_IOAS_MAP_USER_VA_LO64,
  IOMMU_IOAS_MAP_WRITEABLE,
  IOMMU_IOAS_UNMAP,
  IOMMU_IOAS_UNMAP_IOAS_ID,
  IOMMU_IOAS_UNMAP_IOVA_LO64,
  IOMMU_IOAS_UNMAP_LENGTH_LO64,
  IOMMU_IOAS_UNMAP_SIZE,
  IOMMU_IOVA_RANGES_ALLOWED_LO64,
  IOMMU_IOVA_RANGES_IOAS_ID,
  IOMMU_IOVA_RANGES_NUM_IOVAS,
  IOMMU_IOVA_RANGES_OUT_ALIGNMENT_LO64,
  IOMMU_IOVA_RANGES_SIZE,
} from '../../assembly/abi/iommufd';
import {
  E2BIG,
  EBADF,
  EBUSY,
  EEXIST,
  EFAULT,
  EINVAL,
  EMSGSIZE,
  ENOENT,
  ENOSPC,
  ENOTTY,
  EOPNOTSUPP,
  EOVERFLOW,
  EPERM,
  PROT_READ,
} from '../../assembly/abi/linux';
import {
  VFIO_ATTACH_IOMMUFD_PT_FLAGS,
  VFIO_ATTACH_IOMMUFD_PT_ID,
  VFIO_ATTACH_IOMMUFD_PT_SIZE,
  VFIO_BIND_IOMMUFD_FD,
  VFIO_BIND_IOMMUFD_FLAGS,
  VFIO_BIND_IOMMUFD_SIZE,
  VFIO_DETACH_IOMMUFD_PT_SIZE,
  VFIO_DEVICE_ATTACH_IOMMUFD_PT,
  VFIO_DEVICE_BIND_IOMMUFD,
  VFIO_DEVICE_DETACH_IOMMUFD_PT,
  VFIO_DEVICE_GET_INFO,
  VFIO_DEVICE_RESET,
} from '../../assembly/abi/vfio';
import { SimulatedHost } from '../../host/sim/simulated-host';
import {
  attach,
  bench,
  bind,
  type Field,
  integer,
  NOTHING_OPEN,
  newEventfd,
  newIoas,
  openPath,
  openThroughCdev,
  openThroughGroup,
  ProbeModel,
  struct,
  u32,
  u64,
} from './fixture';

const EBADFD = 77;
const EADDRINUSE = 98;
const PAGE = 0x1000;
const IOVA = 0x2000_0000n;
const ULONG_MAX = (1n << 64n) - 1n;
const RW = IOMMU_IOAS_MAP_READABLE | IOMMU_IOAS_MAP_WRITEABLE;
const FIXED = IOMMU_IOAS_MAP_FIXED_IOVA;

/** An unbound cdev and an iommufd. */
function unbound(options: Parameters<typeof bench>[2] = {}) {
  const it = bench({ resettable: true }, {}, options);
  const fd = openPath(it.kernel, it.device.cdevPath ?? '');
  const iommufd = openPath(it.kernel, '/dev/iommu');
  return { ...it, fd, iommufd };
}

interface MapFields {
  readonly flags?: number;
  readonly ioas?: number;
  readonly address?: bigint;
  readonly length?: bigint;
  readonly iova?: bigint;
  readonly reserved?: number;
}

function setup(options: Parameters<typeof bench>[2] = {}) {
  const it = bench({}, {}, options);
  const fds = openThroughCdev(it.kernel, it.device);
  return { ...it, ...fds, ...iommufdCalls(it.kernel, fds.iommufd, fds.ioas) };
}

/** A second IOAS that nothing is attached to. */
function detached() {
  const it = setup();
  const ioas = newIoas(it.kernel, it.iommufd);
  return { ...it, ioas, ...iommufdCalls(it.kernel, it.iommufd, ioas) };
}

function iommufdCalls(kernel: SimulatedHost['kernel'], iommufd: number, ioas: number) {
  const ram = { bytes: new Uint8Array(16 * PAGE) };
  const address = kernel.addressOf(ram);
  const map = (fields: MapFields = {}) => {
    const argument = struct(IOMMU_IOAS_MAP_SIZE, [
      [IOMMU_IOAS_MAP_FLAGS, fields.flags ?? RW | FIXED],
      [IOMMU_IOAS_MAP_IOAS_ID, fields.ioas ?? ioas],
      [12, fields.reserved ?? 0],
      [IOMMU_IOAS_MAP_USER_VA_LO64, fields.address ?? address],
      [IOMMU_IOAS_MAP_LENGTH_LO64, fields.length ?? BigInt(2 * PAGE)],
      [IOMMU_IOAS_MAP_IOVA_LO64, fields.iova ?? IOVA],
    ]);
    const result = kernel.ioctl(iommufd, IOMMU_IOAS_MAP, argument);
    return { result, iova: u64(argument, IOMMU_IOAS_MAP_IOVA_LO64) };
  };
  /** Bytes unmapped or −errno. */
  const unmap = (iova: bigint, length: bigint, id = ioas) => {
    const argument = struct(IOMMU_IOAS_UNMAP_SIZE, [
      [IOMMU_IOAS_UNMAP_IOAS_ID, id],
      [IOMMU_IOAS_UNMAP_IOVA_LO64, iova],
      [IOMMU_IOAS_UNMAP_LENGTH_LO64, length],
    ]);
    const result = kernel.ioctl(iommufd, IOMMU_IOAS_UNMAP, argument);
    return result < 0 ? result : Number(u64(argument, IOMMU_IOAS_UNMAP_LENGTH_LO64));
  };
  const ranges = (
    room: number,
    extra: Field[] = [],
    length = IOMMU_IOVA_RANGES_SIZE + room * 16,
  ) => {
    const argument = struct(
      length,
      [
        [IOMMU_IOVA_RANGES_IOAS_ID, ioas],
        [IOMMU_IOVA_RANGES_NUM_IOVAS, room],
        [IOMMU_IOVA_RANGES_ALLOWED_LO64, BigInt(IOMMU_IOVA_RANGES_SIZE)],
        ...extra,
      ],
      IOMMU_IOVA_RANGES_SIZE,
    );
    return { argument, result: kernel.ioctl(iommufd, IOMMU_IOAS_IOVA_RANGES, argument) };
  };
  const destroy = (id: number) =>
    kernel.ioctl(iommufd, IOMMU_DESTROY, struct(IOMMU_DESTROY_SIZE, [[IOMMU_DESTROY_ID, id]]));
  const hwpt = (fields: Field[]) => {
    const argument = struct(IOMMU_HWPT_ALLOC_SIZE, fields);
    const result = kernel.ioctl(iommufd, IOMMU_HWPT_ALLOC, argument);
    return result < 0 ? result : u32(argument, IOMMU_HWPT_ALLOC_OUT_ID);
  };
  return { ram, address, map, unmap, ranges, destroy, hwpt };
}

describe('a cdev', () => {
  it('can do nothing before it is bound', () => {
    const { kernel, fd, device, model } = unbound();
    const bytes = new Uint8Array(4);
    const memory = new WebAssembly.Memory({ initial: 1 });
    expect(kernel.ioctl(fd, VFIO_DEVICE_GET_INFO, struct(20))).toBe(-EINVAL);
    expect(kernel.ioctl(fd, VFIO_DEVICE_RESET, integer(0))).toBe(-EINVAL);
    expect(attach(kernel, fd, 1)).toBe(-EINVAL);
    expect(kernel.ioctl(fd, 0x3bff, integer(0))).toBe(-EINVAL);
    expect(kernel.pread(fd, bytes, 0, 4, 0, 0)).toBe(-EINVAL);
    expect(kernel.pwrite(fd, bytes, 0, 4, 0, 0)).toBe(-EINVAL);
    expect(kernel.mmap(memory, 0, PAGE, PROT_READ, fd, 0, 0)).toBe(-EINVAL);
    expect([device.openCount, model.resets]).toEqual([0, 0]);
  });

  it('works once it is bound, which opens and resets the device', () => {
    const { kernel, fd, iommufd, device, model } = unbound();
    expect(bind(kernel, fd, iommufd)).toBe(0);
    expect([device.openCount, model.resets]).toEqual([1, 1]);
    expect(kernel.ioctl(fd, VFIO_DEVICE_GET_INFO, struct(20))).toBe(0);
  });

  it('checks what it is bound with', () => {
    const { kernel, fd, iommufd } = unbound();
    const size = VFIO_BIND_IOMMUFD_SIZE;
    const call = (fields: Field[], argsz = size, length = size) =>
      kernel.ioctl(fd, VFIO_DEVICE_BIND_IOMMUFD, struct(length, fields, argsz));
    expect(call([[VFIO_BIND_IOMMUFD_FD, iommufd]], size - 1)).toBe(-EINVAL);
    expect(call([], size, size - 4)).toBe(-EFAULT);
    expect(
      call([
        [VFIO_BIND_IOMMUFD_FD, iommufd],
        [VFIO_BIND_IOMMUFD_FLAGS, 1],
      ]),
    ).toBe(-EINVAL);
    expect(bind(kernel, fd, -1)).toBe(-EINVAL);
    expect(bind(kernel, fd, 99)).toBe(-EBADF);
    expect(bind(kernel, fd, newEventfd(kernel))).toBe(-EBADFD);
    expect(call([[VFIO_BIND_IOMMUFD_FD, iommufd]], 24, 24)).toBe(0);
  });

  it('is bound once', () => {
    const { kernel, fd, iommufd, device } = unbound();
    bind(kernel, fd, iommufd);
    expect(bind(kernel, fd, iommufd)).toBe(-EINVAL);
    const second = openPath(kernel, device.cdevPath ?? '');
    expect(second).toBeGreaterThan(0);
    expect(bind(kernel, second, iommufd)).toBe(-EINVAL);
    kernel.close(fd);
    expect(bind(kernel, second, iommufd)).toBe(0);
  });

  it('cannot be bound while its group is open, nor the group opened while it is bound', () => {
    const { kernel, fd, iommufd, device } = unbound();
    const group = openPath(kernel, device.groupPath ?? '');
    expect(bind(kernel, fd, iommufd)).toBe(-EBUSY);
    kernel.close(group);
    expect(bind(kernel, fd, iommufd)).toBe(0);
    expect(openPath(kernel, device.groupPath ?? '')).toBe(-EBUSY);
    kernel.close(fd);
    expect(openPath(kernel, device.groupPath ?? '')).toBeGreaterThan(0);
  });

  it('cannot be bound through a descriptor that the group gave', () => {
    const { kernel, device } = bench();
    const { fd } = openThroughGroup(kernel, device);
    expect(bind(kernel, fd, openPath(kernel, '/dev/iommu'))).toBe(-EINVAL);
  });

  it('shares its group with one iommufd only', () => {
    const host = new SimulatedHost();
    const { kernel } = host;
    const [one, two] = ['one', 'two'].map((name) =>
      openPath(kernel, host.addDevice({ name, model: new ProbeModel(), group: 1 }).cdevPath ?? ''),
    ) as [number, number];
    const [a, b] = [openPath(kernel, '/dev/iommu'), openPath(kernel, '/dev/iommu')];
    expect(bind(kernel, one, a)).toBe(0);
    expect(bind(kernel, two, b)).toBe(-EPERM);
    expect(bind(kernel, two, a)).toBe(0);
  });

  it('is refused with EPERM when interrupts are not isolated', () => {
    const { kernel, fd, iommufd } = unbound({ unsafeInterrupts: false });
    expect(bind(kernel, fd, iommufd)).toBe(-EPERM);
  });

  it('leaves nothing behind whatever the order of closing', () => {
    for (const deviceFirst of [true, false]) {
      const { kernel, fd, iommufd, map, device } = setup();
      map();
      const order = deviceFirst ? [fd, iommufd] : [iommufd, fd];
      for (const each of order) kernel.close(each);
      expect(kernel.resources()).toEqual(NOTHING_OPEN);
      expect(() => openThroughCdev(kernel, device)).not.toThrow();
    }
  });

  it('keeps its iommufd and mappings alive', () => {
    const { kernel, iommufd, map, model } = setup();
    map();
    kernel.close(iommufd);
    expect(kernel.resources().dmaMappings).toBe(1);
    expect(model.environment?.dma.read(Number(IOVA), new Uint8Array(4))).toBe(true);
  });
});

describe('attaching', () => {
  it('connects the device to the IOAS and gives the page table', () => {
    const { kernel, fd, ioas, map, model, hwpt, deviceId } = setup();
    map();
    expect(model.environment?.dma.write(Number(IOVA), Uint8Array.of(7))).toBe(true);
    const argument = struct(VFIO_ATTACH_IOMMUFD_PT_SIZE, [[VFIO_ATTACH_IOMMUFD_PT_ID, ioas]]);
    expect(kernel.ioctl(fd, VFIO_DEVICE_ATTACH_IOMMUFD_PT, argument)).toBe(0);
    expect(u32(argument, VFIO_ATTACH_IOMMUFD_PT_ID)).not.toBe(ioas);
    const id = hwpt([
      [IOMMU_HWPT_ALLOC_DEV_ID, deviceId],
      [IOMMU_HWPT_ALLOC_PT_ID, ioas],
    ]);
    expect(attach(kernel, fd, id)).toBe(0);
    expect(model.environment?.dma.read(Number(IOVA), new Uint8Array(1))).toBe(true);
  });

  it('replaces what was attached', () => {
    const { kernel, fd, ioas, iommufd, map, model, destroy } = setup();
    map();
    const other = newIoas(kernel, iommufd);
    expect(attach(kernel, fd, other)).toBe(0);
    expect(model.environment?.dma.read(Number(IOVA), new Uint8Array(1))).toBe(false);
    expect(destroy(ioas)).toBe(0);
    expect(destroy(other)).toBe(-EBUSY);
  });

  it('ends with DETACH, which is fine a second time', () => {
    const { kernel, fd, map, model, device } = setup();
    map();
    const detach = () =>
      kernel.ioctl(fd, VFIO_DEVICE_DETACH_IOMMUFD_PT, struct(VFIO_DETACH_IOMMUFD_PT_SIZE));
    expect([detach(), detach()]).toEqual([0, 0]);
    expect(model.environment?.dma.read(Number(IOVA), new Uint8Array(1))).toBe(false);
    expect(device.dmaFaults.at(-1)?.reason).toBe('no-address-space');
  });

  it('checks its struct and id', () => {
    const { kernel, fd, deviceId } = setup();
    const flags = struct(VFIO_ATTACH_IOMMUFD_PT_SIZE, [[VFIO_ATTACH_IOMMUFD_PT_FLAGS, 1]]);
    expect(kernel.ioctl(fd, VFIO_DEVICE_ATTACH_IOMMUFD_PT, flags)).toBe(-EINVAL);
    expect(kernel.ioctl(fd, VFIO_DEVICE_ATTACH_IOMMUFD_PT, struct(12, [], 11))).toBe(-EINVAL);
    expect(kernel.ioctl(fd, VFIO_DEVICE_ATTACH_IOMMUFD_PT, struct(8))).toBe(-EFAULT);
    expect(kernel.ioctl(fd, VFIO_DEVICE_DETACH_IOMMUFD_PT, struct(8, [], 7))).toBe(-EINVAL);
    expect(kernel.ioctl(fd, VFIO_DEVICE_DETACH_IOMMUFD_PT, struct(4))).toBe(-EFAULT);
    expect(attach(kernel, fd, 99)).toBe(-ENOENT);
    expect(attach(kernel, fd, deviceId)).toBe(-EINVAL);
  });

  it('is refused when mappings lie where the IOMMU cannot map', () => {
    const { kernel, fd, map, ioas } = detached();
    expect(map({ iova: 0x8000000n }).result).toBe(0);
    expect(attach(kernel, fd, ioas)).toBe(-EADDRINUSE);
    const odd = detached();
    expect(odd.map({ length: 10n }).result).toBe(0);
    expect(attach(odd.kernel, odd.fd, odd.ioas)).toBe(-EADDRINUSE);
  });
});

describe('iommufd objects', () => {
  it('are allocated and destroyed by id', () => {
    const { kernel, iommufd, destroy, map } = detached();
    const id = newIoas(kernel, iommufd);
    map({ ioas: id });
    expect(kernel.resources().dmaMappings).toBe(1);
    expect(destroy(id)).toBe(0);
    expect(kernel.resources().dmaMappings).toBe(0);
    expect(destroy(id)).toBe(-ENOENT);
  });

  it('are busy while something uses them', () => {
    const { kernel, fd, ioas, deviceId, destroy, hwpt } = setup();
    expect(destroy(ioas)).toBe(-EBUSY);
    expect(destroy(deviceId)).toBe(-EBUSY);
    const id = hwpt([
      [IOMMU_HWPT_ALLOC_DEV_ID, deviceId],
      [IOMMU_HWPT_ALLOC_PT_ID, ioas],
    ]);
    attach(kernel, fd, id);
    expect(destroy(id)).toBe(-EBUSY);
    kernel.ioctl(fd, VFIO_DEVICE_DETACH_IOMMUFD_PT, struct(8));
    expect(destroy(ioas)).toBe(-EBUSY);
    expect([destroy(id), destroy(ioas)]).toEqual([0, 0]);
  });

  it('do not let the page table of an attachment be destroyed', () => {
    const { kernel, fd, ioas, destroy } = setup();
    const argument = struct(VFIO_ATTACH_IOMMUFD_PT_SIZE, [[VFIO_ATTACH_IOMMUFD_PT_ID, ioas]]);
    kernel.ioctl(fd, VFIO_DEVICE_ATTACH_IOMMUFD_PT, argument);
    expect(destroy(u32(argument, VFIO_ATTACH_IOMMUFD_PT_ID))).toBe(-EBUSY);
  });

  it('check HWPT_ALLOC', () => {
    const { ioas, deviceId, hwpt } = setup();
    const good: Field[] = [
      [IOMMU_HWPT_ALLOC_DEV_ID, deviceId],
      [IOMMU_HWPT_ALLOC_PT_ID, ioas],
    ];
    expect(hwpt([...good, [IOMMU_HWPT_ALLOC_FLAGS, 1]])).toBe(-EOPNOTSUPP);
    expect(hwpt([...good, [20, 1]])).toBe(-EOPNOTSUPP);
    expect(hwpt([...good, [28, 8]])).toBe(-EINVAL);
    expect(hwpt([[IOMMU_HWPT_ALLOC_PT_ID, ioas]])).toBe(-ENOENT);
    expect(hwpt([[IOMMU_HWPT_ALLOC_DEV_ID, deviceId]])).toBe(-EINVAL);
    expect(hwpt([...good, [IOMMU_HWPT_ALLOC_PT_ID, deviceId]])).toBe(-EINVAL);
  });

  it('check the size of every struct', () => {
    const { kernel, iommufd } = setup();
    const call = (request: number, length: number, argsz = length) =>
      kernel.ioctl(iommufd, request, struct(length, [], argsz));
    expect(call(IOMMU_IOAS_ALLOC, 12, 8)).toBe(-EINVAL);
    expect(call(IOMMU_IOAS_ALLOC, 12, 16)).toBe(-EFAULT);
    expect(call(IOMMU_IOAS_ALLOC, 0)).toBe(-EFAULT);
    expect(call(IOMMU_IOAS_ALLOC, 16)).toBe(0);
    const trailing = struct(16, [[12, 1]]);
    expect(kernel.ioctl(iommufd, IOMMU_IOAS_ALLOC, trailing)).toBe(-E2BIG);
    const flags = struct(IOMMU_IOAS_ALLOC_SIZE, [[IOMMU_IOAS_ALLOC_FLAGS, 1]]);
    expect(kernel.ioctl(iommufd, IOMMU_IOAS_ALLOC, flags)).toBe(-EOPNOTSUPP);
    expect(call(0x3b64, 8)).toBe(-ENOTTY);
  });
});

describe('IOVA_RANGES', () => {
  it('answers EMSGSIZE and the number first, then the ranges', () => {
    const { ranges } = setup();
    const first = ranges(0);
    expect(first.result).toBe(-EMSGSIZE);
    expect(u32(first.argument, IOMMU_IOVA_RANGES_NUM_IOVAS)).toBe(2);
    const { argument, result } = ranges(2);
    expect(result).toBe(0);
    const bounds = [0, 8, 16, 24].map((i) => u64(argument, IOMMU_IOVA_RANGES_SIZE + i));
    expect(bounds).toEqual([0n, 0x7ffffffn, 0x8100000n, 0xffffffffffffn]);
    expect(u64(argument, IOMMU_IOVA_RANGES_OUT_ALIGNMENT_LO64)).toBe(4096n);
  });

  it('fills what fits even when it does not fit', () => {
    const { argument, result } = setup().ranges(1);
    expect(result).toBe(-EMSGSIZE);
    expect(u64(argument, IOMMU_IOVA_RANGES_SIZE + 8)).toBe(0x7ffffffn);
  });

  it('offers everything before anything is attached', () => {
    const { argument, result } = detached().ranges(1);
    expect(result).toBe(0);
    expect(u64(argument, IOMMU_IOVA_RANGES_SIZE)).toBe(0n);
    expect(u64(argument, IOMMU_IOVA_RANGES_SIZE + 8)).toBe(ULONG_MAX);
    expect(u64(argument, IOMMU_IOVA_RANGES_OUT_ALIGNMENT_LO64)).toBe(1n);
  });

  it('writes to a user address as well', () => {
    const { ranges, ram, address } = setup();
    const to: Field = [IOMMU_IOVA_RANGES_ALLOWED_LO64, address + 16n];
    expect(ranges(2, [to], IOMMU_IOVA_RANGES_SIZE).result).toBe(0);
    expect(new DataView(ram.bytes.buffer).getBigUint64(24, true)).toBe(0x7ffffffn);
  });

  it('faults on bad addresses and knows its ids', () => {
    const { ranges, deviceId } = setup();
    expect(ranges(2, [], IOMMU_IOVA_RANGES_SIZE + 16).result).toBe(-EFAULT);
    expect(ranges(2, [[IOMMU_IOVA_RANGES_ALLOWED_LO64, 0x123456789n]]).result).toBe(-EFAULT);
    expect(ranges(0, [[IOMMU_IOVA_RANGES_IOAS_ID, 99]]).result).toBe(-ENOENT);
    expect(ranges(0, [[IOMMU_IOVA_RANGES_IOAS_ID, deviceId]]).result).toBe(-ENOENT);
    expect(ranges(0, [[12, 1]]).result).toBe(-EOPNOTSUPP);
  });
});

describe('IOAS_MAP', () => {
  it('maps at a fixed address, once', () => {
    const { map } = setup();
    expect(map().result).toBe(0);
    expect(map().result).toBe(-EEXIST);
  });

  it('chooses the lowest free address itself', () => {
    const { map } = setup();
    expect(map({ flags: RW }).iova).toBe(0x1000n);
    expect(map({ flags: RW }).iova).toBe(0x3000n);
    map({ iova: 0x6000n, length: 0x1000n });
    expect(map({ flags: RW }).iova).toBe(0x7000n);
    expect(map({ flags: RW, length: 0x1000n }).iova).toBe(0x5000n);
  });

  it('answers ENOSPC when no address is free', () => {
    const { map } = setup({ iovaRanges: [{ first: 0n, last: 0x2fffn }] });
    expect(map({ flags: RW, length: 0x3000n }).result).toBe(-ENOSPC);
    expect(map({ flags: RW }).result).toBe(0);
    expect(map({ flags: RW }).result).toBe(-ENOSPC);
  });

  it('checks flags, alignment, overflow and range', () => {
    const { map, address } = setup();
    expect(map({ flags: FIXED }).result).toBe(-EINVAL);
    expect(map({ flags: RW | FIXED | 8 }).result).toBe(-EOPNOTSUPP);
    expect(map({ reserved: 1 }).result).toBe(-EOPNOTSUPP);
    expect(map({ length: 0n }).result).toBe(-EINVAL);
    expect(map({ iova: IOVA + 1n }).result).toBe(-EINVAL);
    expect(map({ address: address + 1n }).result).toBe(-EINVAL);
    expect(map({ length: 100n }).result).toBe(-EINVAL);
    expect(map({ iova: ULONG_MAX }).result).toBe(-EOVERFLOW);
    expect(map({ length: ULONG_MAX }).result).toBe(-EOVERFLOW);
    expect(map({ address: ULONG_MAX - 4095n, length: 0x2000n }).result).toBe(-EOVERFLOW);
    expect(map({ iova: ULONG_MAX - 4095n, length: 0x2000n }).result).toBe(-EOVERFLOW);
    expect(map({ iova: 0x8000000n }).result).toBe(-EINVAL);
    expect(map({ ioas: 99 }).result).toBe(-ENOENT);
    expect(map({ address: 0x1000n }).result).toBe(-EFAULT);
  });

  it('gives the permissions that were asked for', () => {
    const { map, model } = setup();
    map({ flags: FIXED | IOMMU_IOAS_MAP_READABLE });
    const dma = model.environment?.dma;
    expect(dma?.read(Number(IOVA), new Uint8Array(1))).toBe(true);
    expect(dma?.write(Number(IOVA), new Uint8Array(1))).toBe(false);
  });
});

describe('IOAS_UNMAP', () => {
  it('unmaps whole mappings and tells how much', () => {
    const { map, unmap } = setup();
    map();
    map({ iova: IOVA + 0x4000n, length: 0x1000n });
    expect(unmap(IOVA, 0x10000n)).toBe(0x3000);
    expect(unmap(IOVA, 0x10000n)).toBe(-ENOENT);
  });

  it('does not cut mappings', () => {
    const { map, unmap, kernel } = setup();
    map();
    expect(unmap(IOVA, 0x1000n)).toBe(-ENOENT);
    expect(unmap(IOVA + 0x1000n, 0x1000n)).toBe(-ENOENT);
    expect(kernel.resources().dmaMappings).toBe(1);
  });

  it('unmaps everything by one special range, even when there is nothing', () => {
    const { map, unmap } = setup();
    map();
    expect(unmap(0n, ULONG_MAX)).toBe(0x2000);
    expect(unmap(0n, ULONG_MAX)).toBe(0);
  });

  it('checks its range and id', () => {
    const { unmap } = setup();
    expect(unmap(IOVA, 0n)).toBe(-EINVAL);
    expect(unmap(ULONG_MAX, 1n)).toBe(-EOVERFLOW);
    expect(unmap(IOVA, ULONG_MAX)).toBe(-EOVERFLOW);
    expect(unmap(ULONG_MAX - 1n, 3n)).toBe(-EOVERFLOW);
    expect(unmap(IOVA, 0x1000n, 99)).toBe(-ENOENT);
  });
});
