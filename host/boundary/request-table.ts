import * as iommufd from '../../assembly/abi/iommufd';
import * as kvm from '../../assembly/abi/kvm';
import * as vfio from '../../assembly/abi/vfio';

/**
 * How the argument of each ioctl crosses the boundary: one table that all
 * hosts share. It is plain data, so that native code can use it as well. The
 * core speaks of handles and guest RAM offsets; the table says where in a
 * struct they stand.
 */
export interface RequestShape {
  readonly name: string;
  /**
   * - none: no argument
   * - integer: the argument is the value itself
   * - struct: the argument is the offset of a struct in linear memory
   * - device-name: the host supplies the name of the device as a string
   */
  readonly argument: 'none' | 'integer' | 'struct' | 'device-name';
  /** Bytes of the struct without what follows it. */
  readonly size: number;
  /** The first field says how long the struct is, capabilities room included. */
  readonly sized: boolean;
  /**
   * Items behind the struct: their number is in the field at `count`, and the
   * 64-bit field at `pointer` says where they start, counted from the struct.
   */
  readonly items?: { readonly count: number; readonly pointer: number; readonly size: number };
  readonly handles: readonly HandleField[];
  /**
   * The word of flags that the kernel reads, and the bits that may be set: others
   * can add a pointer to the struct, or change what it means.
   */
  readonly flags?: { readonly offset: number; readonly allowed: number };
  /** Offset of a 64-bit field that names guest RAM by handle and offset. */
  readonly guestRam?: number;
  /** Offset of the 64-bit field that says how many bytes of guest RAM. */
  readonly guestRamLength?: number;
  /** The result is a new file descriptor. */
  readonly returnsHandle: boolean;
}

/** A 32-bit field with a handle; −1 (no handle) is passed on as it is. */
export interface HandleField {
  readonly offset: number;
  /** Present only when one of the bits of the word at `offset` is set. */
  readonly when?: { readonly offset: number; readonly bits: number };
}

const NONE = { size: 0, sized: false, handles: [], returnsHandle: false } as const;

function none(name: string): RequestShape {
  return { ...NONE, name, argument: 'none' };
}

function integer(name: string): RequestShape {
  return { ...NONE, name, argument: 'integer' };
}

function struct(name: string, size: number, more: Partial<RequestShape> = {}): RequestShape {
  return { ...NONE, name, argument: 'struct', size, sized: true, ...more };
}

