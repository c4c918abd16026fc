import {
  EACCES,
  EBUSY,
  EEXIST,
  EINVAL,
  ENODEV,
  ENOENT,
  ENOMEM,
  ENOTTY,
  ENXIO,
  EPERM,
} from '../../assembly/abi/linux';
import { BACKEND_NOIOMMU } from '../../assembly/boundary/options';
import * as status from '../../assembly/boundary/status';
import { MAX_LINES, MAX_REGIONS } from '../../assembly/limits';
import type { VfioErrorCode } from '../errors';
import { errnoName, VfioError } from '../errors';

/** The core's failure record. */
export interface Failure {
  readonly step: number;
  readonly errno: number;
  readonly detail: number;
  /** The device is attached through iommufd. */
  readonly iommufd?: boolean;
  /** What the host threw below the core, when that is why the step failed. */
  readonly cause?: unknown;
}

interface Step {
  readonly code: VfioErrorCode;
  readonly syscall?: string;
  /** What was being done, as it follows "<device>: cannot". */
  readonly action: (failure: Failure) => string;
  /** What the reader can do about it. */
  readonly remedy?: (failure: Failure) => string | undefined;
}

const DRIVER_REMEDY =
  'bind the device to vfio-platform or vfio-amba (driver_override, then drivers_probe)';

function permission({ errno }: Failure, node: string): string | undefined {
  if (errno === EACCES) return `give this user access to ${node} (its group, or a udev rule)`;
  if (errno === EPERM)
    return `run with the capability that ${node} wants (CAP_SYS_RAWIO for a group without IOMMU)`;
  if (errno === ENOENT) return `load the module that makes ${node}, and ${DRIVER_REMEDY}`;
  if (errno === EBUSY) return `close the program that has ${node} open`;
  return undefined;
}

function line({ detail }: Failure): string {
  return `line ${detail}`;
}

