import {
  VFIO_DMA_MAP_FLAG_READ,
  VFIO_DMA_MAP_FLAG_WRITE,
  VFIO_DMA_MAP_FLAGS,
  VFIO_DMA_MAP_IOVA_LO64,
  VFIO_DMA_MAP_SIZE,
  VFIO_DMA_MAP_SIZE_LO64,
  VFIO_DMA_MAP_VADDR_LO64,
  VFIO_DMA_UNMAP_FLAGS,
  VFIO_DMA_UNMAP_IOVA_LO64,
  VFIO_DMA_UNMAP_SIZE,
  VFIO_DMA_UNMAP_SIZE_LO64,
  VFIO_IOMMU_GET_INFO,
  VFIO_IOMMU_MAP_DMA,
  VFIO_IOMMU_UNMAP_DMA,
  VFIO_TYPE1_IOMMU,
  VFIO_TYPE1V2_IOMMU,
} from '../../assembly/abi/vfio';
import { struct, u64 } from '../../test/sim/fixture';
import { choices, openDevice } from './calls';
import { ANYWHERE, END, hex, MEMORY_PAGES, mapOverlapping, PAGE } from './mappings';
import {
  type Bench,
  board,
  DMA_ENTRY_LIMIT,
  outcome,
  type Scenario,
  type Transcript,
} from './scenario';

const READ = VFIO_DMA_MAP_FLAG_READ;
const WRITE = VFIO_DMA_MAP_FLAG_WRITE;
const MAP_VADDR = 4;
const UNMAP_ALL = 2;
const UNMAP_VADDR = 4;

/** A container with a device in it, and memory that can be mapped. */
function rig(bench: Bench, type = VFIO_TYPE1V2_IOMMU) {
  const { kernel } = bench;
  const { container, close } = openDevice(bench, board.rtc, type);
  const ram = bench.memory(Number(MEMORY_PAGES * PAGE));
  const base = kernel.addressOf(ram);
  const map = (
    iova: bigint,
    size: bigint,
    { flags = READ | WRITE, vaddr = base, argsz = VFIO_DMA_MAP_SIZE } = {},
  ) =>
    kernel.ioctl(
      container,
      VFIO_IOMMU_MAP_DMA,
      struct(
        VFIO_DMA_MAP_SIZE,
        [
          [VFIO_DMA_MAP_FLAGS, flags],
          [VFIO_DMA_MAP_VADDR_LO64, vaddr],
          [VFIO_DMA_MAP_IOVA_LO64, iova],
          [VFIO_DMA_MAP_SIZE_LO64, size],
        ],
        argsz,
      ),
    );
  /** What it answers, and how much was unmapped. */
  const unmap = (iova: bigint, size: bigint, { flags = 0, argsz = VFIO_DMA_UNMAP_SIZE } = {}) => {
    const argument = struct(
      VFIO_DMA_UNMAP_SIZE,
      [
        [VFIO_DMA_UNMAP_FLAGS, flags],
        [VFIO_DMA_UNMAP_IOVA_LO64, iova],
        [VFIO_DMA_UNMAP_SIZE_LO64, size],
      ],
      argsz,
    );
    const result = kernel.ioctl(container, VFIO_IOMMU_UNMAP_DMA, argument);
    const unmapped = u64(argument, VFIO_DMA_UNMAP_SIZE_LO64);
    return result < 0 ? outcome(result) : `unmapped ${hex(unmapped)}`;
  };
  const unmapAll = () => unmap(0n, 0n, { flags: UNMAP_ALL });
  return { kernel, container, base, map, unmap, unmapAll, close };
}

