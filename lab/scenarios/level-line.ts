import { EFD_CLOEXEC, EFD_NONBLOCK } from '../../assembly/abi/linux';
import {
  VFIO_DEVICE_SET_IRQS,
  VFIO_IRQ_SET_ACTION_MASK,
  VFIO_IRQ_SET_ACTION_TRIGGER,
  VFIO_IRQ_SET_ACTION_UNMASK,
  VFIO_IRQ_SET_DATA_BOOL,
} from '../../assembly/abi/vfio';
import {
  arm,
  disarm,
  irqSet,
  loopBack,
  mask,
  readEventfd,
  setMaskFd,
  setUnmaskFd,
  unmask,
  writeEventfd,
} from '../../test/sim/fixture';
import { choices, openDevice, peek, poke, signals } from './calls';
import { type Bench, board, outcome, type Scenario, type Transcript } from './scenario';

const GPIOIS = 0x404;
const GPIOIEV = 0x40c;
const GPIOIE = 0x410;
const GPIOMIS = 0x418;

/**
 * The PL061's line under full control: pin 0 is low and asks for an interrupt
 * while it is; the enable bit then is the line.
 */
function rig(bench: Bench, log: Transcript) {
  const { kernel } = bench;
  const device = openDevice(bench, board.gpio);
  const { fd } = device;
  const eventfds: number[] = [];
  const newEventfd = (initial = 0) => {
    const eventfd = kernel.eventfd(initial, EFD_NONBLOCK | EFD_CLOEXEC);
    eventfds.push(eventfd);
    return eventfd;
  };
  poke(kernel, fd, GPIOIE, 1, 0);
  poke(kernel, fd, GPIOIS, 1, 1);
  poke(kernel, fd, GPIOIEV, 1, 0);
  const trigger = newEventfd();
  const line = (high: boolean) => poke(kernel, fd, GPIOIE, 1, high ? 1 : 0);
  const fired = async (what: string) => {
    log.note(what, [await signals(bench, trigger), Number(peek(kernel, fd, GPIOMIS, 1))]);
  };
  const close = () => {
    line(false);
    for (const eventfd of eventfds) kernel.close(eventfd);
    device.close();
  };
  return { kernel, fd, trigger, newEventfd, line, fired, close };
}

/** One step of a random walk over everything that can be done to a line. */
type Move = readonly [what: string, act: () => number];

async function walk(bench: Bench, log: Transcript, seed: number): Promise<void> {
  const { kernel, fd, trigger, newEventfd, line, fired, close } = rig(bench, log);
  const maskFd = newEventfd();
  const unmaskFd = newEventfd();
  const bool = (action: number, value: number) =>
    kernel.ioctl(
      fd,
      VFIO_DEVICE_SET_IRQS,
      irqSet({ flags: VFIO_IRQ_SET_DATA_BOOL | action, data: [value] }),
    );
  const moves: readonly Move[] = [
    ['line high', () => line(true)],
    ['line low', () => line(false)],
    ['arm', () => arm(kernel, fd, 0, trigger)],
    ['disarm by count 0', () => disarm(kernel, fd, 0)],
    ['disarm by fd −1', () => arm(kernel, fd, 0, -1)],
    ['arm with a bad descriptor', () => arm(kernel, fd, 0, 999)],
    ['mask', () => mask(kernel, fd, 0)],
    ['unmask', () => unmask(kernel, fd, 0)],
    ['unmask', () => unmask(kernel, fd, 0)],
    ['unmask by bool 1', () => bool(VFIO_IRQ_SET_ACTION_UNMASK, 1)],
    ['unmask by bool 0', () => bool(VFIO_IRQ_SET_ACTION_UNMASK, 0)],
    ['mask by bool 1', () => bool(VFIO_IRQ_SET_ACTION_MASK, 1)],
    ['loop back', () => loopBack(kernel, fd, 0)],
    ['loop back by bool 1', () => bool(VFIO_IRQ_SET_ACTION_TRIGGER, 1)],
    ['loop back by bool 0', () => bool(VFIO_IRQ_SET_ACTION_TRIGGER, 0)],
    ['set the unmask eventfd', () => setUnmaskFd(kernel, fd, 0, unmaskFd)],
    ['take the unmask eventfd', () => setUnmaskFd(kernel, fd, 0, -1)],
    ['write the unmask eventfd', () => writeEventfd(kernel, unmaskFd, 1n)],
    ['set the mask eventfd', () => setMaskFd(kernel, fd, 0, maskFd)],
    ['take the mask eventfd', () => setMaskFd(kernel, fd, 0, -1)],
    ['write the mask eventfd', () => writeEventfd(kernel, maskFd, 1n)],
  ];
  const choose = choices(seed);
  for (let step = 0; step < 250; step++) {
    const [what, act] = moves[choose(moves.length)] as Move;
    const result = act();
    await fired(`${step} ${what}: ${outcome(result)}`);
  }
  log.note(
    'left in the eventfds',
    [readEventfd(kernel, maskFd), readEventfd(kernel, unmaskFd)].map(outcome),
  );
  close();
}

export const levelLines: readonly Scenario[] = [
  {
    name: 'a level line, step by step',
    run: async (bench, log) => {
      const { kernel, fd, trigger, newEventfd, line, fired, close } = rig(bench, log);
      line(true);
      await fired('high without a trigger');
      log.result('arm', arm(kernel, fd, 0, trigger));
      await fired('a line that is high fires when it is armed');
      await fired('and is masked then');
      unmask(kernel, fd, 0);
      await fired('fires again when it is unmasked');
      line(false);
      unmask(kernel, fd, 0);
      await fired('is quiet when it is low');
      mask(kernel, fd, 0);
      line(true);
      await fired('is quiet while it is masked');
      log.result('arm again', arm(kernel, fd, 0, trigger));
      await fired('the mask outlives a change of trigger');
      unmask(kernel, fd, 0);
      await fired('unmasked');
      const written = newEventfd(1);
      log.result('an unmask eventfd that is signalled', setUnmaskFd(kernel, fd, 0, written));
      await fired('unmasks at once');
      log.note('and is emptied', outcome(readEventfd(kernel, written)));
      log.result('a second unmask eventfd', setUnmaskFd(kernel, fd, 0, newEventfd()));
      kernel.close(written);
      await bench.settle();
      log.result('once the first is closed', setUnmaskFd(kernel, fd, 0, newEventfd()));
      log.result('none', setUnmaskFd(kernel, fd, 0, -1));
      close();
    },
  },
  ...[1, 2, 3, 4].map(
    (seed): Scenario => ({
      name: `a level line, random walk ${seed}`,
      run: (bench, log) => walk(bench, log, seed * 0x9e3779b1),
    }),
  ),
  {
    name: 'a new user finds a fresh line',
    run: async (bench, log) => {
      const first = rig(bench, log);
      arm(first.kernel, first.fd, 0, first.trigger);
      mask(first.kernel, first.fd, 0);
      first.close();
      const second = rig(bench, log);
      arm(second.kernel, second.fd, 0, second.trigger);
      second.line(true);
      await second.fired('not masked');
      second.close();
    },
  },
];
