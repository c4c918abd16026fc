import { describe, expect, it } from 'vitest';
import { Ns16550, type Ns16550Options } from '../../host/sim/models';
import { Board } from './fixture';

const RBR = 0;
const THR = 0;
const DLL = 0;
const IER = 1;
const DLM = 1;
const IIR = 2;
const FCR = 2;
const LCR = 3;
const MCR = 4;
const LSR = 5;
const MSR = 6;
const SCR = 7;

const ERBFI = 0x01;
const ETBEI = 0x02;
const ELSI = 0x04;
const EDSSI = 0x08;

const NONE = 0x01;
const LINE_STATUS = 0x06;
const RECEIVED = 0x04;
const TIMEOUT = 0x0c;
const TRANSMIT = 0x02;
const MODEM = 0x00;
const FIFOS = 0xc0;

const DR = 0x01;
const OE = 0x02;
const PE = 0x04;
const FE = 0x08;
const BI = 0x10;
const THRE = 0x20;
const TEMT = 0x40;
const FIFO_ERROR = 0x80;
const EMPTY = THRE | TEMT;

const EIGHT_BITS = 0x03;
const DLAB = 0x80;
const LOOP = 0x10;

/** With a 16 MHz clock and divisor 1, as in all tests here. */
const BIT = 1000;
const CHARACTER = 10 * BIT;

function uart(options: Ns16550Options = {}) {
  const sent: number[] = [];
  const board = new Board(
    new Ns16550({ clockHz: 16e6, onTransmit: (byte) => sent.push(byte), ...options }),
  );
  const get = (register: number) => board.read(register, 1);
  const set = (register: number, value: number) => board.write(register, value, 1);
  return { board, sent, get, set };
}

/** 8N1 at 1 Mbit/s. */
function programmed() {
  const all = uart();
  all.set(LCR, DLAB | EIGHT_BITS);
  all.set(DLL, 1);
  all.set(LCR, EIGHT_BITS);
  return all;
}

/** The same with FIFOs on and the given trigger bits. */
function buffered(trigger = 0) {
  const all = programmed();
  all.set(FCR, (trigger << 6) | 1);
  return all;
}

const count = (length: number) => Array.from({ length }, (_, index) => index);

function drain({ get }: ReturnType<typeof uart>): number[] {
  const bytes: number[] = [];
  while (get(LSR) & DR) bytes.push(get(RBR));
  return bytes;
}

describe('16550 registers', () => {
  it('have the reset values of the data sheet', () => {
    const { get } = uart();
    expect([RBR, IER, IIR, LCR, MCR, LSR, SCR].map(get)).toEqual([0, 0, NONE, 0, 0, EMPTY, 0]);
    expect(get(MSR) & 0x0f).toBe(0);
  });

  it('hold just their own bits', () => {
    const { get, set } = uart();
    for (const register of [IER, LCR, MCR, SCR]) set(register, 0x7f);
    expect([IER, LCR, MCR, SCR].map(get)).toEqual([0x0f, 0x7f, 0x1f, 0x7f]);
  });

  it('have the divisor latch in place of data and interrupt enable while DLAB is set', () => {
    const { get, set } = uart();
    set(IER, ETBEI);
    set(LCR, DLAB);
    set(DLL, 0x34);
    set(DLM, 0x12);
    expect([get(DLL), get(DLM)]).toEqual([0x34, 0x12]);
    set(LCR, 0);
    expect([get(RBR), get(IER)]).toEqual([0, ETBEI]);
  });

  it('neither send nor take data through the divisor latch', () => {
    const { board, get, set, sent } = programmed();
    board.model.receive([7]);
    board.advance(CHARACTER);
    set(LCR, DLAB | EIGHT_BITS);
    set(DLL, 1);
    get(DLL);
    set(LCR, EIGHT_BITS);
    board.advance(CHARACTER);
    expect([sent, get(RBR)]).toEqual([[], 7]);
  });

  it('ignore writes when they are read-only', () => {
    const { get, set } = uart();
    set(LSR, 0);
    set(MSR, 0);
    expect([get(LSR), get(MSR) >> 4]).toEqual([EMPTY, 0xb]);
  });

  it('are reached one after the other by a wide access', () => {
    const { board, get } = uart();
    board.write(LCR, (0x4a << 8) | EIGHT_BITS, 2);
    expect([get(LCR), get(MCR)]).toEqual([EIGHT_BITS, 0x0a]);
    expect(board.read(LCR & ~3)).toBe(((EIGHT_BITS << 24) | (NONE << 16)) >>> 0);
    expect(board.read(SCR - 3)).toBe((0xb0 << 16) | (EMPTY << 8) | 0x0a);
  });

  it('lie further apart with regShift', () => {
    const { board } = uart({ regShift: 2 });
    expect(board.model.regions).toEqual([{ size: 32 }]);
    board.write(SCR << 2, 0xffffff42);
    board.write((SCR << 2) + 1, 0x99, 1);
    expect([board.read(SCR << 2), board.read((SCR << 2) + 1, 1), board.read(LSR << 2)]).toEqual([
      0x42,
      0,
      EMPTY,
    ]);
  });

  it('refuse senseless options', () => {
    expect(() => new Ns16550({ clockHz: -1 })).toThrow('clockHz');
    expect(() => new Ns16550({ regShift: 5 })).toThrow('regShift');
    expect(() => new Ns16550({ regShift: 0.5 })).toThrow('regShift');
  });
});

