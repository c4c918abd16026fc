import { VFIO_NOIOMMU_IOMMU, VFIO_SET_IOMMU, VFIO_TYPE1V2_IOMMU } from '../../assembly/abi/vfio';
import type { Kernel } from '../../host/boundary/kernel';
import { getDeviceFd, integer, openPath, readEventfd, setContainer } from '../../test/sim/fixture';
import type { Bench } from './scenario';

/** Path of the group's node. */
export function groupPath({ sysfs }: Bench, device: string): string {
  for (const bus of ['amba', 'platform']) {
    const link = sysfs.readLink(`/sys/bus/${bus}/devices/${device}/iommu_group`);
    if (link === undefined) continue;
    const id = link.slice(link.lastIndexOf('/') + 1);
    return sysfs.exists(`/dev/vfio/noiommu-${id}`) ? `/dev/vfio/noiommu-${id}` : `/dev/vfio/${id}`;
  }
  throw new Error(`${device} is in no group`);
}

/** A device that was opened through its group. */
export interface OpenDevice {
  readonly container: number;
  readonly group: number;
  readonly fd: number;
  close(): void;
}

/** Opens a device in the ordinary way; throws where that fails. `wanted` is another IOMMU type than the usual one. */
export function openDevice(bench: Bench, device: string, wanted?: number): OpenDevice {
  const { kernel } = bench;
  const path = groupPath(bench, device);
  const usual = path.includes('noiommu-') ? VFIO_NOIOMMU_IOMMU : VFIO_TYPE1V2_IOMMU;
  const type = wanted ?? usual;
  const container = openPath(kernel, '/dev/vfio/vfio');
  const group = openPath(kernel, path);
  const joined = setContainer(kernel, group, container);
  const set = kernel.ioctl(container, VFIO_SET_IOMMU, integer(type));
  const fd = getDeviceFd(kernel, group, device);
  if (container < 0 || group < 0 || joined < 0 || set < 0 || fd < 0) {
    throw new Error(`cannot open ${device}: ${[container, group, joined, set, fd]}`);
  }
  const close = () => {
    for (const each of [fd, group, container]) kernel.close(each);
  };
  return { container, group, fd, close };
}

/** Deterministic choices, the same on every kernel (xorshift). */
export function choices(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

/** Signals in an eventfd once what is on its way has arrived: their number, 0 for none. */
export async function signals(bench: Bench, eventfd: number): Promise<number> {
  await bench.settle();
  return Math.max(0, readEventfd(bench.kernel, eventfd));
}

/** Reads with pread: the value, or the result where that is not the width. */
export function peek(kernel: Kernel, fd: number, offset: number, width: number): number | bigint {
  const bytes = new Uint8Array(8);
  const result = kernel.pread(fd, bytes, 0, width, offset, 0);
  if (result !== width) return result;
  const view = new DataView(bytes.buffer);
  return width === 8 ? view.getBigUint64(0, true) : Number(view.getBigUint64(0, true));
}

/** Writes with pwrite: its result. */
export function poke(
  kernel: Kernel,
  fd: number,
  offset: number,
  width: number,
  value: number,
): number {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setUint32(0, value, true);
  return kernel.pwrite(fd, bytes, 0, width, offset, 0);
}
