import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import * as iommufd from '../../assembly/abi/iommufd';
import * as kvm from '../../assembly/abi/kvm';
import * as vfio from '../../assembly/abi/vfio';
import type { IoctlArgument, Kernel, WindowMapping } from '../../host/boundary/kernel';
import { SimulatedHost } from '../../host/sim/simulated-host';
import {
  attach,
  bind,
  getDeviceFd,
  integer,
  irqSet,
  memoryRegion,
  NOTHING_OPEN,
  newIoas,
  ProbeModel,
  RecordingDoorbell,
  setContainer,
  struct,
} from './fixture';

const PATHS = [
  '/dev/vfio/vfio',
  '/dev/iommu',
  '/dev/vfio/0',
  '/dev/vfio/noiommu-1',
  '/dev/vfio/devices/vfio0',
  '/dev/vfio/devices/vfio2',
  '/dev/vfio/devices/vfio3',
  '/dev/vfio',
  '',
  'nonsense',
];

const REQUESTS = [
  ...Object.entries(vfio).filter(([name]) =>
    /^VFIO_[A-Z_]*(GET|SET|UNSET|CHECK|RESET|DMA|BIND|ATTACH|DETACH)[A-Z_0-9]*$/.test(name),
  ),
  ...Object.entries(iommufd).filter(([name]) => /_(DESTROY|ALLOC|RANGES|MAP|UNMAP)$/.test(name)),
  ...Object.entries(kvm).filter(([name]) => name === 'KVM_IRQFD'),
]
  .map(([, value]) => value)
  .filter((value) => value > 0x1000);

/** Integers that hurt: small ones are descriptors, indices, counts and flags; the rest is wild. */
const number = fc.oneof(
  { weight: 6, arbitrary: fc.nat(12) },
  { weight: 2, arbitrary: fc.constantFrom(16, 20, 24, 32, 40, 48, 4096, 0x2000_0000, 0x7fffffff) },
  { weight: 2, arbitrary: fc.constantFrom(0x21, 0x24, 0x11, 0x14, 0x0c, 0x22) },
  { weight: 1, arbitrary: fc.constantFrom(0xffffffff, 0x80000000, -1, 2 ** 40, 2 ** 53, 1.5) },
  { weight: 1, arbitrary: fc.constantFrom(Number.NaN, Infinity, -Infinity) },
);
const words = fc.array(number, { maxLength: 14, size: 'max' });

const call = fc.record({
  name: fc.constantFrom(
    'open',
    'close',
    'ioctl',
    'ioctl',
    'ioctl',
    'ioctl',
    'eventfd',
    'read',
    'write',
    'pread',
    'pwrite',
    'mmap',
    'unmap',
    'window',
    'watch',
    'unwatch',
    'addressOf',
    'line',
    'hold',
    'set irqs',
    'set irqs',
    'map dma',
    'unmap dma',
    'bind',
    'attach',
    'new ioas',
    'map ioas',
    'unmap ioas',
    'irqfd',
  ),
  path: fc.constantFrom(...PATHS),
  fd: fc.oneof(
    { weight: 5, arbitrary: fc.integer({ min: 3, max: 12 }) },
    { weight: 1, arbitrary: number },
  ),
  /** Whether an ioctl goes to a descriptor of the right kind. */
  fitting: fc.boolean(),
  request: fc.oneof(
    { weight: 9, arbitrary: fc.constantFrom(...REQUESTS) },
    { weight: 1, arbitrary: number },
  ),
  words,
  text: fc.constantFrom(undefined, undefined, undefined, 'one', 'two', 'three'),
  a: number,
  b: number,
  c: number,
  d: number,
});
type Call = typeof call extends fc.Arbitrary<infer T> ? T : never;

function argumentOf({ words, text, a, request }: Call): IoctlArgument {
  const bytes = new Uint8Array(words.length * 4);
  const view = new DataView(bytes.buffer);
  words.forEach((word, index) => {
    view.setUint32(index * 4, word, true);
  });
  // Mostly a plausible argsz, or nothing would get past the first check.
  if (bytes.length >= 4 && request !== vfio.VFIO_GROUP_SET_CONTAINER) {
    if (words.length % 3 > 0) view.setUint32(0, bytes.length, true);
  }
  if (text !== undefined) {
    const name = new TextEncoder().encode(`${text}\0`);
    return { value: a, bytes: name, view: new DataView(name.buffer), length: name.length };
  }
  return { value: a, bytes, view, length: words.length % 5 === 4 ? a : bytes.length };
}

