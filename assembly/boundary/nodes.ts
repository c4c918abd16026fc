/** What `host.open` opens. The host knows the paths; the core does not. */

/** The device's group, /dev/vfio/<n>: one per process, shared. */
export const NODE_GROUP = 1;
/** The device's group without an IOMMU, /dev/vfio/noiommu-<n>: one per process, shared. */
export const NODE_NOIOMMU_GROUP = 2;
/** The container that the group has already joined in this process. */
export const NODE_GROUP_CONTAINER = 3;
/** The index-th container of this process, −ENOENT beyond the last. */
export const NODE_CONTAINER = 4;
/** A new container, /dev/vfio/vfio. */
export const NODE_NEW_CONTAINER = 5;
/** The device's character device, /dev/vfio/devices/vfio<n>. */
export const NODE_CDEV = 6;
/** /dev/iommu: one per process, shared. */
export const NODE_IOMMUFD = 7;
/** The KVM virtual machine of the machine that the device is plugged into. */
export const NODE_KVM_VM = 8;

/**
 * Guest RAM inside a 64-bit address field: the offset is in the low 48 bits,
 * the handle in the high 16, that is, above this bit of the high word.
 */
export const RAM_HANDLE_SHIFT = 16;

/** `host.mmap`: loads and stores reach the device. */
export const WINDOW_IN_MEMORY = 0;
/** `host.mmap`: the host performs each access. */
export const WINDOW_BY_HOST = 1;
