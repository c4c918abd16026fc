import { describe, expect, it } from 'vitest';
import { Pl031 } from '../../host/sim/models';
import { Board, identification } from './fixture';

const RTCDR = 0x00;
const RTCMR = 0x04;
const RTCLR = 0x08;
const RTCCR = 0x0c;
const RTCIMSC = 0x10;
const RTCRIS = 0x14;
const RTCMIS = 0x18;
const RTCICR = 0x1c;

const SECOND = 1e9;

function stopped(): Board<Pl031> {
  return new Board(new Pl031());
}

function running(): Board<Pl031> {
  const board = stopped();
  board.write(RTCCR, 1);
  return board;
}

/** Running, with the interrupt enabled and an alarm at `seconds`. */
function armed(seconds: number): Board<Pl031> {
  const board = running();
  board.write(RTCMR, seconds);
  board.write(RTCIMSC, 1);
  return board;
}

describe('PL031 time', () => {
  it('is all zero at power-on', () => {
    const board = stopped();
    const registers = [RTCDR, RTCMR, RTCLR, RTCCR, RTCIMSC, RTCRIS, RTCMIS, RTCICR];
    expect(registers.map((offset) => board.read(offset))).toEqual([0, 0, 0, 0, 0, 0, 0, 0]);
  });

  it('stands still until it is started', () => {
    const board = stopped();
    board.write(RTCLR, 100);
    board.advance(5 * SECOND);
    expect(board.read(RTCDR)).toBe(100);
  });

  it('counts seconds from the loaded value once started', () => {
    const board = stopped();
    board.write(RTCLR, 100);
    board.write(RTCCR, 1);
    board.advance(3 * SECOND);
    expect(board.read(RTCDR)).toBe(103);
  });

  it('takes a new value while it runs', () => {
    const board = running();
    board.advance(10 * SECOND);
    board.write(RTCLR, 1_700_000_000);
    board.advance(SECOND);
    expect(board.read(RTCDR)).toBe(1_700_000_001);
  });

  it('keeps the phase of its 1 Hz clock over a load', () => {
    const board = running();
    board.advance(0.75 * SECOND);
    board.write(RTCLR, 50);
    board.advance(0.25 * SECOND);
    expect(board.read(RTCDR)).toBe(51);
  });

  it('gives back what was loaded, not the time, in RTCLR', () => {
    const board = running();
    board.write(RTCLR, 7);
    board.advance(2 * SECOND);
    expect(board.read(RTCLR)).toBe(7);
  });

  it('cannot be stopped once started', () => {
    const board = running();
    board.write(RTCCR, 0);
    board.advance(SECOND);
    expect([board.read(RTCCR), board.read(RTCDR)]).toEqual([1, 1]);
  });

  it('is not disturbed by a second start', () => {
    const board = running();
    board.write(RTCLR, 40);
    board.advance(2 * SECOND);
    board.write(RTCCR, 1);
    expect(board.read(RTCDR)).toBe(42);
  });

  it('starts by bit 0 alone', () => {
    const board = stopped();
    board.write(RTCCR, 0xfffffffe);
    expect(board.read(RTCCR)).toBe(0);
  });

  it('wraps from 2^32 - 1 to 0', () => {
    const board = running();
    board.write(RTCLR, 0xffffffff);
    expect(board.read(RTCDR)).toBe(0xffffffff);
    board.advance(SECOND);
    expect(board.read(RTCDR)).toBe(0);
  });

  it('has its phase from when it was plugged in', () => {
    const board = stopped();
    board.advance(0.5 * SECOND);
    const late = new Pl031();
    late.connect(board);
    late.write(0, RTCCR, 4, 1);
    board.advance(0.75 * SECOND);
    expect(late.read(0, RTCDR, 4)).toBe(0);
    board.advance(0.25 * SECOND);
    expect(late.read(0, RTCDR, 4)).toBe(1);
  });

  it('can be made to run faster', () => {
    const board = new Board(new Pl031({ tickNs: 1000 }));
    board.write(RTCCR, 1);
    board.advance(5000);
    expect(board.read(RTCDR)).toBe(5);
  });

  it('refuses a tick of no length', () => {
    expect(() => new Pl031({ tickNs: 0 })).toThrow('tickNs');
    expect(() => new Pl031({ tickNs: Number.NaN })).toThrow('tickNs');
  });

  it('does not change by a write of RTCDR', () => {
    const board = running();
    board.write(RTCDR, 99);
    expect(board.read(RTCDR)).toBe(0);
  });
});

