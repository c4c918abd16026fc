import { describe, expect, it } from 'vitest';
import {
  AlteraPs2,
  type DeviceModel,
  DmaEngine,
  DwApbUart,
  MemoryDevice,
  Ns16550,
  Pl011,
  Pl031,
  Pl061,
  Ps2Keyboard,
  VirtioMmio,
  VirtioRng,
} from '../../host/sim/models';
import type { ModelWidth } from '../../host/sim/models/model';
import { SeededRandom } from '../../host/sim/random';
import { Board } from './fixture';

const WIDTHS: readonly ModelWidth[] = [1, 2, 4];
const VALUES = [0, 1, 0x80, 0xff, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff];
const ACCESSES = 20_000;
/** Characters must arrive at any divisor that chance programs. */
const FAST_CLOCK = 1e12;
const SECOND = 1e9;

interface Subject {
  readonly model: () => DeviceModel;
  /** The line that {@link status} speaks of; 0 unless given. */
  readonly line?: number;
  /** Reads the masked interrupt status, without side effects. */
  readonly status?: (board: Board) => boolean;
  /** Plays the outside world, or a guest that knows better, a little. */
  readonly disturb?: (model: DeviceModel, random: SeededRandom) => void;
}

const subjects: Readonly<Record<string, Subject>> = {
  PL031: {
    model: () => new Pl031({ tickNs: 1000 }),
    status: (board) => board.read(0x18) !== 0,
    // Random alarms are too far off ever to come: set one for the next tick.
    disturb: (model) => model.write(0, 0x04, 4, (model.read(0, 0x00, 4) + 1) % 2 ** 32),
  },
  PL061: {
    model: () => new Pl061(),
    status: (board) => board.read(0x418) !== 0,
    disturb: (model, random) => (model as Pl061).setPin(random.below(8), random.below(2) === 1),
  },
  PL011: {
    model: () => new Pl011({ clockHz: FAST_CLOCK }),
    status: (board) => board.read(0x40) !== 0,
    disturb: (model, random) => {
      (model as Pl011).receive([random.below(256)], random.below(4) ? 'good' : 'break');
      (model as Pl011).setModem({ cts: random.below(2) === 1, ri: random.below(2) === 1 });
    },
  },
  '16550': {
    model: () => new Ns16550({ clockHz: FAST_CLOCK }),
    disturb: (model, random) => {
      (model as Ns16550).receive([random.below(256)], random.below(4) ? 'good' : 'parity');
      (model as Ns16550).setModem({ cts: random.below(2) === 1, ri: random.below(2) === 1 });
    },
  },
  'DMA engine': {
    model: () => new DmaEngine(),
    line: 1,
    status: (board) => (board.read(0x40) & 2) !== 0,
  },
  'DW APB UART': {
    model: () => new DwApbUart({ clockHz: FAST_CLOCK, fifoDepth: 32 }),
    disturb: (model, random) => {
      (model as DwApbUart).receive([random.below(256)], random.below(4) ? 'good' : 'parity');
      (model as DwApbUart).setModem({ cts: random.below(2) === 1, ri: random.below(2) === 1 });
    },
  },
  'virtio-mmio': {
    model: () => new VirtioMmio(new VirtioRng()),
    status: (board) => board.read(0x60) !== 0,
    // Chance never gets through the handshake: bring it to where queues work.
    disturb: (model, random) => {
      if (random.below(4) === 0) model.write(0, 0x70, 4, 0);
      model.write(0, 0x24, 4, 1);
      model.write(0, 0x20, 4, 1);
      model.write(0, 0x70, 4, 15);
      model.write(0, 0x30, 4, 0);
      model.write(0, 0x38, 4, 1 << random.below(5));
      model.write(0, 0x80, 4, random.below(0x8000));
      model.write(0, 0x44, 4, 1);
      model.write(0, 0x50, 4, 0);
    },
  },
  'PS/2 core': {
    model: () => new AlteraPs2({ peripheral: new Ps2Keyboard(), byteNs: 1000 }),
    status: (board) => (board.read(4) & 0x100) !== 0,
    disturb: (model, random) => (model as AlteraPs2).send([random.below(256)]),
  },
  'memory device': {
    model: () => new MemoryDevice({ doorbell: true, lines: ['edge', 'level', 'level'] }),
  },
};

/** Registers are few and far between: half of the accesses go to where they are dense. */
function offsetIn(size: number, width: number, random: SeededRandom): number {
  const dense = random.below(2) === 1 ? Math.min(size, 0x80) : size;
  const offset = random.below(dense);
  return Math.max(0, Math.min(offset, size - width)) & ~(width - 1);
}

describe.each(Object.entries(subjects))('%s, under a hostile guest', (_name, subject) => {
  it('never throws, returns values of the width, and has its line where the status says', () => {
    const random = new SeededRandom(20_260_101);
    const board = new Board(subject.model());
    const { model } = board;
    for (let access = 0; access < ACCESSES; access++) {
      const region = random.below(model.regions.length);
      const width = WIDTHS[random.below(3)] as ModelWidth;
      const offset = offsetIn(model.regions[region]?.size ?? 0, width, random);
      if (random.below(2)) {
        const value = random.below(2) ? (VALUES[random.below(8)] as number) : random.below(2 ** 32);
        model.write(region, offset, width, value % 2 ** (8 * width));
      } else {
        const value = model.read(region, offset, width);
        const fits = Number.isInteger(value) && value >= 0 && value < 2 ** (8 * width);
        if (!fits) expect.fail(`read ${value} at ${offset} with width ${width}`);
      }
      if (random.below(8) === 0) board.advance(random.below(100_000));
      if (random.below(16) === 0) subject.disturb?.(model, random);
      if (subject.status && subject.status(board) !== board.isHigh(subject.line)) {
        expect.fail(`the line is not at its status after access ${access} at ${offset}`);
      }
    }
    expect(board.lineLog.length).toBeGreaterThan(0);
  });

  it('is at power-on after a reset: same registers, lines low, no timer', () => {
    const random = new SeededRandom(7);
    const board = new Board(subject.model());
    const fresh = new Board(subject.model());
    for (let access = 0; access < 2000; access++) {
      const offset = offsetIn(board.model.regions[0]?.size ?? 0, 4, random);
      board.write(offset, random.below(2 ** 32));
      if (access % 8 === 0) board.advance(random.below(10_000));
    }
    board.model.reset();
    expect(board.isIdle()).toBe(true);
    for (let line = 0; line < board.model.irqs.length; line++) {
      expect(board.isHigh(line)).toBe(false);
    }
    const size = Math.min(board.model.regions[0]?.size ?? 0, 0x1000);
    for (let offset = 0; offset + 4 <= size; offset += 4) {
      expect([offset, board.read(offset)]).toEqual([offset, fresh.read(offset)]);
    }
  });

  it('comes to rest when it is left alone', () => {
    const random = new SeededRandom(99);
    const board = new Board(subject.model());
    for (let access = 0; access < 2000; access++) {
      const offset = offsetIn(board.model.regions[0]?.size ?? 0, 4, random);
      board.write(offset, random.below(2 ** 32));
      if (access % 8 === 0) board.advance(random.below(10_000));
    }
    board.advance(1000 * SECOND);
    const due = board.clock.nextDueNs();
    board.advance(1000 * SECOND);
    // What is still armed, an alarm far ahead, is armed once and not again and again.
    expect(board.clock.nextDueNs()).toBe(due);
  });
});
