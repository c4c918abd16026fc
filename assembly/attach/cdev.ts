import {
  IOMMU_DESTROY,
  IOMMU_DESTROY_ID,
  IOMMU_DESTROY_SIZE,
  IOMMU_IOAS_ALLOC,
  IOMMU_IOAS_ALLOC_OUT_ID,
  IOMMU_IOAS_ALLOC_SIZE,
} from '../abi/iommufd';
import {
  VFIO_ATTACH_IOMMUFD_PT_ID,
  VFIO_ATTACH_IOMMUFD_PT_SIZE,
  VFIO_BIND_IOMMUFD_FD,
  VFIO_BIND_IOMMUFD_SIZE,
  VFIO_DEVICE_ATTACH_IOMMUFD_PT,
  VFIO_DEVICE_BIND_IOMMUFD,
} from '../abi/vfio';
import * as host from '../boundary/host';
import { NODE_CDEV, NODE_IOMMUFD } from '../boundary/nodes';
import {
  STEP_ATTACH_IOAS,
  STEP_BIND_IOMMUFD,
  STEP_IOAS_ALLOC,
  STEP_OPEN_CDEV,
  STEP_OPEN_IOMMUFD,
} from '../boundary/status';
import { fail } from '../device/failure';
import { call, get, prepare, put } from '../device/scratch';
import { NO_HANDLE } from '../state/layout';
import { device } from '../state/records';
import { askIoas } from './iova';

/** Attaching through the device's own node and iommufd (spec S3). */

/** On failure the caller unwinds with detachCdev(). */
export function attachCdev(): i32 {
  const cdev = host.open(NODE_CDEV, 0);
  if (cdev < 0) return fail(STEP_OPEN_CDEV, cdev, 0);
  device.device = cdev;
  const iommufd = host.open(NODE_IOMMUFD, 0);
  if (iommufd < 0) return fail(STEP_OPEN_IOMMUFD, iommufd, 0);
  device.iommufd = iommufd;

  prepare(VFIO_BIND_IOMMUFD_SIZE);
  put(VFIO_BIND_IOMMUFD_FD, iommufd);
  const bound = call(cdev, VFIO_DEVICE_BIND_IOMMUFD);
  if (bound < 0) return fail(STEP_BIND_IOMMUFD, bound, 0);

  prepare(IOMMU_IOAS_ALLOC_SIZE);
  const allocated = call(iommufd, IOMMU_IOAS_ALLOC);
  if (allocated < 0) return fail(STEP_IOAS_ALLOC, allocated, 0);
  device.ioas = get(IOMMU_IOAS_ALLOC_OUT_ID);

  prepare(VFIO_ATTACH_IOMMUFD_PT_SIZE);
  put(VFIO_ATTACH_IOMMUFD_PT_ID, device.ioas);
  const attached = call(cdev, VFIO_DEVICE_ATTACH_IOMMUFD_PT);
  if (attached < 0) return fail(STEP_ATTACH_IOAS, attached, 0);
  return askIoas();
}

/** Undoes attachCdev(), also half of it. Closing the device unbinds and detaches it. */
export function detachCdev(): void {
  if (device.device != NO_HANDLE) {
    host.close(device.device);
    device.device = NO_HANDLE;
  }
  if (device.iommufd == NO_HANDLE) return;
  if (device.ioas != 0) {
    prepare(IOMMU_DESTROY_SIZE);
    put(IOMMU_DESTROY_ID, device.ioas);
    call(device.iommufd, IOMMU_DESTROY);
    device.ioas = 0;
  }
  host.close(device.iommufd);
  device.iommufd = NO_HANDLE;
}