export const requestTable: ReadonlyMap<number, RequestShape> = new Map([
  [vfio.VFIO_GET_API_VERSION, none('VFIO_GET_API_VERSION')],
  [vfio.VFIO_CHECK_EXTENSION, integer('VFIO_CHECK_EXTENSION')],
  [vfio.VFIO_SET_IOMMU, integer('VFIO_SET_IOMMU')],
  [vfio.VFIO_GROUP_GET_STATUS, struct('VFIO_GROUP_GET_STATUS', vfio.VFIO_GROUP_STATUS_SIZE)],
  [
    vfio.VFIO_GROUP_SET_CONTAINER,
    struct('VFIO_GROUP_SET_CONTAINER', 4, { sized: false, handles: [{ offset: 0 }] }),
  ],
  [vfio.VFIO_GROUP_UNSET_CONTAINER, none('VFIO_GROUP_UNSET_CONTAINER')],
  [
    vfio.VFIO_GROUP_GET_DEVICE_FD,
    { ...NONE, name: 'VFIO_GROUP_GET_DEVICE_FD', argument: 'device-name', returnsHandle: true },
  ],
  [vfio.VFIO_DEVICE_GET_INFO, struct('VFIO_DEVICE_GET_INFO', vfio.VFIO_DEVICE_INFO_SIZE)],
  [
    vfio.VFIO_DEVICE_GET_REGION_INFO,
    struct('VFIO_DEVICE_GET_REGION_INFO', vfio.VFIO_REGION_INFO_SIZE),
  ],
  [vfio.VFIO_DEVICE_GET_IRQ_INFO, struct('VFIO_DEVICE_GET_IRQ_INFO', vfio.VFIO_IRQ_INFO_SIZE)],
  [
    vfio.VFIO_DEVICE_SET_IRQS,
    struct('VFIO_DEVICE_SET_IRQS', vfio.VFIO_IRQ_SET_SIZE, {
      flags: {
        offset: vfio.VFIO_IRQ_SET_FLAGS,
        allowed:
          vfio.VFIO_IRQ_SET_DATA_NONE |
          vfio.VFIO_IRQ_SET_DATA_BOOL |
          vfio.VFIO_IRQ_SET_DATA_EVENTFD |
          vfio.VFIO_IRQ_SET_ACTION_MASK |
          vfio.VFIO_IRQ_SET_ACTION_UNMASK |
          vfio.VFIO_IRQ_SET_ACTION_TRIGGER,
      },
      handles: [
        {
          offset: vfio.VFIO_IRQ_SET_DATA,
          when: { offset: vfio.VFIO_IRQ_SET_FLAGS, bits: vfio.VFIO_IRQ_SET_DATA_EVENTFD },
        },
      ],
    }),
  ],
  [vfio.VFIO_DEVICE_RESET, none('VFIO_DEVICE_RESET')],
  [vfio.VFIO_IOMMU_GET_INFO, struct('VFIO_IOMMU_GET_INFO', vfio.VFIO_IOMMU_INFO_SIZE)],
  [
    vfio.VFIO_IOMMU_MAP_DMA,
    struct('VFIO_IOMMU_MAP_DMA', vfio.VFIO_DMA_MAP_SIZE, {
      flags: {
        offset: vfio.VFIO_DMA_MAP_FLAGS,
        allowed: vfio.VFIO_DMA_MAP_FLAG_READ | vfio.VFIO_DMA_MAP_FLAG_WRITE,
      },
      guestRam: vfio.VFIO_DMA_MAP_VADDR_LO64,
      guestRamLength: vfio.VFIO_DMA_MAP_SIZE_LO64,
    }),
  ],
  [
    vfio.VFIO_IOMMU_UNMAP_DMA,
    struct('VFIO_IOMMU_UNMAP_DMA', vfio.VFIO_DMA_UNMAP_SIZE, {
      flags: { offset: vfio.VFIO_DMA_UNMAP_FLAGS, allowed: 0 },
    }),
  ],
  [
    vfio.VFIO_DEVICE_BIND_IOMMUFD,
    struct('VFIO_DEVICE_BIND_IOMMUFD', vfio.VFIO_BIND_IOMMUFD_SIZE, {
      handles: [{ offset: vfio.VFIO_BIND_IOMMUFD_FD }],
      flags: { offset: vfio.VFIO_BIND_IOMMUFD_FLAGS, allowed: 0 },
    }),
  ],
  [
    vfio.VFIO_DEVICE_ATTACH_IOMMUFD_PT,
    struct('VFIO_DEVICE_ATTACH_IOMMUFD_PT', vfio.VFIO_ATTACH_IOMMUFD_PT_SIZE, {
      flags: { offset: vfio.VFIO_ATTACH_IOMMUFD_PT_FLAGS, allowed: 0 },
    }),
  ],
  [iommufd.IOMMU_DESTROY, struct('IOMMU_DESTROY', iommufd.IOMMU_DESTROY_SIZE)],
  [
    iommufd.IOMMU_IOAS_ALLOC,
    struct('IOMMU_IOAS_ALLOC', iommufd.IOMMU_IOAS_ALLOC_SIZE, {
      flags: { offset: iommufd.IOMMU_IOAS_ALLOC_FLAGS, allowed: 0 },
    }),
  ],
  [
    iommufd.IOMMU_IOAS_IOVA_RANGES,
    struct('IOMMU_IOAS_IOVA_RANGES', iommufd.IOMMU_IOVA_RANGES_SIZE, {
      items: {
        count: iommufd.IOMMU_IOVA_RANGES_NUM_IOVAS,
        pointer: iommufd.IOMMU_IOVA_RANGES_ALLOWED_LO64,
        size: iommufd.IOMMU_IOVA_RANGE_SIZE,
      },
    }),
  ],
  [
    iommufd.IOMMU_IOAS_MAP,
    struct('IOMMU_IOAS_MAP', iommufd.IOMMU_IOAS_MAP_SIZE, {
      flags: {
        offset: iommufd.IOMMU_IOAS_MAP_FLAGS,
        allowed:
          iommufd.IOMMU_IOAS_MAP_FIXED_IOVA |
          iommufd.IOMMU_IOAS_MAP_WRITEABLE |
          iommufd.IOMMU_IOAS_MAP_READABLE,
      },
      guestRam: iommufd.IOMMU_IOAS_MAP_USER_VA_LO64,
      guestRamLength: iommufd.IOMMU_IOAS_MAP_LENGTH_LO64,
    }),
  ],
  [iommufd.IOMMU_IOAS_UNMAP, struct('IOMMU_IOAS_UNMAP', iommufd.IOMMU_IOAS_UNMAP_SIZE)],
  [
    kvm.KVM_IRQFD,
    struct('KVM_IRQFD', kvm.KVM_IRQFD_SIZE, {
      sized: false,
      flags: {
        offset: kvm.KVM_IRQFD_FLAGS,
        allowed: kvm.KVM_IRQFD_FLAG_DEASSIGN | kvm.KVM_IRQFD_FLAG_RESAMPLE,
      },
      handles: [
        { offset: kvm.KVM_IRQFD_FD },
        {
          offset: kvm.KVM_IRQFD_RESAMPLEFD,
          when: { offset: kvm.KVM_IRQFD_FLAGS, bits: kvm.KVM_IRQFD_FLAG_RESAMPLE },
        },
      ],
    }),
  ],
]);