describe('16550 transmitter', () => {
  it('sends a character in ten bit times', () => {
    const { board, sent, get, set } = programmed();
    set(THR, 0x41);
    expect(get(LSR) & EMPTY).toBe(THRE);
    board.advance(CHARACTER - 1);
    expect(sent).toEqual([]);
    board.advance(1);
    expect([sent, get(LSR) & EMPTY, board.isIdle()]).toEqual([[0x41], EMPTY, true]);
  });

  it('holds one character beside the one being sent', () => {
    const { board, sent, get, set } = programmed();
    set(THR, 1);
    set(THR, 2);
    expect(get(LSR) & EMPTY).toBe(0);
    board.advance(CHARACTER);
    expect(get(LSR) & EMPTY).toBe(THRE);
    board.advance(CHARACTER);
    expect([sent, get(LSR) & EMPTY]).toEqual([[1, 2], EMPTY]);
  });

  it('overwrites the held character without FIFOs', () => {
    const { board, sent, set } = programmed();
    for (const byte of [1, 2, 3]) set(THR, byte);
    board.advance(5 * CHARACTER);
    expect(sent).toEqual([1, 3]);
  });

  it('holds 16 beside the one being sent with FIFOs and drops the rest', () => {
    const { board, sent, set } = buffered();
    for (const byte of count(20)) set(THR, byte);
    board.advance(30 * CHARACTER);
    expect(sent).toEqual(count(17));
  });

  it.each([
    ['5 data bits', 0x00, 7],
    ['6 data bits', 0x01, 8],
    ['7 data bits', 0x02, 9],
    ['one and a half stop bits', 0x04, 7.5],
    ['two stop bits', 0x07, 11],
    ['parity', 0x0b, 11],
  ])('counts bits: %s', (_name, lineControl, bits) => {
    const { board, sent, set } = programmed();
    set(LCR, lineControl);
    set(THR, 0xff);
    board.advance(bits * BIT - 1);
    expect(sent).toEqual([]);
    board.advance(1);
    expect(sent).toEqual([2 ** (5 + (lineControl & 3)) - 1]);
  });

  it('divides by the divisor latch', () => {
    const { board, sent, set } = uart();
    set(LCR, DLAB);
    set(DLM, 1);
    set(DLL, 2);
    set(LCR, EIGHT_BITS);
    set(THR, 9);
    board.advance(258 * CHARACTER - 1);
    expect(sent).toEqual([]);
    board.advance(1);
    expect(sent).toEqual([9]);
  });

  it('works at divisor 1 when none was programmed', () => {
    const { board, sent, set } = uart();
    set(LCR, EIGHT_BITS);
    set(THR, 9);
    board.advance(CHARACTER);
    expect(sent).toEqual([9]);
  });
});

