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
import { VFIO_DEVICE_DETACH_IOMMUFD_PT } from '../../assembly/abi/vfio';
import { attach, type Field, newIoas, struct, u32, u64 } from '../../test/sim/fixture';
import { choices } from './calls';
import { openCdev } from './cdev';
import { ANYWHERE, END, hex, MEMORY_PAGES, mapOverlapping, PAGE } from './mappings';
import { type Bench, board, outcome, type Scenario, type Transcript } from './scenario';

const RW = IOMMU_IOAS_MAP_READABLE | IOMMU_IOAS_MAP_WRITEABLE;
const FIXED = IOMMU_IOAS_MAP_FIXED_IOVA;
const UNKNOWN = 0x3bff;

/** An attached device, and memory that can be mapped. */
function rig(bench: Bench) {
  const { kernel } = bench;
  const { fd, iommufd, ioas, deviceId, close } = openCdev(bench, board.rtc);
  const ram = bench.memory(Number(MEMORY_PAGES * PAGE));
  const base = kernel.addressOf(ram);
  /** What it answers; where the kernel chose the place, that too. */
  const map = (
    iova: bigint,
    length: bigint,
    { id = ioas, flags = RW | FIXED, address = base, reserved = 0 } = {},
  ) => {
    const argument = struct(IOMMU_IOAS_MAP_SIZE, [
      [IOMMU_IOAS_MAP_FLAGS, flags],
      [IOMMU_IOAS_MAP_IOAS_ID, id],
      [12, reserved],
      [IOMMU_IOAS_MAP_USER_VA_LO64, address],
      [IOMMU_IOAS_MAP_LENGTH_LO64, length],
      [IOMMU_IOAS_MAP_IOVA_LO64, iova],
    ]);
    const result = kernel.ioctl(iommufd, IOMMU_IOAS_MAP, argument);
    if (result < 0 || (flags & FIXED) !== 0) return outcome(result);
    return `at ${hex(u64(argument, IOMMU_IOAS_MAP_IOVA_LO64))}`;
  };
  const unmap = (iova: bigint, length: bigint, id = ioas) => {
    const argument = struct(IOMMU_IOAS_UNMAP_SIZE, [
      [IOMMU_IOAS_UNMAP_IOAS_ID, id],
      [IOMMU_IOAS_UNMAP_IOVA_LO64, iova],
      [IOMMU_IOAS_UNMAP_LENGTH_LO64, length],
    ]);
    const result = kernel.ioctl(iommufd, IOMMU_IOAS_UNMAP, argument);
    const unmapped = u64(argument, IOMMU_IOAS_UNMAP_LENGTH_LO64);
    return result < 0 ? outcome(result) : `unmapped ${hex(unmapped)}`;
  };
  const unmapAll = (id = ioas) => unmap(0n, END - 1n, id);
  const destroy = (id: number) =>
    outcome(
      kernel.ioctl(iommufd, IOMMU_DESTROY, struct(IOMMU_DESTROY_SIZE, [[IOMMU_DESTROY_ID, id]])),
    );
  return { kernel, fd, iommufd, ioas, deviceId, base, map, unmap, unmapAll, destroy, close };
}

/** Flags, addresses and lengths of MAP, each in an empty IOAS. */
async function mapMatrix(bench: Bench, log: Transcript, attached: boolean): Promise<void> {
  const { kernel, iommufd, ioas, base, map, unmapAll, close } = rig(bench);
  const id = attached ? ioas : newIoas(kernel, iommufd);
  const iovas = [
    ...[0n, 1n, PAGE, ANYWHERE, 0x7fff000n, 0x8000000n, 0x80ff000n, 0x8100000n],
    ...[(1n << 48n) - PAGE, 1n << 48n, END - PAGE, END - 1n],
  ];
  // An IOAS without a device looks at the memory only when one comes.
  const addresses = attached
    ? ([
        ['the memory', base],
        ['1 byte into it', base + 1n],
        ['behind it', base + MEMORY_PAGES * PAGE],
        ['the last page of all', END - PAGE],
      ] as const)
    : ([
        ['the memory', base],
        ['1 byte into it', base + 1n],
      ] as const);
  const lengths = [0n, 1n, PAGE - 1n, PAGE, 2n * PAGE, END - PAGE, END - 1n];
  for (const flags of [0, FIXED, RW, RW | FIXED, IOMMU_IOAS_MAP_READABLE | FIXED, 8 | RW]) {
    for (const [what, address] of addresses) {
      for (const iova of (flags & FIXED) === 0 ? [0n, END - 1n] : iovas) {
        const results = lengths.map((length) => {
          // Without a device the memory would have to be longer than it is.
          if (!attached && length > 2n * PAGE) return 'not tried';
          const result = map(iova, length, { id, flags, address });
          if (typeof result !== 'string' || result.startsWith('at')) unmapAll(id);
          return result;
        });
        log.note(`map ${what}, flags ${flags}, at ${hex(iova)}`, results);
      }
    }
  }
  log.note('map with reserved bits', map(ANYWHERE, PAGE, { id, reserved: 1 }));
  log.note('map into no IOAS', map(ANYWHERE, PAGE, { id: 99 }));
  close();
}

