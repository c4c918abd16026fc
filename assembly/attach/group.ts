import {
  VFIO_API_VERSION,
  VFIO_CHECK_EXTENSION,
  VFIO_GET_API_VERSION,
  VFIO_GROUP_FLAGS_CONTAINER_SET,
  VFIO_GROUP_FLAGS_VIABLE,
  VFIO_GROUP_GET_DEVICE_FD,
  VFIO_GROUP_GET_STATUS,
  VFIO_GROUP_SET_CONTAINER,
  VFIO_GROUP_STATUS_FLAGS,
  VFIO_GROUP_STATUS_SIZE,
  VFIO_GROUP_UNSET_CONTAINER,
  VFIO_NOIOMMU_IOMMU,
  VFIO_SET_IOMMU,
  VFIO_TYPE1_IOMMU,
  VFIO_TYPE1V2_IOMMU,
} from '../abi/vfio';
import * as host from '../boundary/host';
import {
  NODE_CONTAINER,
  NODE_GROUP,
  NODE_GROUP_CONTAINER,
  NODE_NEW_CONTAINER,
  NODE_NOIOMMU_GROUP,
} from '../boundary/nodes';
import { BACKEND_NOIOMMU } from '../boundary/options';
import {
  STATUS_OK,
  STEP_API_VERSION,
  STEP_GET_DEVICE,
  STEP_GROUP_STATUS,
  STEP_GROUP_VIABLE,
  STEP_IOMMU_TYPE,
  STEP_OPEN_CONTAINER,
  STEP_OPEN_GROUP,
  STEP_SET_CONTAINER,
  STEP_SET_IOMMU,
} from '../boundary/status';
import { fail } from '../device/failure';
import { call, get, prepare, put } from '../device/scratch';
import { MAX_CONTAINERS } from '../limits';
import { NO_HANDLE } from '../state/layout';
import { device } from '../state/records';
import { askContainer } from './iova';

/**
 * Attaching through group and container (spec S2). The kernel itself keeps
 * account of who shares what: a group that has a container says so, and
 * UNSET_CONTAINER fails while another device of the group is open.
 */

/** Joins the group to the container. */
function join(container: i32): i32 {
  put(0, container);
  return call(device.group, VFIO_GROUP_SET_CONTAINER);
}

/** `type` when the container offers that kind of IOMMU, else 0 or −errno. */
function offered(container: i32, type: i32): i32 {
  const answer = host.ioctl(container, VFIO_CHECK_EXTENSION, type);
  return answer > 0 ? type : answer;
}

/** The IOMMU type that the container offers for this device, else 0 or −errno. */
function offeredType(container: i32): i32 {
  if (device.backend == BACKEND_NOIOMMU) return offered(container, VFIO_NOIOMMU_IOMMU);
  const type = offered(container, VFIO_TYPE1V2_IOMMU);
  return type != 0 ? type : offered(container, VFIO_TYPE1_IOMMU);
}

/** Tries the containers that this process has; true when one took the group. */
function joinExisting(): bool {
  for (let index: u32 = 0; index < <u32>MAX_CONTAINERS; index++) {
    const container = host.open(NODE_CONTAINER, index);
    if (container < 0) return false;
    if (join(container) == 0) {
      device.container = container;
      return true;
    }
    host.close(container);
  }
  return false;
}

function joinNew(): i32 {
  const container = host.open(NODE_NEW_CONTAINER, 0);
  if (container < 0) return fail(STEP_OPEN_CONTAINER, container, 0);
  device.container = container;
  const version = host.ioctl(container, VFIO_GET_API_VERSION, 0);
  if (version != VFIO_API_VERSION) return fail(STEP_API_VERSION, version, version);
  let type = offeredType(container);
  if (type <= 0) return fail(STEP_IOMMU_TYPE, type, device.backend);
  const joined = join(container);
  if (joined < 0) return fail(STEP_SET_CONTAINER, joined, 0);
  // An empty container claims every type that a loaded driver has; only now
  // does it answer for this group.
  if (device.backend == BACKEND_NOIOMMU) {
    type = offeredType(container);
    if (type <= 0) return fail(STEP_IOMMU_TYPE, type, device.backend);
  }
  const set = host.ioctl(container, VFIO_SET_IOMMU, type);
  return set < 0 ? fail(STEP_SET_IOMMU, set, type) : STATUS_OK;
}

function findContainer(flags: u32): i32 {
  if (flags & VFIO_GROUP_FLAGS_CONTAINER_SET) {
    const container = host.open(NODE_GROUP_CONTAINER, 0);
    if (container < 0) return fail(STEP_OPEN_CONTAINER, container, 0);
    device.container = container;
    return STATUS_OK;
  }
  return joinExisting() ? STATUS_OK : joinNew();
}

/** Opens group and container; on failure the caller unwinds with detachGroup(). */
export function attachGroup(): i32 {
  const noiommu = device.backend == BACKEND_NOIOMMU;
  const group = host.open(noiommu ? NODE_NOIOMMU_GROUP : NODE_GROUP, 0);
  if (group < 0) return fail(STEP_OPEN_GROUP, group, 0);
  device.group = group;
  prepare(VFIO_GROUP_STATUS_SIZE);
  const status = call(group, VFIO_GROUP_GET_STATUS);
  if (status < 0) return fail(STEP_GROUP_STATUS, status, 0);
  const flags = get(VFIO_GROUP_STATUS_FLAGS);
  if ((flags & VFIO_GROUP_FLAGS_VIABLE) == 0) return fail(STEP_GROUP_VIABLE, 0, flags);
  const found = findContainer(flags);
  if (found != STATUS_OK) return found;
  return noiommu ? STATUS_OK : askContainer();
}

/** The device of the group; the host supplies its name. */
export function openGroupDevice(): i32 {
  const handle = host.ioctl(device.group, VFIO_GROUP_GET_DEVICE_FD, 0);
  if (handle < 0) return fail(STEP_GET_DEVICE, handle, 0);
  device.device = handle;
  return STATUS_OK;
}

/** Undoes attachGroup(), also half of it. The device itself is closed already. */
export function detachGroup(): void {
  if (device.group != NO_HANDLE) {
    // EBUSY while other devices of the group are open: the last one succeeds.
    if (device.container != NO_HANDLE) host.ioctl(device.group, VFIO_GROUP_UNSET_CONTAINER, 0);
    host.close(device.group);
    device.group = NO_HANDLE;
  }
  if (device.container != NO_HANDLE) {
    host.close(device.container);
    device.container = NO_HANDLE;
  }
}