const steps: ReadonlyMap<number, Step> = new Map<number, Step>([
  [
    status.STEP_OPEN_GROUP,
    {
      code: 'OPEN_GROUP',
      syscall: 'open',
      action: () => 'open its VFIO group',
      remedy: (failure) => permission(failure, 'the group in /dev/vfio'),
    },
  ],
  [
    status.STEP_GROUP_STATUS,
    {
      code: 'GROUP_STATUS',
      syscall: 'VFIO_GROUP_GET_STATUS',
      action: () => 'ask for the state of its group',
    },
  ],
  [
    status.STEP_GROUP_VIABLE,
    {
      code: 'GROUP_NOT_VIABLE',
      action: () => 'use its group, which is not viable',
      remedy: () => 'bind every device of the group to a vfio driver, or to none',
    },
  ],
  [
    status.STEP_OPEN_CONTAINER,
    {
      code: 'OPEN_CONTAINER',
      syscall: 'open',
      action: () => 'open a VFIO container',
      remedy: (failure) => permission(failure, '/dev/vfio/vfio'),
    },
  ],
  [
    status.STEP_API_VERSION,
    {
      code: 'API_VERSION',
      syscall: 'VFIO_GET_API_VERSION',
      action: ({ detail }) => `use VFIO API version ${detail | 0}, only version 0 is known`,
    },
  ],
  [
    status.STEP_IOMMU_TYPE,
    {
      code: 'IOMMU_TYPE',
      syscall: 'VFIO_CHECK_EXTENSION',
      action: ({ detail }) =>
        detail === BACKEND_NOIOMMU
          ? 'find the no-IOMMU driver in the container'
          : 'find a type 1 IOMMU driver in the container',
      remedy: ({ detail }) =>
        detail === BACKEND_NOIOMMU
          ? 'load vfio with enable_unsafe_noiommu_mode=1'
          : 'load vfio_iommu_type1; a device behind no IOMMU needs the noiommu option',
    },
  ],
  [
    status.STEP_SET_CONTAINER,
    {
      code: 'SET_CONTAINER',
      syscall: 'VFIO_GROUP_SET_CONTAINER',
      action: () => 'join its group to the container',
    },
  ],
  [
    status.STEP_SET_IOMMU,
    {
      code: 'SET_IOMMU',
      syscall: 'VFIO_SET_IOMMU',
      action: ({ detail }) => `set IOMMU type ${detail}`,
      remedy: ({ errno }) =>
        errno === EPERM
          ? 'the IOMMU does not isolate interrupts: load vfio_iommu_type1 with allow_unsafe_interrupts=1 if you accept that'
          : undefined,
    },
  ],
  [
    status.STEP_IOMMU_INFO,
    {
      code: 'IOMMU_INFO',
      syscall: 'VFIO_IOMMU_GET_INFO',
      action: () => 'ask what its IOMMU can map',
    },
  ],
  [
    status.STEP_IOMMU_CAPS,
    {
      code: 'IOMMU_INFO',
      syscall: 'VFIO_IOMMU_GET_INFO',
      action: ({ detail }) =>
        `read the IOMMU's capabilities, the chain at ${detail} loops or leaves the structure`,
    },
  ],
  [
    status.STEP_GET_DEVICE,
    {
      code: 'GET_DEVICE',
      syscall: 'VFIO_GROUP_GET_DEVICE_FD',
      action: () => 'open the device',
      remedy: ({ errno }) => {
        if (errno === ENODEV) return DRIVER_REMEDY;
        if (errno === EBUSY) return 'close the program that has the device open';
        return undefined;
      },
    },
  ],
  [
    status.STEP_OPEN_CDEV,
    {
      code: 'OPEN_CDEV',
      syscall: 'open',
      action: () => 'open its node in /dev/vfio/devices',
      remedy: (failure) =>
        failure.errno === ENXIO
          ? 'the node has not the numbers that sysfs tells: remove it, and let udev make it anew'
          : permission(failure, 'the node in /dev/vfio/devices'),
    },
  ],
  [
    status.STEP_OPEN_IOMMUFD,
    {
      code: 'OPEN_IOMMUFD',
      syscall: 'open',
      action: () => 'open /dev/iommu',
      remedy: (failure) =>
        failure.errno === ENOENT
          ? 'use a kernel with CONFIG_IOMMUFD, or the group (without the iommufd option)'
          : permission(failure, '/dev/iommu'),
    },
  ],
  [
    status.STEP_BIND_IOMMUFD,
    {
      code: 'BIND_IOMMUFD',
      syscall: 'VFIO_DEVICE_BIND_IOMMUFD',
      action: () => 'bind the device to iommufd',
      remedy: ({ errno }) => {
        if (errno === EPERM) {
          return 'the IOMMU does not isolate interrupts: load iommufd with allow_unsafe_interrupts=1 if you accept that; or another program has a device of its group';
        }
        if (errno === EBUSY) return 'close the program that has its group open';
        // What Linux says to the second one who binds a device.
        if (errno === EINVAL) return 'close the program that has the device open, if there is one';
        return undefined;
      },
    },
  ],
  [
    status.STEP_IOAS_ALLOC,
    {
      code: 'IOAS_ALLOC',
      syscall: 'IOMMU_IOAS_ALLOC',
      action: () => 'allocate an I/O address space',
    },
  ],
  [
    status.STEP_ATTACH_IOAS,
    {
      code: 'ATTACH_IOAS',
      syscall: 'VFIO_DEVICE_ATTACH_IOMMUFD_PT',
      action: () => 'attach the device to its I/O address space',
    },
  ],
  [
    status.STEP_IOVA_RANGES,
    {
      code: 'IOVA_RANGES',
      syscall: 'IOMMU_IOAS_IOVA_RANGES',
      action: () => 'ask for the I/O address ranges',
    },
  ],
  [
    status.STEP_DEVICE_INFO,
    {
      code: 'DEVICE_INFO',
      syscall: 'VFIO_DEVICE_GET_INFO',
      action: () => 'ask what the device has',
    },
  ],
  [
    status.STEP_NOT_PLATFORM,
    {
      code: 'NOT_PLATFORM_DEVICE',
      action: ({ detail }) =>
        `use it, it is not a platform device (flags 0x${detail.toString(16)})`,
    },
  ],
  [
    status.STEP_TOO_MANY_REGIONS,
    {
      code: 'TOO_MANY_REGIONS',
      action: ({ detail }) => `use ${detail} regions, ${MAX_REGIONS} are the most`,
    },
  ],
  [
    status.STEP_TOO_MANY_LINES,
    {
      code: 'TOO_MANY_LINES',
      action: ({ detail }) => `use ${detail} interrupt lines, ${MAX_LINES} are the most`,
    },
  ],
  [
    status.STEP_REGION_INFO,
    {
      code: 'REGION_INFO',
      syscall: 'VFIO_DEVICE_GET_REGION_INFO',
      action: ({ detail }) => `ask for region ${detail}`,
    },
  ],
  [
    status.STEP_REGION_CAPS,
    {
      code: 'REGION_CAPABILITIES',
      syscall: 'VFIO_DEVICE_GET_REGION_INFO',
      action: ({ detail }) =>
        `read the capabilities of region ${detail}: they loop, leave the structure or name bytes outside the region`,
    },
  ],
  [
    status.STEP_IRQ_INFO,
    {
      code: 'IRQ_INFO',
      syscall: 'VFIO_DEVICE_GET_IRQ_INFO',
      action: (failure) => `ask for ${line(failure)}`,
    },
  ],
  [
    status.STEP_LINE_UNUSABLE,
    {
      code: 'LINE_UNUSABLE',
      action: (failure) => `use ${line(failure)}, the kernel cannot signal it through an eventfd`,
      remedy: () => 'poll the device, or leave the line unconnected',
    },
  ],
  [
    status.STEP_EVENTFD,
    {
      code: 'EVENTFD',
      syscall: 'eventfd',
      action: (failure) => `create an eventfd for ${line(failure)}`,
      remedy: () => 'raise the limit on open files (ulimit -n)',
    },
  ],
  [
    status.STEP_WATCH,
    {
      code: 'WATCH',
      syscall: 'epoll_ctl',
      action: (failure) => `watch the eventfd of ${line(failure)}`,
    },
  ],
  [
    status.STEP_SET_TRIGGER,
    {
      code: 'SET_TRIGGER',
      syscall: 'VFIO_DEVICE_SET_IRQS',
      action: (failure) => `arm ${line(failure)}`,
      remedy: ({ errno }) =>
        errno === EBUSY
          ? 'another driver has the interrupt; unbind it'
          : 'the host refuses this interrupt; the device can still be polled',
    },
  ],
  [
    status.STEP_SET_RESAMPLE,
    {
      code: 'SET_RESAMPLE',
      syscall: 'VFIO_DEVICE_SET_IRQS',
      action: (failure) => `set the resample eventfd of ${line(failure)}`,
    },
  ],
  [
    status.STEP_MASK,
    { code: 'MASK', syscall: 'VFIO_DEVICE_SET_IRQS', action: (failure) => `mask ${line(failure)}` },
  ],
  [
    status.STEP_UNMASK,
    {
      code: 'UNMASK',
      syscall: 'VFIO_DEVICE_SET_IRQS',
      action: (failure) => `unmask ${line(failure)}`,
    },
  ],
  [
    status.STEP_DISARM,
    {
      code: 'DISARM',
      syscall: 'VFIO_DEVICE_SET_IRQS',
      action: (failure) => `disable ${line(failure)}`,
    },
  ],
  [
    status.STEP_OPEN_KVM,
    {
      code: 'OPEN_KVM',
      action: (failure) => `give ${line(failure)} to the kernel irqchip, the machine has none`,
    },
  ],
  [
    status.STEP_KVM_IRQFD,
    {
      code: 'KVM_IRQFD',
      syscall: 'KVM_IRQFD',
      action: (failure) => `give ${line(failure)} to the kernel irqchip`,
    },
  ],
  [
    status.STEP_DEVICE_RESET,
    { code: 'DEVICE_RESET', syscall: 'VFIO_DEVICE_RESET', action: () => 'reset the device' },
  ],
  [
    status.STEP_DMA_UNSUPPORTED,
    {
      code: 'DMA_UNSUPPORTED',
      action: () => 'map guest RAM, a device without an IOMMU has no DMA',
      remedy: () => 'put the device behind an IOMMU, or use it without DMA',
    },
  ],
  [
    status.STEP_DMA_UNALIGNED,
    {
      code: 'DMA_UNALIGNED',
      action: ({ detail }) =>
        `map guest RAM that does not line up with IOMMU pages of ${detail} bytes`,
      remedy: () =>
        'take the RAM from allocGuestRam() or from Wasm memory, and map it at a page boundary',
    },
  ],
  [
    status.STEP_DMA_MAP,
    {
      code: 'DMA_MAP',
      syscall: 'VFIO_IOMMU_MAP_DMA',
      action: () => 'map guest RAM',
      remedy: ({ errno, detail }) => {
        if (errno === ENOMEM)
          return `raise the limit on locked memory to ${detail} KiB or more for this device (ulimit -l ${detail}, LimitMEMLOCK= of a service), or give the process CAP_IPC_LOCK`;
        if (errno === EEXIST) return 'something else is mapped there; unmap that first';
        return 'check that address and size are multiples of the IOMMU page';
      },
    },
  ],
  [
    status.STEP_DMA_RANGE,
    {
      code: 'DMA_RANGE',
      action: () => 'map guest RAM at addresses that the IOMMU reserves',
      remedy: () =>
        'leave out what lies there (often a window for message-signalled interrupts), or move the RAM',
    },
  ],
  [
    status.STEP_DMA_UNMAP,
    { code: 'DMA_UNMAP', syscall: 'VFIO_IOMMU_UNMAP_DMA', action: () => 'unmap guest RAM' },
  ],
  [
    status.STEP_DMA_FULL,
    { code: 'DMA_FULL', action: ({ detail }) => `map more than ${detail} blocks of guest RAM` },
  ],
]);

