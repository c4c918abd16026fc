import { EFD_CLOEXEC, EFD_NONBLOCK } from '../../assembly/abi/linux';
import {
  VFIO_IRQ_SET_DATA_BOOL as BOOL,
  VFIO_IRQ_SET_DATA_EVENTFD as EVENTFD,
  VFIO_IRQ_SET_ACTION_MASK as MASK,
  VFIO_IRQ_SET_DATA_NONE as NONE,
  VFIO_IRQ_SET_ACTION_TRIGGER as TRIGGER,
  VFIO_IRQ_SET_ACTION_UNMASK as UNMASK,
  VFIO_DEVICE_SET_IRQS,
} from '../../assembly/abi/vfio';
import { irqSet, readEventfd } from '../../test/sim/fixture';
import { openDevice } from './calls';
import { type Bench, board, outcome, type Scenario, type Transcript } from './scenario';

const DATA = [0, NONE, BOOL, EVENTFD, NONE | BOOL, NONE | EVENTFD, BOOL | EVENTFD];
const ACTIONS = [
  0,
  MASK,
  UNMASK,
  TRIGGER,
  MASK | UNMASK,
  MASK | TRIGGER,
  MASK | UNMASK | TRIGGER,
  64,
];
const RANGES: readonly (readonly [index: number, start: number, count: number])[] = [
  [0, 0, 1],
  [0, 0, 0],
  [0, 0, 2],
  [0, 1, 0],
  [0, 1, 1],
  [1, 0, 1],
  [0xffffffff, 0, 1],
  [0, 0xffffffff, 1],
  [0, 1, 0xffffffff],
  [0, 0, 0xffffffff],
];

const little = (fd: number) => [fd, fd >> 8, fd >> 16, fd >> 24].map((byte) => byte & 0xff);

/** Every combination of data type, action and range on a line, without a trigger and with one. */
async function matrix(bench: Bench, log: Transcript, device: string): Promise<void> {
  const { kernel } = bench;
  const { fd, close } = openDevice(bench, device);
  const eventfd = kernel.eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  const payloads: readonly (readonly [string, number[]])[] = [
    ['no fd', little(-1)],
    ['an eventfd', little(eventfd)],
    ['no eventfd', little(fd)],
    ['not open', little(999)],
    ['nothing', []],
  ];
  for (const action of ACTIONS) {
    for (const data of DATA) {
      for (const [index, start, count] of RANGES) {
        const carries = (data & (BOOL | EVENTFD)) !== 0;
        const outcomes = (carries ? payloads : payloads.slice(-1)).map(([, payload]) => {
          const flags = data | action;
          const argument = irqSet({ flags, index, start, count, data: payload });
          return outcome(kernel.ioctl(fd, VFIO_DEVICE_SET_IRQS, argument));
        });
        const named = `${action}|${data} index ${index} start ${start} count ${count}`;
        log.note(named, outcomes);
        // Each combination starts from a line without eventfds that is not masked.
        for (const clean of [
          { flags: TRIGGER | NONE, count: 0 },
          { flags: MASK | EVENTFD, data: little(-1) },
          { flags: UNMASK | EVENTFD, data: little(-1) },
          { flags: UNMASK | NONE },
        ]) {
          kernel.ioctl(fd, VFIO_DEVICE_SET_IRQS, irqSet(clean));
        }
        readEventfd(kernel, eventfd);
      }
    }
  }
  for (const argsz of [0, 19, 20, 23, 24, 4096]) {
    for (const flags of [TRIGGER | NONE, TRIGGER | EVENTFD]) {
      const argument = irqSet({ flags, data: little(-1), argsz });
      log.result(
        `flags ${flags}, ${argsz} bytes`,
        kernel.ioctl(fd, VFIO_DEVICE_SET_IRQS, argument),
      );
    }
  }
  kernel.close(eventfd);
  close();
}

export const irqMatrices: readonly Scenario[] = [board.gpio, board.slot].map((device) => ({
  name: `SET_IRQS of ${device}, every combination`,
  run: (bench, log) => matrix(bench, log, device),
}));