describe('16550 THRE interrupt', () => {
  it('comes when it is enabled over an empty transmitter', () => {
    const { board, get, set } = programmed();
    set(IER, ETBEI);
    expect([board.isHigh(), get(IIR)]).toEqual([true, TRANSMIT]);
  });

  it('goes when IIR is read as its source', () => {
    const { board, get, set } = programmed();
    set(IER, ETBEI);
    get(IIR);
    expect([board.isHigh(), get(IIR)]).toEqual([false, NONE]);
  });

  it('does not go when IIR shows another source', () => {
    const { board, get, set } = programmed();
    board.model.receive([1]);
    board.advance(CHARACTER);
    set(IER, ETBEI | ERBFI);
    expect([get(IIR), get(RBR), get(IIR), get(IIR)]).toEqual([RECEIVED, 1, TRANSMIT, NONE]);
  });

  it('comes anew when it is disabled and enabled again', () => {
    const { get, set } = programmed();
    set(IER, ETBEI);
    get(IIR);
    set(IER, ETBEI);
    expect(get(IIR)).toBe(NONE);
    set(IER, 0);
    set(IER, ETBEI);
    expect(get(IIR)).toBe(TRANSMIT);
  });

  it('goes when data is written, and comes when the last of it goes to the shift register', () => {
    const { board, set } = buffered();
    set(THR, 1);
    set(IER, ETBEI);
    expect(board.isHigh()).toBe(true);
    set(THR, 2);
    expect(board.isHigh()).toBe(false);
    board.advance(CHARACTER);
    expect(board.isHigh()).toBe(true);
  });

  it('lets a driver send by interrupts alone', () => {
    const { board, sent, get, set } = buffered();
    let next = 0;
    let handling = false;
    board.onLine = (_line, high) => {
      if (!high || handling) return;
      handling = true;
      while (get(IIR) === (TRANSMIT | FIFOS)) {
        for (let room = 0; room < 16 && next < 100; room++) set(THR, next++);
      }
      handling = false;
    };
    set(IER, ETBEI);
    board.advance(200 * CHARACTER);
    expect([sent, board.isIdle()]).toEqual([count(100), true]);
  });
});

describe('16550 receiver', () => {
  it('gets characters one by one at the baud rate', () => {
    const { board, get } = programmed();
    board.model.receive([0x61, 0x62]);
    board.advance(CHARACTER - 1);
    expect(get(LSR) & DR).toBe(0);
    board.advance(1);
    expect([get(LSR) & DR, get(RBR), get(LSR) & DR]).toEqual([DR, 0x61, 0]);
    board.advance(CHARACTER);
    expect(get(RBR)).toBe(0x62);
  });

  it('interrupts while there is data without FIFOs', () => {
    const { board, get, set } = programmed();
    set(IER, ERBFI);
    board.model.receive([5]);
    board.advance(CHARACTER);
    expect([board.isHigh(), get(IIR)]).toEqual([true, RECEIVED]);
    get(RBR);
    expect([board.isHigh(), get(IIR), board.isIdle()]).toEqual([false, NONE, true]);
  });

  it.each([
    [0, 1],
    [1, 4],
    [2, 8],
    [3, 14],
  ])('interrupts from the trigger level on: %i is %i', (trigger, level) => {
    const { board, get, set } = buffered(trigger);
    set(IER, ERBFI);
    board.model.receive(count(level));
    board.advance(level * CHARACTER - 1);
    expect(board.isHigh()).toBe(false);
    board.advance(1);
    expect([board.isHigh(), get(IIR)]).toEqual([true, RECEIVED | FIFOS]);
    get(RBR);
    expect(board.isHigh()).toBe(false);
  });

  it('takes no more bits than a character has', () => {
    const { board, get, set } = programmed();
    set(LCR, 0x02);
    board.model.receive([0xff]);
    board.advance(CHARACTER);
    expect(get(RBR)).toBe(0x7f);
  });

  it('copes with a long delivery', () => {
    const all = buffered(2);
    const { board, set } = all;
    const seen: number[] = [];
    set(IER, ERBFI);
    board.onLine = (_line, high) => {
      if (high) seen.push(...drain(all));
    };
    const bytes = Array.from({ length: 20_000 }, (_, index) => index & 0xff);
    board.model.receive(bytes);
    board.advance(20_010 * CHARACTER);
    expect(seen).toEqual(bytes);
  });
});

describe('16550 FIFO timeout', () => {
  it('comes four character times after the last character below the trigger level', () => {
    const { board, get, set } = buffered(3);
    set(IER, ERBFI);
    board.model.receive([1, 2]);
    board.advance(6 * CHARACTER - 1);
    expect(board.isHigh()).toBe(false);
    board.advance(1);
    expect([board.isHigh(), get(IIR), board.isIdle()]).toEqual([true, TIMEOUT | FIFOS, true]);
  });

  it('goes with a read of RBR and comes again for the rest', () => {
    const { board, get, set } = buffered(3);
    set(IER, ERBFI);
    board.model.receive([1, 2]);
    board.advance(6 * CHARACTER);
    get(RBR);
    expect(board.isHigh()).toBe(false);
    board.advance(4 * CHARACTER);
    expect(board.isHigh()).toBe(true);
    get(RBR);
    expect([board.isHigh(), board.isIdle()]).toEqual([false, true]);
  });

  it('gives way to received data at the trigger level', () => {
    const { board, get, set } = buffered(1);
    set(IER, ERBFI);
    board.model.receive([1, 2]);
    board.advance(10 * CHARACTER);
    expect(get(IIR)).toBe(TIMEOUT | FIFOS);
    board.model.receive([3, 4]);
    board.advance(2 * CHARACTER);
    expect(get(IIR)).toBe(RECEIVED | FIFOS);
  });

  it('does not exist without FIFOs', () => {
    const { board } = programmed();
    board.model.receive([1]);
    board.advance(CHARACTER);
    expect(board.isIdle()).toBe(true);
  });
});