/** The same step through iommufd makes another call. */
const IOMMUFD_CALLS: Readonly<Record<string, string>> = {
  VFIO_IOMMU_MAP_DMA: 'IOMMU_IOAS_MAP',
  VFIO_IOMMU_UNMAP_DMA: 'IOMMU_IOAS_UNMAP',
};

/** What helps wherever nothing more special is known. */
function generalRemedy({ errno }: Failure): string | undefined {
  if (errno === 0) return undefined;
  if (errno === ENODEV || errno === ENXIO)
    return 'the device is gone: close it, and open it when it is back';
  if (errno === ENOTTY)
    return 'this kernel does not know the call: use a newer one, or another way of attaching';
  if (errno === EBUSY) return 'somebody else uses it; try again when they are done';
  return "look into the kernel's log (dmesg) for its reason";
}

/** The error for a step of the core that failed. */
export function failureError(device: string, failure: Failure): VfioError {
  const step = steps.get(failure.step);
  if (step === undefined) {
    return new VfioError(
      'WRONG_PHASE',
      `${device}: the core failed in an unknown step ${failure.step}`,
      {
        device,
      },
    );
  }
  const errno = failure.errno === 0 ? undefined : failure.errno;
  const syscall = (failure.iommufd && IOMMUFD_CALLS[step.syscall ?? '']) || step.syscall;
  const reason = errno === undefined ? '' : `: ${syscall ?? 'the kernel'} says ${errnoName(errno)}`;
  const remedy = step.remedy?.(failure) ?? generalRemedy(failure);
  const message = `${device}: cannot ${step.action(failure)}${reason}${remedy ? `; ${remedy}` : ''}`;
  return new VfioError(step.code, message, { device, errno, syscall, cause: failure.cause });
}

/** The error for a status other than STATUS_OK and STATUS_FAILED. */
export function statusError(device: string, result: number, what: string): VfioError {
  switch (result) {
    case status.STATUS_CLOSED:
      return new VfioError('CLOSED', `${device}: cannot ${what}, the device is closed`, { device });
    case status.STATUS_REENTRANT:
      return new VfioError(
        'REENTRANT',
        `${device}: cannot ${what} from inside another control call; do it when that has returned`,
        { device },
      );
    case status.STATUS_NO_LINE:
      return new VfioError('NO_SUCH_LINE', `${device}: cannot ${what}, there is no such line`, {
        device,
      });
    case status.STATUS_NO_REGION:
      return new VfioError('NO_SUCH_REGION', `${device}: cannot ${what}, there is no such region`, {
        device,
      });
    default:
      return new VfioError('WRONG_PHASE', `${device}: cannot ${what} in this phase of its life`, {
        device,
      });
  }
}