/** Every combination of flags, addresses and sizes of MAP_DMA, each on an empty container. */
async function mapMatrix(bench: Bench, log: Transcript): Promise<void> {
  const { base, map, unmapAll, close } = rig(bench);
  const memoryEnd = base + MEMORY_PAGES * PAGE;
  const addresses = [
    ['the memory', base],
    ['its last page', memoryEnd - PAGE],
    ['1 byte into it', base + 1n],
    ['behind it', memoryEnd],
    ['0', 0n],
    ['the last page of all', END - PAGE],
  ] as const;
  const iovas = [
    ...[0n, 1n, PAGE, ANYWHERE],
    // Around the window for message-signalled interrupts, and around the end of what the IOMMU can translate.
    ...[0x7fff000n, 0x8000000n, 0x80ff000n, 0x8100000n],
    ...[(1n << 48n) - PAGE, 1n << 48n, END - PAGE, END - 1n],
  ];
  const sizes = [0n, 1n, PAGE - 1n, PAGE, 2n * PAGE, MEMORY_PAGES * PAGE, END - PAGE, END - 1n];
  for (const flags of [0, READ, WRITE, READ | WRITE, MAP_VADDR, READ | MAP_VADDR, 8 | READ]) {
    for (const [what, vaddr] of addresses) {
      for (const iova of iovas) {
        const results = sizes.map((size) => {
          const result = map(iova, size, { flags, vaddr });
          if (result === 0) unmapAll();
          return outcome(result);
        });
        log.note(`map ${what}, flags ${flags}, at ${hex(iova)}`, results);
      }
    }
  }
  close();
}

/** Maps and unmaps at random in a few pages, so that everything meets everything. */
async function walk(bench: Bench, log: Transcript, type: number, seed: number): Promise<void> {
  const { base, map, unmap, unmapAll, close } = rig(bench, type);
  const choose = choices(seed);
  const pages = (below: number) => BigInt(choose(below)) * PAGE;
  for (let step = 0; step < 300; step++) {
    const iova = ANYWHERE + pages(24);
    const size = PAGE + pages(5);
    const at = `${step} ${hex(iova)}, ${hex(size)}`;
    if (choose(3) > 0) {
      log.note(`map ${at}`, outcome(map(iova, size, { vaddr: base + pages(8) })));
    } else {
      log.note(`unmap ${at}`, unmap(iova, size));
    }
  }
  log.note('unmap the rest', unmapAll());
  close();
}

