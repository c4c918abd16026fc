import { EFD_CLOEXEC, EFD_NONBLOCK } from '../../assembly/abi/linux';
import {
  VFIO_ATTACH_IOMMUFD_PT_FLAGS,
  VFIO_ATTACH_IOMMUFD_PT_ID,
  VFIO_ATTACH_IOMMUFD_PT_SIZE,
  VFIO_BIND_IOMMUFD_FD,
  VFIO_BIND_IOMMUFD_FLAGS,
  VFIO_BIND_IOMMUFD_OUT_DEVID,
  VFIO_BIND_IOMMUFD_SIZE,
  VFIO_DETACH_IOMMUFD_PT_SIZE,
  VFIO_DEVICE_ATTACH_IOMMUFD_PT,
  VFIO_DEVICE_BIND_IOMMUFD,
  VFIO_DEVICE_DETACH_IOMMUFD_PT,
  VFIO_DEVICE_GET_INFO,
  VFIO_DEVICE_RESET,
  VFIO_DEVICE_SET_IRQS,
} from '../../assembly/abi/vfio';
import type { Kernel } from '../../host/boundary/kernel';
import {
  arm,
  attach,
  bind,
  type Field,
  integer,
  irqSet,
  newIoas,
  openPath,
  setUnmaskFd,
  struct,
  u32,
  unmask,
  writeEventfd,
} from '../../test/sim/fixture';
import { groupPath, openDevice, peek, poke, signals } from './calls';
import { type Bench, board, outcome, type Scenario, type Transcript } from './scenario';

const UNKNOWN = 0x3bff;

/** Path of the device's own node. */
export function cdevPath({ sysfs }: Bench, device: string): string {
  for (const bus of ['amba', 'platform']) {
    const [node] = sysfs.list(`/sys/bus/${bus}/devices/${device}/vfio-dev`);
    if (node !== undefined) return `/dev/vfio/devices/${node}`;
  }
  throw new Error(`${device} has no VFIO driver`);
}

/** A device that is bound to an iommufd and attached to a new IOAS; throws where that fails. */
export function openCdev(bench: Bench, device: string) {
  const { kernel } = bench;
  const fd = openPath(kernel, cdevPath(bench, device));
  const iommufd = openPath(kernel, '/dev/iommu');
  const argument = struct(VFIO_BIND_IOMMUFD_SIZE, [[VFIO_BIND_IOMMUFD_FD, iommufd]]);
  const bound = kernel.ioctl(fd, VFIO_DEVICE_BIND_IOMMUFD, argument);
  const ioas = newIoas(kernel, iommufd);
  const attached = attach(kernel, fd, ioas);
  if (bound < 0 || attached < 0) throw new Error(`cannot open ${device}: ${bound} ${attached}`);
  const close = () => {
    for (const each of [fd, iommufd]) kernel.close(each);
  };
  return { fd, iommufd, ioas, deviceId: u32(argument, VFIO_BIND_IOMMUFD_OUT_DEVID), close };
}

/** What a cdev does before it is bound, and after. */
function everything({ kernel }: Bench, log: Transcript, fd: number): void {
  log.result('GET_INFO', kernel.ioctl(fd, VFIO_DEVICE_GET_INFO, struct(20)));
  log.result('RESET', kernel.ioctl(fd, VFIO_DEVICE_RESET, integer(0)));
  log.result('SET_IRQS', kernel.ioctl(fd, VFIO_DEVICE_SET_IRQS, irqSet({ flags: 0x21, count: 0 })));
  log.result('an unknown request', kernel.ioctl(fd, UNKNOWN, integer(0)));
  log.note('pread', outcome(Number(peek(kernel, fd, 0xfe0, 4))));
  log.result('pwrite', poke(kernel, fd, 0x10, 4, 0));
  log.result('ATTACH to nothing', attach(kernel, fd, 99));
  log.result('DETACH', detach(kernel, fd));
}

function detach(kernel: Kernel, fd: number): number {
  return kernel.ioctl(fd, VFIO_DEVICE_DETACH_IOMMUFD_PT, struct(VFIO_DETACH_IOMMUFD_PT_SIZE));
}