describe('PL031 alarm', () => {
  it('raises the line when the time becomes the match value', () => {
    const board = armed(5);
    board.advance(5 * SECOND - 1);
    expect(board.isHigh()).toBe(false);
    board.advance(1);
    expect([board.isHigh(), board.read(RTCRIS), board.read(RTCMIS)]).toEqual([true, 1, 1]);
  });

  it('stays until it is cleared', () => {
    const board = armed(5);
    board.advance(50 * SECOND);
    expect(board.isHigh()).toBe(true);
    board.write(RTCICR, 1);
    expect([board.isHigh(), board.read(RTCRIS), board.read(RTCMIS)]).toEqual([false, 0, 0]);
    expect(board.lineLog).toEqual(['0↑', '0↓']);
  });

  it('can be cleared within the second of the match', () => {
    const board = armed(5);
    board.advance(5 * SECOND);
    board.write(RTCICR, 1);
    board.advance(SECOND / 2);
    expect(board.read(RTCRIS)).toBe(0);
  });

  it('is cleared by bit 0 of RTCICR alone', () => {
    const board = armed(1);
    board.advance(SECOND);
    board.write(RTCICR, 0xfffffffe);
    expect(board.isHigh()).toBe(true);
  });

  it('shows in RTCRIS but not in RTCMIS or on the line while masked', () => {
    const board = armed(2);
    board.write(RTCIMSC, 0);
    board.advance(3 * SECOND);
    expect([board.read(RTCRIS), board.read(RTCMIS), board.isHigh()]).toEqual([1, 0, false]);
  });

  it('comes through when it is unmasked later', () => {
    const board = armed(2);
    board.write(RTCIMSC, 0);
    board.advance(3 * SECOND);
    board.write(RTCIMSC, 1);
    expect(board.isHigh()).toBe(true);
  });

  it('leaves the line while it is masked again, and returns with the mask', () => {
    const board = armed(1);
    board.advance(SECOND);
    board.write(RTCIMSC, 0);
    expect(board.isHigh()).toBe(false);
    board.write(RTCIMSC, 1);
    expect(board.isHigh()).toBe(true);
  });

  it('can be set again and again', () => {
    const board = armed(1);
    for (let second = 1; second <= 4; second++) {
      board.write(RTCMR, second);
      board.advance(SECOND);
      expect(board.isHigh()).toBe(true);
      board.write(RTCICR, 1);
    }
    expect(board.lineLog).toEqual(['0↑', '0↓', '0↑', '0↓', '0↑', '0↓', '0↑', '0↓']);
  });

  it('moves when it is set anew before it has come', () => {
    const board = armed(2);
    board.advance(SECOND);
    board.write(RTCMR, 4);
    board.advance(2 * SECOND);
    expect(board.isHigh()).toBe(false);
    board.advance(SECOND);
    expect(board.isHigh()).toBe(true);
  });

  it('moves when the time is set', () => {
    const board = armed(100);
    board.write(RTCLR, 98);
    board.advance(2 * SECOND);
    expect(board.isHigh()).toBe(true);
  });

  it('comes at once when the match value is set to the present time', () => {
    const board = running();
    board.write(RTCIMSC, 1);
    board.advance(3 * SECOND);
    board.write(RTCMR, 3);
    expect(board.isHigh()).toBe(true);
  });

  it('comes at once when the time is set to the match value', () => {
    const board = armed(1000);
    board.write(RTCLR, 1000);
    expect(board.isHigh()).toBe(true);
  });

  it('does not come by a start with time and match value both 0', () => {
    const board = stopped();
    board.write(RTCIMSC, 1);
    board.write(RTCCR, 1);
    expect(board.read(RTCRIS)).toBe(0);
  });

  it('does not come while the clock has not been started', () => {
    const board = stopped();
    board.write(RTCIMSC, 1);
    board.write(RTCMR, 0);
    board.advance(10 * SECOND);
    expect([board.read(RTCRIS), board.isIdle()]).toEqual([0, true]);
  });

  it('lies a whole wrap ahead when it is set to a second that is over', () => {
    const board = running();
    board.advance(10 * SECOND);
    board.write(RTCMR, 9);
    board.write(RTCIMSC, 1);
    board.advance((2 ** 32 - 2) * SECOND);
    expect(board.isHigh()).toBe(false);
    board.advance(SECOND);
    expect([board.isHigh(), board.read(RTCDR)]).toEqual([true, 9]);
  });

  it('is latched once for many wraps that nobody looked at', () => {
    const board = running();
    board.write(RTCMR, 7);
    board.advance(3 * 2 ** 32 * SECOND);
    expect(board.read(RTCRIS)).toBe(1);
    board.write(RTCICR, 1);
    expect(board.read(RTCRIS)).toBe(0);
    board.advance(7 * SECOND);
    expect(board.read(RTCRIS)).toBe(1);
  });

  it('is seen by a guest that looks before the timer has fired', () => {
    const board = running();
    let seen: unknown;
    board.clock.setTimer(SECOND, () => {
      seen = [board.read(RTCMIS), board.isHigh()];
    });
    board.write(RTCMR, 1);
    board.write(RTCIMSC, 1);
    board.advance(SECOND);
    expect([seen, board.isIdle()]).toEqual([[1, true], true]);
  });

  it('can be handled from inside the rising line', () => {
    const board = armed(2);
    board.onLine = (_line, high) => {
      if (!high) return;
      board.write(RTCICR, 1);
      board.write(RTCMR, board.read(RTCDR) + 2);
    };
    board.advance(6 * SECOND);
    expect(board.lineLog).toEqual(['0↑', '0↓', '0↑', '0↓', '0↑', '0↓']);
  });

  it('needs no timer unless it can raise the line', () => {
    const board = running();
    expect(board.isIdle()).toBe(true);
    board.write(RTCMR, 10);
    expect(board.isIdle()).toBe(true);
    board.write(RTCIMSC, 1);
    expect(board.clock.nextDueNs()).toBe(10 * SECOND);
    board.advance(10 * SECOND);
    expect(board.isIdle()).toBe(true);
  });

  it('comes even if the clock fires a little before the tick', () => {
    const board = new Board(new Pl031({ tickNs: 1000.5 }));
    const setTimer = board.clock.setTimer.bind(board.clock);
    board.clock.setTimer = (delayNs, fire) => setTimer(Math.floor(delayNs), fire);
    board.write(RTCCR, 1);
    board.write(RTCMR, 1);
    board.write(RTCIMSC, 1);
    board.advance(1000);
    expect(board.isHigh()).toBe(false);
    board.advance(1);
    expect([board.isHigh(), board.isIdle()]).toEqual([true, true]);
  });

  it('keeps one timer however often the registers are written', () => {
    const board = armed(10);
    for (let round = 0; round < 10; round++) board.write(RTCMR, 20);
    board.advance(20 * SECOND);
    expect([board.lineLog, board.isIdle()]).toEqual([['0↑'], true]);
  });
});

