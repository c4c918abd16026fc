import {
  VFIO_CHECK_EXTENSION,
  VFIO_DEVICE_GET_INFO,
  VFIO_DEVICE_RESET,
  VFIO_GET_API_VERSION,
  VFIO_GROUP_GET_STATUS,
  VFIO_GROUP_STATUS_FLAGS,
  VFIO_GROUP_UNSET_CONTAINER,
  VFIO_IOMMU_GET_INFO,
  VFIO_NOIOMMU_IOMMU,
  VFIO_SET_IOMMU,
  VFIO_TYPE1_IOMMU,
  VFIO_TYPE1V2_IOMMU,
} from '../../assembly/abi/vfio';
import { getDeviceFd, integer, openPath, setContainer, struct, u32 } from '../../test/sim/fixture';
import { groupPath } from './calls';
import { type Bench, board, outcome, type Scenario, type Transcript } from './scenario';

/** An ioctl number that VFIO does not have. */
const UNKNOWN = 0x3bff;

function status({ kernel }: Bench, group: number, argsz: number): number | string {
  const argument = struct(8, [], argsz);
  const result = kernel.ioctl(group, VFIO_GROUP_GET_STATUS, argument);
  return result < 0 ? outcome(result) : u32(argument, VFIO_GROUP_STATUS_FLAGS);
}

function extensions({ kernel }: Bench, container: number): number[] {
  return Array.from({ length: 12 }, (_, type) =>
    kernel.ioctl(container, VFIO_CHECK_EXTENSION, integer(type)),
  );
}

/** A device from a closed container to an open device and back, with every wrong turn on the way. */
async function attach(bench: Bench, log: Transcript, device: string, right: number, wrong: number) {
  const { kernel } = bench;
  const container = log.descriptor('open the container', openPath(kernel, '/dev/vfio/vfio'));
  const none = () => struct(0);
  log.result('API version', kernel.ioctl(container, VFIO_GET_API_VERSION, integer(0)));
  log.note('extensions of an empty container', extensions(bench, container));
  log.result('unknown request', kernel.ioctl(container, UNKNOWN, integer(0)));
  log.result('SET_IOMMU too early', kernel.ioctl(container, VFIO_SET_IOMMU, integer(right)));
  log.result('IOMMU_GET_INFO too early', kernel.ioctl(container, VFIO_IOMMU_GET_INFO, struct(24)));

  const path = groupPath(bench, device);
  const group = log.descriptor('open the group', openPath(kernel, path));
  log.descriptor('open it again', openPath(kernel, path));
  log.note(
    'its status',
    [8, 4, 16].map((argsz) => status(bench, group, argsz)),
  );
  log.result('unknown request of a group', kernel.ioctl(group, UNKNOWN, integer(0)));
  log.descriptor('the device too early', getDeviceFd(kernel, group, device));
  log.result('UNSET_CONTAINER too early', kernel.ioctl(group, VFIO_GROUP_UNSET_CONTAINER, none()));
  log.result('a container that is no descriptor', setContainer(kernel, group, -1));
  log.result('a container that is not open', setContainer(kernel, group, 999));
  log.result('a container that is the group', setContainer(kernel, group, group));
  log.result('SET_CONTAINER', setContainer(kernel, group, container));
  log.result('SET_CONTAINER again', setContainer(kernel, group, container));
  log.note('status', status(bench, group, 8));
  log.note('extensions', extensions(bench, container));
  log.descriptor('the device before SET_IOMMU', getDeviceFd(kernel, group, device));
  for (const type of [0, 2, 5, 9, 10, 99, wrong]) {
    log.result(`SET_IOMMU ${type}`, kernel.ioctl(container, VFIO_SET_IOMMU, integer(type)));
  }
  log.result('SET_IOMMU', kernel.ioctl(container, VFIO_SET_IOMMU, integer(right)));
  log.result('SET_IOMMU again', kernel.ioctl(container, VFIO_SET_IOMMU, integer(right)));
  log.note('extensions after SET_IOMMU', extensions(bench, container));
  log.descriptor('a device of another name', getDeviceFd(kernel, group, 'no.such'));
  log.descriptor('a device without a name', getDeviceFd(kernel, group, ''));
  log.descriptor('a device of another group', getDeviceFd(kernel, group, board.edu));

  const first = log.descriptor('the device', getDeviceFd(kernel, group, device));
  const second = log.descriptor('the device once more', getDeviceFd(kernel, group, device));
  log.result('UNSET_CONTAINER too late', kernel.ioctl(group, VFIO_GROUP_UNSET_CONTAINER, none()));
  log.result('RESET', kernel.ioctl(first, VFIO_DEVICE_RESET, none()));
  log.result('unknown request of a device', kernel.ioctl(first, UNKNOWN, integer(0)));
  log.result('container request of a device', kernel.ioctl(first, VFIO_SET_IOMMU, integer(right)));
  log.result('device request of a group', kernel.ioctl(group, VFIO_DEVICE_GET_INFO, struct(20)));
  log.result('close one', kernel.close(first));
  log.result('the other works', kernel.ioctl(second, VFIO_DEVICE_GET_INFO, struct(20)));
  log.result('close the container', kernel.close(container));
  log.result('the device still works', kernel.ioctl(second, VFIO_DEVICE_GET_INFO, struct(20)));
  log.result('close the group', kernel.close(group));
  log.result('it works even now', kernel.ioctl(second, VFIO_DEVICE_GET_INFO, struct(20)));
  log.descriptor('open the group while its device is open', openPath(kernel, path));
  log.result('close the device', kernel.close(second));
  log.result('close it twice', kernel.close(second));
  const again = log.descriptor('open the group anew', openPath(kernel, path));
  log.note('its status is as at first', status(bench, again, 8));
  log.result('close it', kernel.close(again));
}