function board() {
  const host = new SimulatedHost({ unsafeNoiommu: true, openFileLimit: 24 });
  const regions = [{ size: 0x1000 }, { size: 10, access: 'ro' as const }, memoryRegion(0x1000)];
  const irqs = [{ trigger: 'level' as const }, { trigger: 'edge' as const }];
  const add = (name: string, options: { group?: number; noiommu?: boolean } = {}) =>
    host.addDevice({
      name,
      model: new ProbeModel({ regions, irqs, resettable: true }),
      ...options,
    });
  const devices = [
    add('one'),
    add('two', { noiommu: true }),
    add('three', { group: 0 }),
    add('four'),
  ];
  const vm = host.createVm();
  return { host, devices, vm };
}

/** Descriptors that {@link run} opens first, in this order. */
const VM = 3;
const CONTAINER = 4;
const GROUP = 5;
const EVENTFD = 6;
const IOMMUFD = 7;
const CDEV = 8;
const DEVICE = 9;

function fittingFd(request: number): number {
  if (request === kvm.KVM_IRQFD) return VM;
  if (request >= iommufd.IOMMU_DESTROY) return IOMMUFD;
  if (request >= vfio.VFIO_DEVICE_BIND_IOMMUFD) return CDEV;
  if (request >= vfio.VFIO_IOMMU_GET_INFO) return CONTAINER;
  if (request >= vfio.VFIO_DEVICE_GET_INFO) return DEVICE;
  return request >= vfio.VFIO_GROUP_GET_STATUS ? GROUP : CONTAINER;
}

/** Calls that have a good chance, for the states behind them. */
const SENSIBLE: Record<string, (kernel: Kernel, call: Call) => number> = {
  'set irqs': (kernel, { a, b, fd }) => {
    const flags = [0x21, 0x24, 0x11, 0x14, 0x09, 0x0c][Math.abs(a | 0) % 6] as number;
    const data = (flags & vfio.VFIO_IRQ_SET_DATA_EVENTFD) !== 0 ? [fd, 0, 0, 0] : [];
    const argument = irqSet({ flags, index: b & 1, count: flags === 0x21 ? b & 1 : 1, data });
    return kernel.ioctl(DEVICE, vfio.VFIO_DEVICE_SET_IRQS, argument);
  },
  'map dma': (kernel, { a, b, c }) =>
    kernel.ioctl(
      CONTAINER,
      vfio.VFIO_IOMMU_MAP_DMA,
      struct(vfio.VFIO_DMA_MAP_SIZE, [
        [vfio.VFIO_DMA_MAP_FLAGS, a & 3],
        [vfio.VFIO_DMA_MAP_VADDR_LO64, kernel.addressOf(RAM)],
        [vfio.VFIO_DMA_MAP_IOVA_LO64, pages(b)],
        [vfio.VFIO_DMA_MAP_SIZE_LO64, pages(c)],
      ]),
    ),
  'unmap dma': (kernel, { b, c }) =>
    kernel.ioctl(
      CONTAINER,
      vfio.VFIO_IOMMU_UNMAP_DMA,
      struct(vfio.VFIO_DMA_UNMAP_SIZE, [
        [vfio.VFIO_DMA_UNMAP_IOVA_LO64, pages(b)],
        [vfio.VFIO_DMA_UNMAP_SIZE_LO64, pages(c)],
      ]),
    ),
  bind: (kernel) => bind(kernel, CDEV, IOMMUFD),
  attach: (kernel, { a }) => attach(kernel, CDEV, a & 7),
  'new ioas': (kernel) => newIoas(kernel, IOMMUFD),
  'map ioas': (kernel, { a, b, c, d }) =>
    kernel.ioctl(
      IOMMUFD,
      iommufd.IOMMU_IOAS_MAP,
      struct(iommufd.IOMMU_IOAS_MAP_SIZE, [
        [iommufd.IOMMU_IOAS_MAP_FLAGS, a & 7],
        [iommufd.IOMMU_IOAS_MAP_IOAS_ID, d & 7],
        [iommufd.IOMMU_IOAS_MAP_USER_VA_LO64, kernel.addressOf(RAM)],
        [iommufd.IOMMU_IOAS_MAP_IOVA_LO64, pages(b)],
        [iommufd.IOMMU_IOAS_MAP_LENGTH_LO64, pages(c)],
      ]),
    ),
  'unmap ioas': (kernel, { b, c, d }) =>
    kernel.ioctl(
      IOMMUFD,
      iommufd.IOMMU_IOAS_UNMAP,
      struct(iommufd.IOMMU_IOAS_UNMAP_SIZE, [
        [iommufd.IOMMU_IOAS_UNMAP_IOAS_ID, d & 7],
        [iommufd.IOMMU_IOAS_UNMAP_IOVA_LO64, pages(b)],
        [iommufd.IOMMU_IOAS_UNMAP_LENGTH_LO64, pages(c)],
      ]),
    ),
  irqfd: (kernel, { a, b, fd }) =>
    kernel.ioctl(
      VM,
      kvm.KVM_IRQFD,
      struct(kvm.KVM_IRQFD_SIZE, [
        [kvm.KVM_IRQFD_FD, fd],
        [kvm.KVM_IRQFD_GSI, 1],
        [kvm.KVM_IRQFD_FLAGS, a & 3],
        [kvm.KVM_IRQFD_RESAMPLEFD, b],
      ]),
    ),
};
const RAM = { bytes: new Uint8Array(16 * 4096) };

