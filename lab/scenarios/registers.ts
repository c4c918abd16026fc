import { EFD_CLOEXEC, EFD_NONBLOCK } from '../../assembly/abi/linux';
import { arm, unmask } from '../../test/sim/fixture';
import { pl011, pl031, pl061 } from '../guest/registers';
import { choices, openDevice, peek, poke, signals } from './calls';
import { type Bench, board, type Scenario, type Transcript } from './scenario';

/** An open device by its registers. */
function rig(bench: Bench, log: Transcript, device: string) {
  const { kernel } = bench;
  const { fd, close } = openDevice(bench, device);
  const read = (offset: number, width = 4) => Number(peek(kernel, fd, offset, width));
  const write = (offset: number, value: number, width = 4) =>
    poke(kernel, fd, offset, width, value);
  /** Notes what registers of the map read. */
  const show = (what: string, map: Readonly<Record<string, number>>, names: readonly string[]) => {
    log.note(
      what,
      names.map((name) => `${name} ${read(map[name] as number).toString(16)}`),
    );
  };
  return { kernel, fd, read, write, show, close };
}

/**
 * QEMU's PL061 has one latch for both directions: a pin that changes its
 * direction reads what it was in the other one.
 */
const OUTPUTS = 0x88;

/** Every pin, every kind of edge, every mask: at random, the same on every kernel. */
async function gpioWalk(bench: Bench, log: Transcript, seed: number): Promise<void> {
  const { kernel, fd, write, read, show, close } = rig(bench, log, board.gpio);
  const trigger = kernel.eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  const choose = choices(seed);
  const byte = () => choose(256);
  for (let pin = 0; pin < 8; pin++) bench.setPin(pin, false);
  const { GPIOIE, GPIOIS, GPIODIR, GPIOIBE, GPIOIEV, GPIOIC } = pl061;
  for (const register of [GPIOIE, GPIOIS, GPIOIBE, GPIOIEV]) write(register, 0);
  // QEMU's latch for both directions may still hold what another guest has put out.
  write(GPIODIR, 0xff);
  write(pl061.GPIODATA, 0);
  write(GPIODIR, OUTPUTS);
  write(GPIOIC, 0xff);
  arm(kernel, fd, 0, trigger);
  for (let step = 0; step < 150; step++) {
    const value = byte();
    const moves: readonly (readonly [what: string, act: () => void])[] = [
      ...[0, 1, 2].map(() => {
        const pin = value & 7;
        const high = value >= 128;
        const act = () => bench.setPin(pin, high);
        return [`pin ${pin} ${high ? 'high' : 'low'}`, act] as const;
      }),
      [`GPIOIE ${value}`, () => write(GPIOIE, value)],
      [`GPIOIBE ${value}`, () => write(GPIOIBE, value)],
      [`GPIOIEV ${value}`, () => write(GPIOIEV, value)],
      [`GPIOIC ${value}`, () => write(GPIOIC, value)],
      [`GPIODATA ${value} through ${value ^ 0xa5}`, () => write((value ^ 0xa5) << 2, value)],
      ['unmask', () => unmask(kernel, fd, 0)],
    ];
    const [what, act] = moves[choose(moves.length)] as (typeof moves)[number];
    act();
    const interrupts = await signals(bench, trigger);
    const [ris, mis, data] = [pl061.GPIORIS, pl061.GPIOMIS, (value << 2) & 0x3fc].map((offset) =>
      read(offset),
    ) as [number, number, number];
    log.note(`${step} ${what}`, [interrupts, ris, mis, data]);
  }
  show('at the end', pl061, ['GPIODIR', 'GPIOIS', 'GPIOIBE', 'GPIOIEV', 'GPIOIE']);
  write(GPIOIE, 0);
  write(GPIODIR, 0);
  for (let pin = 0; pin < 8; pin++) bench.setPin(pin, false);
  write(GPIOIC, 0xff);
  kernel.close(trigger);
  close();
}