export const attachments: readonly Scenario[] = [
  {
    name: 'attach a device behind an IOMMU',
    run: (bench, log) => attach(bench, log, board.rtc, VFIO_TYPE1V2_IOMMU, VFIO_NOIOMMU_IOMMU),
  },
  {
    name: 'attach a device behind an IOMMU, the old way',
    run: (bench, log) => attach(bench, log, board.gpio, VFIO_TYPE1_IOMMU, VFIO_NOIOMMU_IOMMU),
  },
  {
    name: 'attach a device without an IOMMU',
    run: (bench, log) => attach(bench, log, board.uart, VFIO_NOIOMMU_IOMMU, VFIO_TYPE1_IOMMU),
  },
  {
    name: 'two groups in one container',
    run: async (bench, log) => {
      const { kernel } = bench;
      const container = openPath(kernel, '/dev/vfio/vfio');
      const groups = [board.rtc, board.gpio, board.uart].map((device) =>
        openPath(kernel, groupPath(bench, device)),
      ) as [number, number, number];
      const [rtc, gpio, uart] = groups;
      log.result('the first joins', setContainer(kernel, rtc, container));
      log.result('SET_IOMMU', kernel.ioctl(container, VFIO_SET_IOMMU, integer(VFIO_TYPE1V2_IOMMU)));
      log.result('the second joins', setContainer(kernel, gpio, container));
      log.result('one without an IOMMU', setContainer(kernel, uart, container));
      const devices = [getDeviceFd(kernel, rtc, board.rtc), getDeviceFd(kernel, gpio, board.gpio)];
      for (const fd of devices) log.descriptor('a device', fd);
      log.result(
        'leave while a device is open',
        kernel.ioctl(gpio, VFIO_GROUP_UNSET_CONTAINER, struct(0)),
      );
      for (const fd of devices) kernel.close(fd);
      log.result('leave', kernel.ioctl(gpio, VFIO_GROUP_UNSET_CONTAINER, struct(0)));
      log.result('leave twice', kernel.ioctl(gpio, VFIO_GROUP_UNSET_CONTAINER, struct(0)));
      log.result('the other leaves', kernel.ioctl(rtc, VFIO_GROUP_UNSET_CONTAINER, struct(0)));
      log.result(
        'SET_IOMMU of an empty container',
        kernel.ioctl(container, VFIO_SET_IOMMU, integer(VFIO_TYPE1V2_IOMMU)),
      );
      log.result('one without an IOMMU joins', setContainer(kernel, uart, container));
      log.result('one with an IOMMU', setContainer(kernel, rtc, container));
      for (const fd of [...groups, container]) kernel.close(fd);
    },
  },
];