/** ATTACH: what it answers, and the page table that the device got. */
function attachTo(kernel: Kernel, fd: number, id: number): (number | string)[] {
  const argument = struct(VFIO_ATTACH_IOMMUFD_PT_SIZE, [[VFIO_ATTACH_IOMMUFD_PT_ID, id]]);
  const result = kernel.ioctl(fd, VFIO_DEVICE_ATTACH_IOMMUFD_PT, argument);
  return [outcome(result), `page table ${u32(argument, VFIO_ATTACH_IOMMUFD_PT_ID)}`];
}

export const cdevs: readonly Scenario[] = [
  {
    name: 'a cdev, from closed to bound and back',
    run: async (bench, log) => {
      const { kernel } = bench;
      const path = cdevPath(bench, board.rtc);
      const fd = log.descriptor('open', openPath(kernel, path));
      const other = log.descriptor('open again', openPath(kernel, path));
      const iommufd = log.descriptor('an iommufd', openPath(kernel, '/dev/iommu'));
      everything(bench, log, fd);
      const size = VFIO_BIND_IOMMUFD_SIZE;
      const call = (what: string, fields: readonly Field[], argsz: number = size) => {
        const argument = struct(64, fields, argsz);
        log.result(what, kernel.ioctl(fd, VFIO_DEVICE_BIND_IOMMUFD, argument));
      };
      const right: Field = [VFIO_BIND_IOMMUFD_FD, iommufd];
      const eventfd = kernel.eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
      call('BIND, 0 bytes', [right], 0);
      call('BIND, 15 bytes', [right], size - 1);
      call('BIND with flags', [right, [VFIO_BIND_IOMMUFD_FLAGS, 1]]);
      call('BIND to −1', [[VFIO_BIND_IOMMUFD_FD, -1]]);
      call('BIND to a descriptor that is not open', [[VFIO_BIND_IOMMUFD_FD, 999]]);
      call('BIND to an eventfd', [[VFIO_BIND_IOMMUFD_FD, eventfd]]);
      call('BIND to the device', [[VFIO_BIND_IOMMUFD_FD, fd]]);
      call('BIND', [right]);
      call('BIND again', [right]);
      log.result('BIND of the other descriptor', bind(kernel, other, iommufd));
      log.descriptor('open the group', openPath(kernel, groupPath(bench, board.rtc)));
      everything(bench, log, fd);
      log.result('GET_INFO of the other', kernel.ioctl(other, VFIO_DEVICE_GET_INFO, struct(20)));
      log.result('close', kernel.close(fd));
      log.result('BIND of the other', bind(kernel, other, iommufd));
      everything(bench, log, other);
      log.result('close the iommufd', kernel.close(iommufd));
      log.result('the device works on', kernel.ioctl(other, VFIO_DEVICE_GET_INFO, struct(20)));
      log.result('close the other', kernel.close(other));
      kernel.close(eventfd);
    },
  },
  {
    name: 'a cdev and its group',
    run: async (bench, log) => {
      const { kernel } = bench;
      const path = cdevPath(bench, board.rtc);
      const iommufd = openPath(kernel, '/dev/iommu');
      const fd = openPath(kernel, path);
      const group = log.descriptor('the group', openPath(kernel, groupPath(bench, board.rtc)));
      log.result('BIND while the group is open', bind(kernel, fd, iommufd));
      log.result('close the group', kernel.close(group));
      log.result('BIND', bind(kernel, fd, iommufd));
      log.descriptor('the group', openPath(kernel, groupPath(bench, board.rtc)));
      kernel.close(fd);
      const device = openDevice(bench, board.rtc);
      log.result('BIND of what the group gave', bind(kernel, device.fd, iommufd));
      log.result('ATTACH of it', attach(kernel, device.fd, 1));
      log.result('DETACH of it', detach(kernel, device.fd));
      const second = log.descriptor('open the cdev meanwhile', openPath(kernel, path));
      log.result('BIND it', bind(kernel, second, iommufd));
      device.close();
      log.result('BIND it when the group is closed', bind(kernel, second, iommufd));
      for (const each of [second, iommufd]) kernel.close(each);
    },
  },
  {
    name: 'attaching to page tables',
    run: async (bench, log) => {
      const { kernel } = bench;
      const fd = openPath(kernel, cdevPath(bench, board.rtc));
      const second = openPath(kernel, cdevPath(bench, board.gpio));
      const iommufd = openPath(kernel, '/dev/iommu');
      log.result('bind', bind(kernel, fd, iommufd));
      log.result('bind another device', bind(kernel, second, iommufd));
      const ioas = log.result('an IOAS', newIoas(kernel, iommufd));
      const other = log.result('another', newIoas(kernel, iommufd));
      log.result('DETACH what is not attached', detach(kernel, fd));
      for (const id of [0, 1, 2, 99]) log.note(`ATTACH to ${id}`, attachTo(kernel, fd, id));
      for (const argsz of [0, 11]) {
        const argument = struct(64, [[VFIO_ATTACH_IOMMUFD_PT_ID, ioas]], argsz);
        log.result(
          `ATTACH, ${argsz} bytes`,
          kernel.ioctl(fd, VFIO_DEVICE_ATTACH_IOMMUFD_PT, argument),
        );
      }
      const flags = struct(VFIO_ATTACH_IOMMUFD_PT_SIZE, [
        [VFIO_ATTACH_IOMMUFD_PT_ID, ioas],
        [VFIO_ATTACH_IOMMUFD_PT_FLAGS, 1],
      ]);
      log.result('ATTACH with flags', kernel.ioctl(fd, VFIO_DEVICE_ATTACH_IOMMUFD_PT, flags));
      log.note('ATTACH', attachTo(kernel, fd, ioas));
      log.note('ATTACH again', attachTo(kernel, fd, ioas));
      log.note('ATTACH the other device', attachTo(kernel, second, ioas));
      log.note('ATTACH to another IOAS', attachTo(kernel, fd, other));
      log.note('and back', attachTo(kernel, fd, ioas));
      log.result('DETACH', detach(kernel, fd));
      log.result('DETACH again', detach(kernel, fd));
      const small = struct(64, [], 7);
      log.result('DETACH, 7 bytes', kernel.ioctl(fd, VFIO_DEVICE_DETACH_IOMMUFD_PT, small));
      log.note('ATTACH', attachTo(kernel, fd, other));
      kernel.close(fd);
      kernel.close(iommufd);
      log.note('the other device works on', outcome(Number(peek(kernel, second, 0xfe0, 4))));
      kernel.close(second);
    },
  },
  {
    name: 'a level line of a cdev',
    run: async (bench, log) => {
      const { kernel } = bench;
      const { fd, close } = openCdev(bench, board.gpio);
      const [GPIOIS, GPIOIEV, GPIOIE, GPIOIC] = [0x404, 0x40c, 0x410, 0x41c] as const;
      const trigger = kernel.eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
      const resample = kernel.eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
      poke(kernel, fd, GPIOIE, 1, 0);
      poke(kernel, fd, GPIOIS, 1, 1);
      poke(kernel, fd, GPIOIEV, 1, 0);
      log.result('arm', arm(kernel, fd, 0, trigger));
      log.note('low', await signals(bench, trigger));
      poke(kernel, fd, GPIOIE, 1, 1);
      log.note('high', await signals(bench, trigger));
      log.result('unmask', unmask(kernel, fd, 0));
      log.note('still high', await signals(bench, trigger));
      log.result('a resample eventfd', setUnmaskFd(kernel, fd, 0, resample));
      writeEventfd(kernel, resample, 1n);
      log.note('resampled', await signals(bench, trigger));
      poke(kernel, fd, GPIOIE, 1, 0);
      poke(kernel, fd, GPIOIC, 1, 1);
      writeEventfd(kernel, resample, 1n);
      log.note('low again', await signals(bench, trigger));
      for (const each of [trigger, resample]) kernel.close(each);
      close();
    },
  },
];