export const registerValues: readonly Scenario[] = [
  {
    name: 'registers of the PL031',
    run: async (bench, log) => {
      const { kernel, fd, write, read, show, close } = rig(bench, log, board.rtc);
      const trigger = kernel.eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
      write(pl031.RTCIMSC, 0);
      write(pl031.RTCMR, 0xffff_0000);
      write(pl031.RTCICR, 1);
      write(pl031.RTCCR, 1);
      show('stopped alarm', pl031, ['RTCMR', 'RTCCR', 'RTCIMSC', 'RTCRIS', 'RTCMIS']);
      write(pl031.RTCCR, 0);
      log.note('once started it stays so', read(pl031.RTCCR));
      for (const value of [0xffff_ffff, 0xa5a5_5a5a, 0]) {
        for (const name of ['RTCIMSC', 'RTCDR', 'RTCRIS', 'RTCMIS'] as const) {
          write(pl031[name], value);
        }
        show(`0x${value.toString(16)} into all`, pl031, ['RTCIMSC', 'RTCRIS', 'RTCMIS']);
      }
      arm(kernel, fd, 0, trigger);
      const start = 1_000_000;
      write(pl031.RTCLR, start);
      log.note('loaded', read(pl031.RTCLR));
      const early = read(pl031.RTCDR);
      log.note('and counting', early >= start && early <= start + 1 ? 'from there' : early);
      await bench.pass(1100);
      const later = read(pl031.RTCDR) - early;
      log.note('after 1.1 s', later === 1 || later === 2 ? '1 or 2 more' : later);
      write(pl031.RTCMR, read(pl031.RTCDR) + 1);
      write(pl031.RTCIMSC, 1);
      await bench.pass(1100);
      log.note('an alarm', await signals(bench, trigger));
      show('is shown', pl031, ['RTCRIS', 'RTCMIS']);
      write(pl031.RTCICR, 0);
      show('not cleared by 0', pl031, ['RTCRIS', 'RTCMIS']);
      write(pl031.RTCIMSC, 0);
      show('masked', pl031, ['RTCRIS', 'RTCMIS']);
      write(pl031.RTCICR, 0xffff_ffff);
      show('cleared', pl031, ['RTCRIS', 'RTCMIS']);
      log.note('writing only', read(pl031.RTCICR));
      for (const offset of [0x20, 0x80, 0x100, 0xfdc]) {
        write(offset, 0xffff_ffff);
        log.note(`nothing at 0x${offset.toString(16)}`, read(offset));
      }
      kernel.close(trigger);
      close();
    },
  },
  ...[1, 2].map(
    (seed): Scenario => ({
      name: `registers and pins of the PL061, random walk ${seed}`,
      run: (bench, log) => gpioWalk(bench, log, seed * 0x9e3779b1),
    }),
  ),
  {
    name: 'registers of the PL011',
    run: async (bench, log) => {
      const { kernel, fd, write, show, close } = rig(bench, log, board.uart);
      const trigger = kernel.eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
      const held = ['UARTIBRD', 'UARTFBRD', 'UARTLCR_H', 'UARTCR', 'UARTIFLS', 'UARTIMSC'];
      write(pl011.UARTIMSC, 0);
      write(pl011.UARTCR, 0);
      write(pl011.UARTICR, 0x7ff);
      for (const [ibrd, fbrd, lcrh, cr, ifls, imsc] of [
        [13, 1, 0x70, 0x301, 0x12, 0],
        [0xffff, 0x3f, 0x60, 0x300, 0x24, 0x7ff],
        [1, 0, 0x72, 0x101, 0x00, 0x30],
      ] as const) {
        write(pl011.UARTIBRD, ibrd);
        write(pl011.UARTFBRD, fbrd);
        write(pl011.UARTIFLS, ifls);
        write(pl011.UARTIMSC, imsc);
        write(pl011.UARTLCR_H, lcrh);
        write(pl011.UARTCR, cr);
        show('written and read', pl011, held);
      }
      write(pl011.UARTIMSC, 0);
      write(pl011.UARTCR, 0x301);
      write(pl011.UARTLCR_H, 0x60);
      write(pl011.UARTICR, 0x7ff);
      show('idle', pl011, ['UARTFR', 'UARTRIS', 'UARTMIS']);
      arm(kernel, fd, 0, trigger);
      write(pl011.UARTIMSC, pl011.TX);
      log.note('nothing was sent', await signals(bench, trigger));
      for (let times = 1; times <= 3; times++) {
        write(pl011.UARTDR, 0x2e);
        await bench.pass(5);
        log.note(`sent ${times}`, await signals(bench, trigger));
        show('and seen', pl011, ['UARTFR', 'UARTRIS', 'UARTMIS']);
        write(pl011.UARTICR, pl011.TX);
        show('cleared', pl011, ['UARTRIS', 'UARTMIS']);
        unmask(kernel, fd, 0);
        log.note('unmasked', await signals(bench, trigger));
      }
      write(pl011.UARTIMSC, 0);
      write(pl011.UARTICR, 0x7ff);
      kernel.close(trigger);
      close();
    },
  },
];