describe('16550 line status', () => {
  it('keeps the FIFO and drops the newcomer when it overruns', () => {
    const all = buffered();
    const { board, get, set } = all;
    set(IER, ELSI);
    board.model.receive(count(17));
    board.advance(16 * CHARACTER);
    expect(board.isHigh()).toBe(false);
    board.advance(CHARACTER);
    expect([board.isHigh(), get(IIR), get(LSR) & OE]).toEqual([true, LINE_STATUS | FIFOS, OE]);
    expect([board.isHigh(), drain(all)]).toEqual([false, count(16)]);
  });

  it('keeps the newcomer when it overruns without FIFOs', () => {
    const { board, get } = programmed();
    board.model.receive([1, 2]);
    board.advance(2 * CHARACTER);
    expect([get(LSR), get(LSR), get(RBR)]).toEqual([EMPTY | DR | OE, EMPTY | DR, 2]);
  });

  it.each([
    ['parity', PE],
    ['framing', FE],
    ['break', BI | FE],
  ] as const)('shows an error until it is read: %s', (condition, bits) => {
    const { board, get, set } = programmed();
    set(IER, ELSI);
    board.model.receive([0], condition);
    board.advance(CHARACTER);
    expect([board.isHigh(), get(IIR)]).toEqual([true, LINE_STATUS]);
    expect([get(LSR), get(LSR), board.isHigh()]).toEqual([EMPTY | DR | bits, EMPTY | DR, false]);
  });

  it('shows an error in the FIFO when its character gets to the top', () => {
    const { board, get } = buffered();
    board.model.receive([1]);
    board.model.receive([2], 'parity');
    board.model.receive([3]);
    board.advance(3 * CHARACTER);
    expect(get(LSR)).toBe(EMPTY | DR | FIFO_ERROR);
    get(RBR);
    expect(get(LSR)).toBe(EMPTY | DR | FIFO_ERROR | PE);
    expect(get(LSR)).toBe(EMPTY | DR);
    expect([get(RBR), get(RBR), get(LSR)]).toEqual([2, 3, EMPTY]);
  });
});

describe('16550 FIFO control', () => {
  it('shows in IIR whether FIFOs are on', () => {
    const { get, set } = programmed();
    set(FCR, 1);
    expect(get(IIR)).toBe(FIFOS | NONE);
    set(FCR, 0);
    expect(get(IIR)).toBe(NONE);
  });

  it('empties the receiver by bit 1', () => {
    const { board, get, set } = buffered();
    set(IER, ERBFI);
    board.model.receive([1, 2, 3]);
    board.advance(3 * CHARACTER);
    set(FCR, 0x03);
    expect([get(LSR) & DR, board.isHigh(), board.isIdle()]).toEqual([0, false, true]);
  });

  it('empties the transmitter but not its shift register by bit 2', () => {
    const { board, sent, get, set } = buffered();
    for (const byte of [1, 2, 3]) set(THR, byte);
    set(FCR, 0x05);
    expect(get(LSR) & EMPTY).toBe(THRE);
    board.advance(10 * CHARACTER);
    expect(sent).toEqual([1]);
  });

  it('makes the transmitter ask for more when it is emptied', () => {
    const { board, set } = buffered();
    for (const byte of [1, 2]) set(THR, byte);
    set(IER, ETBEI);
    expect(board.isHigh()).toBe(false);
    set(FCR, 0x05);
    expect(board.isHigh()).toBe(true);
  });

  it('empties both when FIFOs are switched', () => {
    const { board, sent, get, set } = buffered();
    board.model.receive([1, 2]);
    board.advance(2 * CHARACTER);
    for (const byte of [7, 8, 9]) set(THR, byte);
    set(FCR, 0);
    expect(get(LSR) & DR).toBe(0);
    board.advance(10 * CHARACTER);
    expect(sent).toEqual([7]);
  });

  it('does not program the other bits without bit 0', () => {
    const { board, get, set } = buffered(1);
    set(IER, ERBFI);
    set(FCR, 0x00);
    set(FCR, 0xc6);
    set(FCR, 0x01);
    board.model.receive([1]);
    board.advance(CHARACTER);
    expect(get(IIR)).toBe(RECEIVED | FIFOS);
  });
});