async function walk(bench: Bench, log: Transcript, seed: number): Promise<void> {
  const { base, map, unmap, unmapAll, close } = rig(bench);
  const choose = choices(seed);
  const pages = (below: number) => BigInt(choose(below)) * PAGE;
  for (let step = 0; step < 300; step++) {
    const iova = ANYWHERE + pages(24);
    const length = PAGE + pages(5);
    const at = `${step} ${hex(iova)}, ${hex(length)}`;
    if (choose(3) > 0) log.note(`map ${at}`, map(iova, length, { address: base + pages(8) }));
    else log.note(`unmap ${at}`, unmap(iova, length));
  }
  log.note('unmap the rest', unmapAll());
  close();
}

export const ioAddressSpaces: readonly Scenario[] = [
  {
    name: 'IOAS_MAP where a device is attached, every combination',
    run: (bench, log) => mapMatrix(bench, log, true),
  },
  {
    name: 'IOAS_MAP where no device is attached, every combination',
    run: (bench, log) => mapMatrix(bench, log, false),
  },
  {
    name: 'IOAS_UNMAP, and what IOAS_MAP finds mapped',
    run: async (bench, log) => {
      const { deviceId, map, unmap, unmapAll, close } = rig(bench);
      log.note('unmap what is not mapped', unmap(ANYWHERE, PAGE));
      log.note('unmap all of nothing', unmapAll());
      mapOverlapping(log, map);
      for (const [iova, length] of [
        [ANYWHERE, PAGE],
        [ANYWHERE + PAGE, 2n * PAGE],
        [ANYWHERE - PAGE, 2n * PAGE],
        [ANYWHERE + 3n * PAGE, 2n * PAGE],
        [ANYWHERE, 0n],
        [ANYWHERE, 1n],
        [ANYWHERE + 1n, PAGE],
        [END - 1n, 1n],
        [END - PAGE, PAGE],
        [END - PAGE, 2n * PAGE],
        [ANYWHERE, END - 1n],
        [ANYWHERE, 8n * PAGE],
        [ANYWHERE, 8n * PAGE],
      ] as const) {
        log.note(`unmap ${hex(iova)}, ${hex(length)}`, unmap(iova, length));
      }
      log.note('unmap of no IOAS', unmap(ANYWHERE, PAGE, 99));
      log.note('unmap of a device', unmap(ANYWHERE, PAGE, deviceId));
      log.note('memory that ends too early', map(ANYWHERE, (MEMORY_PAGES + 1n) * PAGE));
      log.note('nothing of it is left', unmapAll());
      close();
    },
  },
  ...[1, 2].map(
    (seed): Scenario => ({
      name: `mappings of an IOAS, random walk ${seed}`,
      run: (bench, log) => walk(bench, log, seed * 0x9e3779b1),
    }),
  ),
  {
    name: 'objects of an iommufd',
    run: async (bench, log) => {
      const { kernel, fd, iommufd, ioas, deviceId, map, destroy, close } = rig(bench);
      const ids: readonly Field[] = [
        [IOMMU_HWPT_ALLOC_DEV_ID, deviceId],
        [IOMMU_HWPT_ALLOC_PT_ID, ioas],
      ];
      const pageTable = (fields: readonly Field[], argsz?: number) => {
        const argument = struct(IOMMU_HWPT_ALLOC_SIZE, fields, argsz);
        const result = kernel.ioctl(iommufd, IOMMU_HWPT_ALLOC, argument);
        return result < 0 ? outcome(result) : u32(argument, IOMMU_HWPT_ALLOC_OUT_ID);
      };
      log.note('ids of device and IOAS', [deviceId, ioas]);
      log.note('destroy what is in use', [ioas, deviceId].map(destroy));
      log.note('destroy what is not there', [0, 99].map(destroy));
      log.note('page table with flags', pageTable([...ids, [IOMMU_HWPT_ALLOC_FLAGS, 1 << 31]]));
      log.note('with reserved bits', pageTable([...ids, [20, 1]]));
      log.note('for no device', pageTable([[IOMMU_HWPT_ALLOC_PT_ID, ioas]]));
      log.note('of no IOAS', pageTable([[IOMMU_HWPT_ALLOC_DEV_ID, deviceId]]));
      log.note('of a device', pageTable([...ids, [IOMMU_HWPT_ALLOC_PT_ID, deviceId]]));
      log.note('too small', pageTable(ids, 23));
      const table = pageTable(ids);
      log.note('a page table', table);
      log.result('attach to it', attach(kernel, fd, Number(table)));
      log.note('destroy it', destroy(Number(table)));
      log.note('map', map(ANYWHERE, PAGE));
      const detach = () => kernel.ioctl(fd, VFIO_DEVICE_DETACH_IOMMUFD_PT, struct(8));
      log.result('detach', detach());
      log.note('destroy the IOAS', destroy(ioas));
      log.note('destroy the page table', destroy(Number(table)));
      log.note('destroy the IOAS', destroy(ioas));
      log.note('map into it', map(ANYWHERE, PAGE));
      const next = [newIoas(kernel, iommufd), newIoas(kernel, iommufd)];
      log.note('its id is free again', next);
      log.note('destroy them', next.map(destroy));
      const call = (request: number, length: number, fields: readonly Field[] = []) =>
        outcome(kernel.ioctl(iommufd, request, struct(64, fields, length)));
      log.note(
        'structs of every size',
        [0, 4, 8, 11, 12, 16, 64].map((length) => call(IOMMU_IOAS_ALLOC, length)),
      );
      log.note('more than the kernel knows', call(IOMMU_IOAS_ALLOC, 16, [[12, 1]]));
      const flags: Field = [IOMMU_IOAS_ALLOC_FLAGS, 1];
      log.note('flags', call(IOMMU_IOAS_ALLOC, IOMMU_IOAS_ALLOC_SIZE, [flags]));
      log.note('an unknown request', call(UNKNOWN, 8));
      close();
    },
  },
  {
    name: 'the ranges that an IOAS can map',
    run: async (bench, log) => {
      const { kernel, iommufd, ioas, deviceId, close } = rig(bench);
      const ram = bench.memory(Number(PAGE));
      const address = kernel.addressOf(ram);
      const view = new DataView(ram.bytes.buffer, ram.bytes.byteOffset);
      const ranges = (id: number, room: number, fields: readonly Field[] = []) => {
        ram.bytes.fill(0);
        const argument = struct(IOMMU_IOVA_RANGES_SIZE, [
          [IOMMU_IOVA_RANGES_IOAS_ID, id],
          [IOMMU_IOVA_RANGES_NUM_IOVAS, room],
          [IOMMU_IOVA_RANGES_ALLOWED_LO64, address],
          ...fields,
        ]);
        const result = kernel.ioctl(iommufd, IOMMU_IOAS_IOVA_RANGES, argument);
        return [
          outcome(result),
          u32(argument, IOMMU_IOVA_RANGES_NUM_IOVAS),
          hex(u64(argument, IOMMU_IOVA_RANGES_OUT_ALIGNMENT_LO64)),
          ...[0, 8, 16, 24].map((at) => hex(view.getBigUint64(at, true))),
        ];
      };
      for (const room of [0, 1, 2, 5]) log.note(`room for ${room}`, ranges(ioas, room));
      const empty = newIoas(kernel, iommufd);
      for (const room of [0, 1]) log.note(`no device, room for ${room}`, ranges(empty, room));
      log.note('no IOAS', ranges(99, 2));
      log.note('a device', ranges(deviceId, 2));
      log.note('reserved bits', ranges(ioas, 2, [[12, 1]]));
      log.note('nowhere', ranges(ioas, 2, [[IOMMU_IOVA_RANGES_ALLOWED_LO64, address - PAGE]]));
      close();
    },
  },
];