describe('PL031 registers', () => {
  it('identify it as a PL031', () => {
    const expected = [0x31, 0x10, 0x04, 0x00, 0x0d, 0xf0, 0x05, 0xb1];
    expect(identification(new Board(new Pl031()))).toEqual(expected);
  });

  it('hold the match value, all of it, byte by byte', () => {
    const board = stopped();
    board.write(RTCMR, 0xffffffff);
    expect(board.read(RTCMR)).toBe(0xffffffff);
    board.write(RTCMR + 1, 0x12, 1);
    expect([board.read(RTCMR), board.read(RTCMR + 1, 1), board.read(RTCMR + 2, 2)]).toEqual([
      0xffff12ff, 0x12, 0xffff,
    ]);
  });

  it('have one bit of mask', () => {
    const board = stopped();
    board.write(RTCIMSC, 0xffffffff);
    expect(board.read(RTCIMSC)).toBe(1);
  });

  it('do not clear by a byte write beside bit 0', () => {
    const board = armed(1);
    board.advance(SECOND);
    board.write(RTCICR + 1, 0xff, 1);
    expect(board.isHigh()).toBe(true);
    board.write(RTCICR, 0x01, 1);
    expect(board.isHigh()).toBe(false);
  });

  it('ignore writes to read-only and absent ones', () => {
    const board = running();
    for (const offset of [RTCRIS, RTCMIS, 0x20, 0x80, 0xfe0, 0xffc])
      board.write(offset, 0xffffffff);
    expect([RTCRIS, RTCMIS, 0x20, 0x80].map((offset) => board.read(offset))).toEqual([0, 0, 0, 0]);
    expect(board.read(0xfe0)).toBe(0x31);
  });

  it('are back at power-on after a reset, with the line low and no timer', () => {
    const board = armed(1);
    board.advance(SECOND);
    board.model.reset();
    expect([board.isHigh(), board.isIdle()]).toEqual([false, true]);
    const registers = [RTCDR, RTCMR, RTCLR, RTCCR, RTCIMSC, RTCRIS];
    expect(registers.map((offset) => board.read(offset))).toEqual([0, 0, 0, 0, 0, 0]);
    board.write(RTCMR, 5);
    board.write(RTCIMSC, 1);
    board.model.reset();
    expect(board.isIdle()).toBe(true);
  });
});