describe('16550 modem status', () => {
  it('shows the lines and what has changed since the last read', () => {
    const { board, get } = programmed();
    board.model.setModem({ cts: false, dsr: false, dcd: false });
    expect([get(MSR), get(MSR)]).toEqual([0x0b, 0x00]);
    board.model.setModem({ cts: true });
    expect([get(MSR), get(MSR)]).toEqual([0x11, 0x10]);
  });

  it('takes the trailing edge of RI only', () => {
    const { board, get } = programmed();
    board.model.setModem({ ri: true });
    expect(get(MSR)).toBe(0xf0);
    board.model.setModem({ ri: false });
    expect([get(MSR), get(MSR)]).toEqual([0xb4, 0xb0]);
  });

  it('interrupts on a change until it is read', () => {
    const { board, get, set } = programmed();
    set(IER, EDSSI);
    board.model.setModem({ dcd: false });
    expect([board.isHigh(), get(IIR)]).toEqual([true, MODEM]);
    get(MSR);
    expect([board.isHigh(), get(IIR)]).toEqual([false, NONE]);
  });
});

describe('16550 interrupt priority', () => {
  it('is line status, received data, transmitter, modem', () => {
    const { board, get, set } = programmed();
    board.model.receive([1], 'parity');
    board.advance(CHARACTER);
    board.model.setModem({ cts: false });
    set(IER, 0x0f);
    expect(get(IIR)).toBe(LINE_STATUS);
    get(LSR);
    expect(get(IIR)).toBe(RECEIVED);
    get(RBR);
    expect(get(IIR)).toBe(TRANSMIT);
    expect(get(IIR)).toBe(MODEM);
    expect(board.isHigh()).toBe(true);
    get(MSR);
    expect([get(IIR), board.lineLog]).toEqual([NONE, ['0↑', '0↓']]);
  });

  it('does not count sources that are not enabled', () => {
    const { board, get, set } = programmed();
    board.model.receive([1], 'parity');
    board.advance(CHARACTER);
    board.model.setModem({ cts: false });
    expect([board.isHigh(), get(IIR)]).toEqual([false, NONE]);
    set(IER, EDSSI);
    expect(get(IIR)).toBe(MODEM);
    set(IER, 0);
    expect(board.isHigh()).toBe(false);
  });
});

describe('16550 loopback', () => {
  it('feeds the receiver from the transmitter and shows nothing outside', () => {
    const all = buffered();
    const { board, sent, set } = all;
    set(MCR, LOOP);
    for (const byte of count(5)) set(THR, byte);
    board.advance(5 * CHARACTER);
    expect([drain(all), sent]).toEqual([count(5), []]);
  });

  it('hears nothing from outside', () => {
    const { board, get, set } = programmed();
    set(MCR, LOOP);
    board.model.receive([1]);
    board.advance(2 * CHARACTER);
    expect(get(LSR) & DR).toBe(0);
  });

  it.each([
    ['DTR', 0x01, 0x20],
    ['RTS', 0x02, 0x10],
    ['OUT1', 0x04, 0x40],
    ['OUT2', 0x08, 0x80],
  ])('feeds the modem inputs from the outputs: %s', (_name, output, input) => {
    const { get, set } = programmed();
    set(MCR, LOOP | output);
    expect(get(MSR) & 0xf0).toBe(input);
  });

  it('gives modem interrupts by way of MCR', () => {
    const { board, get, set } = programmed();
    set(MCR, LOOP);
    get(MSR);
    set(IER, EDSSI);
    set(MCR, LOOP | 0x02);
    expect([board.isHigh(), get(MSR)]).toEqual([true, 0x11]);
  });
});

describe('16550 reset', () => {
  it('is back at power-on, with FIFOs empty, the line low and no timer', () => {
    const { board, sent, get, set } = buffered();
    set(IER, 0x0f);
    set(SCR, 0x55);
    board.model.receive(count(10));
    for (const byte of count(10)) set(THR, byte);
    board.advance(3.5 * CHARACTER);
    expect(board.isHigh()).toBe(true);
    board.model.reset();
    expect([board.isHigh(), board.isIdle()]).toEqual([false, true]);
    board.advance(100 * CHARACTER);
    expect(sent).toEqual([0, 1, 2]);
    expect([RBR, IER, IIR, LCR, MCR, LSR, SCR].map(get)).toEqual([0, 0, NONE, 0, 0, EMPTY, 0]);
  });

  it('can come before the model is on a board', () => {
    expect(() => new Ns16550().reset()).not.toThrow();
  });
});