export const dmaMappings: readonly Scenario[] = [
  { name: 'MAP_DMA, every combination', run: mapMatrix },
  {
    name: 'UNMAP_DMA, and what MAP_DMA finds mapped',
    run: async (bench, log) => {
      const { base, map, unmap, unmapAll, close } = rig(bench);
      log.note('unmap what is not mapped', unmap(ANYWHERE, PAGE));
      log.note('unmap all of nothing', unmapAll());
      mapOverlapping(log, (iova, size) => outcome(map(iova, size)));
      for (const [iova, size] of [
        [ANYWHERE, PAGE],
        [ANYWHERE + PAGE, 2n * PAGE],
        [ANYWHERE - PAGE, 2n * PAGE],
        [ANYWHERE + 3n * PAGE, 2n * PAGE],
        [ANYWHERE, 0n],
        [ANYWHERE, 1n],
        [ANYWHERE + 1n, PAGE],
        [END - PAGE, PAGE],
        [END - PAGE, 2n * PAGE],
        [PAGE, END - PAGE],
      ] as const) {
        log.note(`unmap ${hex(iova)}, ${hex(size)}`, unmap(iova, size));
      }
      log.result('map again', map(ANYWHERE, 4n * PAGE));
      for (const [iova, size, flags] of [
        [0n, 0n, 1],
        [0n, PAGE, UNMAP_ALL],
        [PAGE, 0n, UNMAP_ALL],
        [ANYWHERE, PAGE, UNMAP_ALL | 1],
        [ANYWHERE, PAGE, 8],
      ] as const) {
        log.note(`unmap ${hex(iova)}, ${hex(size)}, flags ${flags}`, unmap(iova, size, { flags }));
      }
      for (const argsz of [0, 23, 24, 64]) {
        log.note(`unmap, ${argsz} bytes`, unmap(ANYWHERE - PAGE, PAGE, { argsz }));
      }
      for (const argsz of [0, 31, 32, 64]) {
        log.result(`map, ${argsz} bytes`, map(ANYWHERE + 8n * PAGE, PAGE, { argsz }));
      }
      log.note('unmap all', unmapAll());
      log.result('map memory that ends too early', map(ANYWHERE, (MEMORY_PAGES + 1n) * PAGE));
      log.note('nothing of it is left', unmapAll());
      log.result('map its last page', map(ANYWHERE, PAGE, { vaddr: base + 15n * PAGE }));
      close();
    },
  },
  {
    name: 'mappings whose memory moves to another address of the process',
    run: async (bench, log) => {
      const { base, map, unmap, unmapAll, close } = rig(bench);
      const move = (what: string, pages: bigint, count: bigint, flags = MAP_VADDR) =>
        log.result(what, map(ANYWHERE + pages * PAGE, count * PAGE, { flags, vaddr: base + PAGE }));
      const invalidate = (what: string, pages: bigint, count: bigint, flags = UNMAP_VADDR) =>
        log.note(what, unmap(ANYWHERE + pages * PAGE, count * PAGE, { flags }));
      invalidate('nothing', 0n, 4n);
      map(ANYWHERE, 2n * PAGE);
      map(ANYWHERE + 2n * PAGE, 2n * PAGE);
      move('without a word', 0n, 2n);
      move('what is not mapped', 4n, 2n);
      invalidate('half of one', 0n, 1n);
      invalidate('one', 2n, 2n);
      invalidate('both, of which one is', 0n, 4n);
      move('the one that was spared', 0n, 2n);
      move('a part', 2n, 1n);
      move('with more', 0n, 4n);
      move('with permissions', 2n, 2n, MAP_VADDR | READ);
      log.result('map on top of it', map(ANYWHERE + 2n * PAGE, 2n * PAGE));
      move('as it was', 2n, 2n);
      move('again', 2n, 2n);
      log.note('all', unmap(0n, 0n, { flags: UNMAP_VADDR | UNMAP_ALL }));
      move('the first', 0n, 2n);
      log.note('unmap all', unmapAll());
      close();
    },
  },
  {
    name: 'more mappings than a container may have',
    run: async (bench, log) => {
      const { kernel, container, map, unmap, close } = rig(bench);
      const place = (index: number) => ANYWHERE + BigInt(index) * 2n * PAGE;
      const info = (argsz: number) => {
        const argument = struct(256, [], argsz);
        const result = kernel.ioctl(container, VFIO_IOMMU_GET_INFO, argument);
        const length = Math.max(argsz, 24);
        return [outcome(result), Buffer.from(argument.bytes.subarray(0, length)).toString('hex')];
      };
      for (const argsz of [0, 15, 16, 20, 24, 144, 256]) {
        log.note(`info, ${argsz} bytes`, info(argsz));
      }
      for (let index = 0; index < DMA_ENTRY_LIMIT + 2; index++) {
        log.result(`map ${index}`, map(place(index), PAGE));
      }
      log.result('on top of one', map(place(0), PAGE));
      log.result('where the IOMMU cannot', map(0x8000000n, PAGE));
      log.note('info', info(256));
      log.note('unmap one', unmap(place(3), PAGE));
      log.result('map another', map(place(20), PAGE));
      log.result('and one more', map(place(21), PAGE));
      close();
    },
  },
  ...([VFIO_TYPE1_IOMMU, VFIO_TYPE1V2_IOMMU] as const).flatMap((type, index) =>
    [1, 2].map(
      (seed): Scenario => ({
        name: `DMA mappings of type 1, version ${index + 1}, random walk ${seed}`,
        run: (bench, log) => walk(bench, log, type, seed * 0x9e3779b1),
      }),
    ),
  ),
];