function pages(count: number): bigint {
  return BigInt(count & 15) * 4096n;
}

/** Plays one call. @returns what the kernel answered */
function play(
  { host, devices }: ReturnType<typeof board>,
  linear: WebAssembly.Memory,
  windows: WindowMapping[],
  each: Call,
): unknown {
  const kernel: Kernel = host.kernel;
  const memory = new Uint8Array(64);
  const { a, b, c, d } = each;
  const fd = each.fitting && each.name === 'ioctl' ? fittingFd(each.request) : each.fd;
  switch (each.name) {
    case 'open':
      return kernel.open(each.path, a);
    case 'close':
      return kernel.close(fd);
    case 'ioctl':
      return kernel.ioctl(fd, each.request, argumentOf(each));
    case 'eventfd':
      return kernel.eventfd(a, b);
    case 'read':
      return kernel.read(fd, memory, a, b);
    case 'write':
      return kernel.write(fd, memory, a, b);
    case 'pread':
      return kernel.pread(fd, memory, a, b, c, d * 256);
    case 'pwrite':
      return kernel.pwrite(fd, memory, a, b, c, d * 256);
    case 'mmap': {
      const mapping = kernel.mmap(linear, a * 4096, 4096, b, fd, 0, c * 256);
      if (typeof mapping === 'number') return mapping;
      windows.push(mapping);
      return 0;
    }
    case 'unmap':
      windows.pop()?.unmap();
      return 0;
    case 'window':
      windows.at(-1)?.write(a, b, c);
      windows.at(-1)?.read(a, b);
      return 0;
    case 'watch':
      return kernel.watch(fd, new RecordingDoorbell(), a);
    case 'unwatch':
      return kernel.unwatch(fd);
    case 'addressOf':
      return Number(kernel.addressOf({ bytes: memory }) & 0xfffn);
    case 'line':
      devices[0]?.setLine(1, a === 1);
      devices[0]?.setLine(0, a === 1);
      return 0;
    case 'hold':
      if (a === 1) host.kernel.holdSignals();
      else host.kernel.releaseSignals();
      return 0;
    default:
      return SENSIBLE[each.name]?.(kernel, each);
  }
}

function run(calls: readonly Call[]): { answers: unknown[]; board: ReturnType<typeof board> } {
  const it = board();
  const linear = new WebAssembly.Memory({ initial: 1 });
  const windows: WindowMapping[] = [];
  // Somewhere to go from: without them random calls hardly ever open a device.
  const { kernel } = it.host;
  const opened = ['/dev/vfio/vfio', '/dev/vfio/0'].map((path) => kernel.open(path, 2));
  opened.push(kernel.eventfd(0, 0), kernel.open('/dev/iommu', 2));
  opened.push(kernel.open('/dev/vfio/devices/vfio3', 2));
  opened.push(setContainer(kernel, GROUP, CONTAINER));
  opened.push(kernel.ioctl(CONTAINER, vfio.VFIO_SET_IOMMU, integer(vfio.VFIO_TYPE1V2_IOMMU)));
  opened.push(getDeviceFd(kernel, GROUP, 'one'));
  expect(opened).toEqual([CONTAINER, GROUP, EVENTFD, IOMMUFD, CDEV, 0, 0, DEVICE]);
  const answers = calls.map((each) => play(it, linear, windows, each));
  for (const window of windows) window.unmap();
  for (let fd = 0; fd < 40; fd++) it.host.kernel.close(fd);
  return { answers, board: it };
}

describe('random system calls', () => {
  it('never throw, answer integers and leave nothing behind', () => {
    fc.assert(
      fc.property(fc.array(call, { minLength: 20, maxLength: 120, size: 'max' }), (calls) => {
        const { answers, board } = run(calls);
        for (const answer of answers) {
          expect(Number.isInteger(answer)).toBe(true);
          expect(answer).toBeGreaterThanOrEqual(-4095);
        }
        expect(board.host.kernel.resources()).toEqual(NOTHING_OPEN);
        for (const device of board.devices) {
          expect(device.openCount).toBe(0);
          expect(device.line(0).armed || device.line(0).masked).toBe(false);
          expect(device.unplug()).toBe(true);
        }
        expect(board.vm.irqfds).toBe(0);
      }),
      { numRuns: 500 },
    );
  });

  it('answer the same when they are made again', () => {
    fc.assert(
      fc.property(fc.array(call, { maxLength: 60, size: 'max' }), (calls) => {
        expect(run(calls).answers).toEqual(run(calls).answers);
      }),
      { numRuns: 100 },
    );
  });
});
