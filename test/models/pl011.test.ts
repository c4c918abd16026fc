import { describe, expect, it } from 'vitest';
import { Pl011 } from '../../host/sim/models';
import { Board, identification } from './fixture';

const UARTDR = 0x00;
const UARTRSR = 0x04;
const UARTECR = 0x04;
const UARTFR = 0x18;
const UARTILPR = 0x20;
const UARTIBRD = 0x24;
const UARTFBRD = 0x28;
const UARTLCR_H = 0x2c;
const UARTCR = 0x30;
const UARTIFLS = 0x34;
const UARTIMSC = 0x38;
const UARTRIS = 0x3c;
const UARTMIS = 0x40;
const UARTICR = 0x44;
const UARTDMACR = 0x48;

const FR_BUSY = 0x08;
const FR_RXFE = 0x10;
const FR_TXFF = 0x20;
const FR_RXFF = 0x40;
const FR_TXFE = 0x80;

const EIGHT_BITS = 0x60;
const FIFOS = 0x10;

const UARTEN = 0x001;
const LBE = 0x080;
const TXE = 0x100;
const RXE = 0x200;
const ON = UARTEN | TXE | RXE;

const RI = 0x001;
const CTS = 0x002;
const DCD = 0x004;
const DSR = 0x008;
const RX = 0x010;
const TX = 0x020;
const RT = 0x040;
const FE = 0x080;
const PE = 0x100;
const BE = 0x200;
const OE = 0x400;
const MODEM = RI | CTS | DCD | DSR;

/** With a 16 MHz clock and IBRD = 1, as in all tests here. */
const BIT = 1000;
const CHARACTER = 10 * BIT;

function off() {
  const sent: number[] = [];
  const board = new Board(new Pl011({ clockHz: 16e6, onTransmit: (byte) => sent.push(byte) }));
  return { board, sent };
}

/** 8N1 at 1 Mbit/s, everything on. */
function on(lineControl = EIGHT_BITS | FIFOS, control = ON) {
  const { board, sent } = off();
  board.write(UARTIBRD, 1);
  board.write(UARTLCR_H, lineControl);
  board.write(UARTCR, control);
  return { board, sent };
}

const text = (characters: string) => new TextEncoder().encode(characters);
const count = (length: number) => Array.from({ length }, (_, index) => index);

function drain(board: Board<Pl011>): number[] {
  const words: number[] = [];
  while (!(board.read(UARTFR) & FR_RXFE)) words.push(board.read(UARTDR));
  return words;
}

describe('PL011 registers', () => {
  it('have the reset values of the manual', () => {
    const { board } = off();
    const offsets = [
      UARTDR,
      UARTRSR,
      UARTILPR,
      UARTIBRD,
      UARTFBRD,
      UARTLCR_H,
      UARTCR,
      UARTIFLS,
      UARTIMSC,
      UARTRIS,
      UARTMIS,
      UARTICR,
      UARTDMACR,
    ];
    expect(offsets.map((offset) => board.read(offset))).toEqual([
      0, 0, 0, 0, 0, 0, 0x300, 0x12, 0, 0, 0, 0, 0,
    ]);
    expect(board.read(UARTFR) & 0xf8).toBe(FR_TXFE | FR_RXFE);
  });

  it('identify it as a PL011 with FIFOs of 16', () => {
    const expected = [0x11, 0x10, 0x24, 0x00, 0x0d, 0xf0, 0x05, 0xb1];
    expect(identification(off().board)).toEqual(expected);
  });

  it.each([
    ['UARTILPR', UARTILPR, 0xff],
    ['UARTIBRD', UARTIBRD, 0xffff],
    ['UARTFBRD', UARTFBRD, 0x3f],
    ['UARTLCR_H', UARTLCR_H, 0xff],
    ['UARTCR', UARTCR, 0xff87],
    ['UARTIFLS', UARTIFLS, 0x3f],
    ['UARTIMSC', UARTIMSC, 0x7ff],
    ['UARTDMACR', UARTDMACR, 0x7],
  ])('hold just their own bits: %s', (_name, offset, bits) => {
    const { board } = off();
    board.write(offset, 0xffffffff);
    expect([board.read(offset), board.read(offset, 2), board.read(offset, 1)]).toEqual([
      bits,
      bits & 0xffff,
      bits & 0xff,
    ]);
  });

  it('take narrow writes in their lanes', () => {
    const { board } = off();
    board.write(UARTIBRD, 0x1234, 2);
    board.write(UARTIBRD + 1, 0xab, 1);
    expect(board.read(UARTIBRD)).toBe(0xab34);
  });

  it('ignore writes when they are read-only or absent', () => {
    const { board } = off();
    const before = board.read(UARTFR);
    for (const offset of [UARTFR, UARTRIS, UARTMIS, 0x4c, 0x80, 0xfe0]) board.write(offset, 0xffff);
    expect([UARTFR, UARTRIS, UARTMIS, 0x4c, 0x80].map((offset) => board.read(offset))).toEqual([
      before,
      0,
      0,
      0,
      0,
    ]);
  });

  it('send nothing by a byte write beside the data byte', () => {
    const { board } = on();
    board.write(UARTDR + 1, 0x41, 1);
    expect(board.read(UARTFR) & FR_BUSY).toBe(0);
  });

  it('refuse a clock that stands still', () => {
    expect(() => new Pl011({ clockHz: 0 })).toThrow('clockHz');
  });
});

describe('PL011 transmitter', () => {
  it('sends a character in ten bit times', () => {
    const { board, sent } = on();
    board.write(UARTDR, 0x41);
    expect(board.read(UARTFR) & FR_BUSY).toBe(FR_BUSY);
    board.advance(CHARACTER - 1);
    expect(sent).toEqual([]);
    board.advance(1);
    expect([sent, board.read(UARTFR) & FR_BUSY, board.isIdle()]).toEqual([[0x41], 0, true]);
  });

  it('sends what is in the FIFO one after the other', () => {
    const { board, sent } = on();
    for (const byte of text('hello')) board.write(UARTDR, byte);
    board.advance(5 * CHARACTER - 1);
    expect(sent.length).toBe(4);
    board.advance(1);
    expect(sent).toEqual([...text('hello')]);
  });

  it('has room for 16 beside the one being sent and drops the rest', () => {
    const { board, sent } = on();
    for (const byte of count(17)) board.write(UARTDR, byte);
    expect(board.read(UARTFR) & (FR_TXFF | FR_TXFE)).toBe(FR_TXFF);
    board.write(UARTDR, 99);
    board.advance(20 * CHARACTER);
    expect([sent, board.read(UARTFR) & (FR_TXFF | FR_TXFE)]).toEqual([count(17), FR_TXFE]);
  });

  it('has room for one without FIFOs', () => {
    const { board, sent } = on(EIGHT_BITS);
    for (const byte of [1, 2, 3]) board.write(UARTDR, byte);
    expect(board.read(UARTFR) & FR_TXFF).toBe(FR_TXFF);
    board.advance(5 * CHARACTER);
    expect(sent).toEqual([1, 2]);
  });

  it.each([
    ['5 data bits', 0x00, 7],
    ['6 data bits', 0x20, 8],
    ['7 data bits', 0x40, 9],
    ['parity', 0x62, 11],
    ['two stop bits', 0x68, 11],
    ['parity and two stop bits', 0x6a, 12],
  ])('counts bits: %s', (_name, lineControl, bits) => {
    const { board, sent } = on(lineControl);
    board.write(UARTDR, 0xff);
    board.advance(bits * BIT - 1);
    expect(sent).toEqual([]);
    board.advance(1);
    expect(sent).toEqual([2 ** (5 + (lineControl >> 5)) - 1]);
  });

  it('divides by IBRD and 64ths of FBRD', () => {
    const { board, sent } = off();
    board.write(UARTIBRD, 2);
    board.write(UARTFBRD, 32);
    board.write(UARTLCR_H, EIGHT_BITS);
    board.write(UARTCR, ON);
    board.write(UARTDR, 1);
    board.advance(2.5 * CHARACTER - 1);
    expect(sent).toEqual([]);
    board.advance(1);
    expect(sent).toEqual([1]);
  });

  it('takes over a baud rate with the next write of UARTLCR_H', () => {
    const { board, sent } = on();
    board.write(UARTIBRD, 10);
    board.write(UARTDR, 1);
    board.advance(CHARACTER);
    expect(sent).toEqual([1]);
    board.write(UARTLCR_H, EIGHT_BITS | FIFOS);
    board.write(UARTDR, 2);
    board.advance(9 * CHARACTER);
    expect(sent).toEqual([1]);
    board.advance(CHARACTER);
    expect(sent).toEqual([1, 2]);
  });

  it('works at divisor 1 when no baud rate was programmed', () => {
    const { board, sent } = off();
    board.write(UARTLCR_H, EIGHT_BITS);
    board.write(UARTCR, ON);
    board.write(UARTDR, 7);
    board.advance(CHARACTER);
    expect(sent).toEqual([7]);
  });

  it.each([
    ['the UART', RXE | TXE],
    ['the transmitter', UARTEN | RXE],
  ])('keeps data, busy, while %s is off', (_name, control) => {
    const { board, sent } = on(EIGHT_BITS | FIFOS, control);
    board.write(UARTDR, 5);
    board.advance(10 * CHARACTER);
    expect([sent, board.read(UARTFR) & FR_BUSY, board.isIdle()]).toEqual([[], FR_BUSY, true]);
    board.write(UARTCR, ON);
    board.advance(CHARACTER);
    expect(sent).toEqual([5]);
  });

  it('finishes the present character when it is switched off', () => {
    const { board, sent } = on();
    for (const byte of [1, 2]) board.write(UARTDR, byte);
    board.write(UARTCR, 0);
    board.advance(10 * CHARACTER);
    expect(sent).toEqual([1]);
  });

  it('waits for CTS when CTSEn is set', () => {
    const { board, sent } = on(EIGHT_BITS | FIFOS, ON | 0x8000);
    board.model.setModem({ cts: false });
    board.write(UARTDR, 5);
    board.advance(10 * CHARACTER);
    expect(sent).toEqual([]);
    board.model.setModem({ cts: true });
    board.advance(CHARACTER);
    expect(sent).toEqual([5]);
  });

  it('loses what waits in the FIFO when FEN is cleared', () => {
    const { board, sent } = on();
    for (const byte of [1, 2, 3]) board.write(UARTDR, byte);
    board.write(UARTLCR_H, EIGHT_BITS);
    expect(board.read(UARTFR) & FR_TXFE).toBe(FR_TXFE);
    board.advance(10 * CHARACTER);
    expect(sent).toEqual([1]);
  });
});

describe('PL011 transmit interrupt', () => {
  it('does not come by enabling it over an empty FIFO', () => {
    const { board } = on();
    board.write(UARTIMSC, TX);
    expect([board.read(UARTRIS), board.isHigh()]).toEqual([0, false]);
  });

  it.each([
    [0, 2],
    [1, 4],
    [2, 8],
    [3, 12],
    [4, 14],
    [7, 14],
  ])('comes when the FIFO falls to the level that TXIFLSEL %i names: %i', (select, level) => {
    const { board } = on();
    board.write(UARTIFLS, select);
    board.write(UARTIMSC, TX);
    for (const byte of count(17)) board.write(UARTDR, byte);
    board.advance((16 - level) * CHARACTER - 1);
    expect(board.isHigh()).toBe(false);
    board.advance(1);
    expect([board.isHigh(), board.read(UARTMIS)]).toEqual([true, TX]);
  });

  it('goes when the FIFO is filled above its level', () => {
    const { board } = on();
    board.write(UARTIFLS, 0);
    board.write(UARTIMSC, TX);
    for (const byte of count(4)) board.write(UARTDR, byte);
    board.advance(CHARACTER);
    expect(board.isHigh()).toBe(true);
    board.write(UARTDR, 9);
    expect(board.isHigh()).toBe(false);
  });

  it('goes by UARTICR and does not come back until the level is passed again', () => {
    const { board } = on();
    board.write(UARTIFLS, 0);
    board.write(UARTIMSC, TX);
    for (const byte of count(4)) board.write(UARTDR, byte);
    board.advance(CHARACTER);
    board.write(UARTICR, TX);
    board.advance(10 * CHARACTER);
    expect(board.lineLog).toEqual(['0↑', '0↓']);
  });

  it('comes without FIFOs when the holding register has become empty', () => {
    const { board } = on(EIGHT_BITS);
    board.write(UARTIMSC, TX);
    board.write(UARTDR, 1);
    expect(board.isHigh()).toBe(true);
    board.write(UARTDR, 2);
    expect(board.isHigh()).toBe(false);
    board.advance(CHARACTER);
    expect(board.isHigh()).toBe(true);
  });
});

describe('PL011 receiver', () => {
  it('gets characters one by one at the baud rate', () => {
    const { board } = on();
    board.model.receive(text('abc'));
    board.advance(CHARACTER - 1);
    expect(board.read(UARTFR) & FR_RXFE).toBe(FR_RXFE);
    board.advance(1);
    expect([board.read(UARTDR), board.read(UARTFR) & FR_RXFE]).toEqual([0x61, FR_RXFE]);
    board.advance(2 * CHARACTER);
    expect(drain(board)).toEqual([0x62, 0x63]);
  });

  it('reads 0 when there is nothing', () => {
    const { board } = on();
    expect([board.read(UARTDR), board.read(UARTRSR)]).toEqual([0, 0]);
  });

  it('pops the FIFO by a narrow read, too', () => {
    const { board } = on();
    board.model.receive([1, 2, 3]);
    board.advance(3 * CHARACTER);
    expect([board.read(UARTDR, 1), board.read(UARTDR, 2), board.read(UARTDR)]).toEqual([1, 2, 3]);
  });

  it('says full at 16', () => {
    const { board } = on();
    board.model.receive(count(15));
    board.advance(15 * CHARACTER);
    expect(board.read(UARTFR) & FR_RXFF).toBe(0);
    board.model.receive([15]);
    board.advance(CHARACTER);
    expect(board.read(UARTFR) & FR_RXFF).toBe(FR_RXFF);
    expect(drain(board)).toEqual(count(16));
  });

  it.each([
    ['the UART', RXE | TXE],
    ['the receiver', UARTEN | TXE],
  ])('hears nothing while %s is off', (_name, control) => {
    const { board } = on(EIGHT_BITS | FIFOS, control);
    board.model.receive([1, 2]);
    board.advance(2 * CHARACTER);
    board.write(UARTCR, ON);
    expect([board.read(UARTFR) & FR_RXFE, board.isIdle()]).toEqual([FR_RXFE, true]);
  });

  it('takes no more bits than a character has', () => {
    const { board } = on(0x40 | FIFOS);
    board.model.receive([0xff]);
    board.advance(CHARACTER);
    expect(board.read(UARTDR)).toBe(0x7f);
  });

  it('holds the sender back at its level when RTSEn is set', () => {
    const { board } = on(EIGHT_BITS | FIFOS, ON | 0x4000);
    board.model.receive(count(40));
    board.advance(100 * CHARACTER);
    expect([board.read(UARTRIS) & OE, board.isIdle()]).toEqual([0, true]);
    const seen: number[] = [];
    for (let round = 0; round < 40; round++) {
      seen.push(...drain(board));
      board.advance(CHARACTER);
    }
    expect(seen).toEqual(count(40));
  });

  it('copes with a long delivery', () => {
    const { board } = on();
    const seen: number[] = [];
    board.write(UARTIMSC, RX | RT);
    board.onLine = (_line, high) => {
      if (high) seen.push(...drain(board));
    };
    const bytes = Array.from({ length: 20_000 }, (_, index) => index & 0xff);
    board.model.receive(bytes);
    board.advance(20_010 * CHARACTER);
    expect(seen).toEqual(bytes);
  });

  it('loses what is in the FIFO when FEN is cleared', () => {
    const { board } = on();
    board.model.receive(count(8));
    board.advance(8 * CHARACTER);
    board.write(UARTIMSC, RX);
    expect(board.isHigh()).toBe(true);
    board.write(UARTLCR_H, EIGHT_BITS);
    expect([board.isHigh(), board.read(UARTFR) & FR_RXFE, board.isIdle()]).toEqual([
      false,
      FR_RXFE,
      true,
    ]);
  });
});

describe('PL011 receive interrupt', () => {
  it.each([
    [0, 2],
    [1, 4],
    [2, 8],
    [3, 12],
    [4, 14],
    [5, 14],
  ])('comes when the FIFO has the level that RXIFLSEL %i names: %i', (select, level) => {
    const { board } = on();
    board.write(UARTIFLS, select << 3);
    board.write(UARTIMSC, RX);
    board.model.receive(count(level));
    board.advance(level * CHARACTER - 1);
    expect(board.isHigh()).toBe(false);
    board.advance(1);
    expect([board.isHigh(), board.read(UARTMIS)]).toEqual([true, RX]);
  });

  it('goes when the FIFO has been read to below its level', () => {
    const { board } = on();
    board.write(UARTIFLS, 0);
    board.write(UARTIMSC, RX);
    board.model.receive([1, 2, 3]);
    board.advance(3 * CHARACTER);
    board.read(UARTDR);
    expect(board.isHigh()).toBe(true);
    board.read(UARTDR);
    expect(board.isHigh()).toBe(false);
  });

  it('goes by UARTICR though the data stays', () => {
    const { board } = on();
    board.write(UARTIFLS, 0);
    board.write(UARTIMSC, RX);
    board.model.receive([1, 2]);
    board.advance(2 * CHARACTER);
    board.write(UARTICR, RX);
    expect([board.isHigh(), drain(board)]).toEqual([false, [1, 2]]);
  });

  it('comes with each character without FIFOs', () => {
    const { board } = on(EIGHT_BITS);
    board.write(UARTIMSC, RX);
    board.model.receive([1, 2]);
    board.advance(CHARACTER);
    expect([board.isHigh(), board.read(UARTDR), board.isHigh()]).toEqual([true, 1, false]);
    board.advance(CHARACTER);
    expect([board.isHigh(), board.read(UARTDR), board.isHigh()]).toEqual([true, 2, false]);
  });

  it('is masked by UARTIMSC and not in UARTRIS', () => {
    const { board } = on();
    board.write(UARTIFLS, 0);
    board.model.receive([1, 2]);
    board.advance(2 * CHARACTER);
    expect([board.read(UARTRIS), board.read(UARTMIS), board.isHigh()]).toEqual([RX, 0, false]);
    board.write(UARTIMSC, RX);
    expect(board.isHigh()).toBe(true);
    board.write(UARTIMSC, 0);
    expect(board.isHigh()).toBe(false);
  });
});

describe('PL011 receive timeout', () => {
  it('comes 32 bit times after the last character', () => {
    const { board } = on();
    board.write(UARTIMSC, RT);
    board.model.receive([1]);
    board.advance(CHARACTER + 32 * BIT - 1);
    expect(board.isHigh()).toBe(false);
    board.advance(1);
    expect([board.isHigh(), board.read(UARTMIS), board.isIdle()]).toEqual([true, RT, true]);
  });

  it('is put off by every further character', () => {
    const { board } = on();
    board.write(UARTIMSC, RT);
    board.model.receive([1, 2, 3, 4]);
    board.advance(4 * CHARACTER + 32 * BIT - 1);
    expect(board.isHigh()).toBe(false);
    board.advance(1);
    expect(board.isHigh()).toBe(true);
  });

  it('stays until the last character has been read', () => {
    const { board } = on();
    board.write(UARTIMSC, RT);
    board.model.receive([1, 2]);
    board.advance(10 * CHARACTER);
    board.read(UARTDR);
    expect(board.isHigh()).toBe(true);
    board.read(UARTDR);
    expect(board.isHigh()).toBe(false);
  });

  it('does not come when the data was read in time', () => {
    const { board } = on();
    board.write(UARTIMSC, RT);
    board.model.receive([1]);
    board.advance(CHARACTER);
    board.read(UARTDR);
    expect(board.isIdle()).toBe(true);
  });

  it('comes again when a clear left data behind', () => {
    const { board } = on();
    board.write(UARTIMSC, RT);
    board.model.receive([1]);
    board.advance(10 * CHARACTER);
    board.write(UARTICR, RT);
    expect(board.isHigh()).toBe(false);
    board.advance(32 * BIT);
    expect(board.isHigh()).toBe(true);
    board.read(UARTDR);
    board.write(UARTICR, RT);
    expect([board.isHigh(), board.isIdle()]).toEqual([false, true]);
  });
});

describe('PL011 receive errors', () => {
  it('keep the FIFO, drop the newcomer and say so at once when it overruns', () => {
    const { board } = on();
    board.write(UARTIMSC, OE);
    board.model.receive(count(18));
    board.advance(16 * CHARACTER);
    expect([board.isHigh(), board.read(UARTRSR)]).toEqual([false, 0]);
    board.advance(2 * CHARACTER);
    expect([board.isHigh(), board.read(UARTMIS), board.read(UARTRSR)]).toEqual([true, OE, 0x8]);
    expect(drain(board)).toEqual(count(16));
  });

  it('mark the first character after an overrun', () => {
    const { board } = on();
    board.model.receive(count(17));
    board.advance(17 * CHARACTER);
    drain(board);
    board.model.receive([0x55, 0x66]);
    board.advance(2 * CHARACTER);
    expect(drain(board)).toEqual([0x855, 0x66]);
  });

  it('keep the overrun in UARTRSR until UARTECR is written with anything', () => {
    const { board } = on(EIGHT_BITS);
    board.model.receive([1, 2]);
    board.advance(2 * CHARACTER);
    expect([board.read(UARTDR), board.read(UARTRSR)]).toEqual([1, 0x8]);
    board.write(UARTECR, 0);
    expect(board.read(UARTRSR)).toBe(0);
  });

  it.each([
    ['framing', 0x1, FE],
    ['parity', 0x2, PE],
    ['break', 0x5, BE | FE],
  ] as const)('show with their character: %s', (condition, errors, interrupts) => {
    const { board } = on();
    board.model.receive([0x20]);
    board.model.receive([0x00], condition);
    board.advance(2 * CHARACTER);
    expect([board.read(UARTRIS) & (FE | PE | BE), board.read(UARTRSR)]).toEqual([interrupts, 0]);
    expect([board.read(UARTDR), board.read(UARTRSR)]).toEqual([0x20, 0]);
    expect([board.read(UARTDR), board.read(UARTRSR)]).toEqual([errors << 8, errors]);
    board.write(UARTICR, interrupts);
    expect(board.read(UARTRIS) & (FE | PE | BE)).toBe(0);
  });

  it('go from UARTRSR with the next good character', () => {
    const { board } = on();
    board.model.receive([1], 'parity');
    board.model.receive([2]);
    board.advance(2 * CHARACTER);
    drain(board);
    expect(board.read(UARTRSR)).toBe(0);
  });
});

describe('PL011 interrupt clear', () => {
  it('clears the ones that are written and no other', () => {
    const { board } = on();
    board.model.receive([1], 'framing');
    board.model.receive([2], 'parity');
    board.model.receive([3], 'break');
    board.advance(10 * CHARACTER);
    expect(board.read(UARTRIS)).toBe(RT | FE | PE | BE);
    board.write(UARTICR, PE);
    expect(board.read(UARTRIS)).toBe(RT | FE | BE);
    board.write(UARTICR, 0);
    expect(board.read(UARTRIS)).toBe(RT | FE | BE);
    board.write(UARTICR + 1, BE >> 8, 1);
    expect(board.read(UARTRIS)).toBe(RT | FE);
    board.write(UARTICR, 0xffffffff);
    expect(board.read(UARTRIS)).toBe(0);
  });

  it('keeps the line high while another interrupt waits', () => {
    const { board } = on();
    board.write(UARTIMSC, FE | RT);
    board.model.receive([1], 'framing');
    board.advance(10 * CHARACTER);
    board.write(UARTICR, FE);
    expect(board.isHigh()).toBe(true);
    board.read(UARTDR);
    expect(board.lineLog).toEqual(['0↑', '0↓']);
  });
});

describe('PL011 modem lines', () => {
  it('show in UARTFR', () => {
    const { board } = on();
    const status = () => board.read(UARTFR) & 0x107;
    expect(status()).toBe(0x007);
    board.model.setModem({ cts: false, dsr: false, dcd: false, ri: true });
    expect(status()).toBe(0x100);
    board.model.setModem({ dsr: true });
    expect(status()).toBe(0x102);
  });

  it('interrupt on every change', () => {
    const { board } = on();
    board.write(UARTIMSC, MODEM);
    board.model.setModem({ cts: false });
    expect([board.isHigh(), board.read(UARTMIS)]).toEqual([true, CTS]);
    board.write(UARTICR, CTS);
    board.model.setModem({ cts: false });
    expect(board.isHigh()).toBe(false);
    board.model.setModem({ cts: true, ri: true, dcd: false, dsr: false });
    expect(board.read(UARTMIS)).toBe(MODEM);
  });
});

describe('PL011 loopback', () => {
  it('feeds the receiver from the transmitter', () => {
    const { board } = on(EIGHT_BITS | FIFOS, ON | LBE);
    for (const byte of text('loop')) board.write(UARTDR, byte);
    board.advance(4 * CHARACTER);
    expect(drain(board)).toEqual([...text('loop')]);
  });

  it('hears nothing from outside', () => {
    const { board } = on(EIGHT_BITS | FIFOS, ON | LBE);
    board.model.receive([1, 2, 3]);
    board.advance(10 * CHARACTER);
    expect([drain(board), board.isIdle()]).toEqual([[], true]);
  });

  it('overruns like any receiver', () => {
    const { board } = on(EIGHT_BITS | FIFOS, ON | LBE);
    for (const byte of count(17)) board.write(UARTDR, byte);
    board.advance(17 * CHARACTER);
    expect([board.read(UARTRIS) & OE, drain(board)]).toEqual([OE, count(16)]);
  });

  it.each([
    ['DTR', 0x0400, 0x002],
    ['RTS', 0x0800, 0x001],
    ['Out1', 0x1000, 0x004],
    ['Out2', 0x2000, 0x100],
  ])('feeds the modem inputs from the outputs: %s', (_name, output, input) => {
    const { board } = on(EIGHT_BITS | FIFOS, ON | LBE);
    board.write(UARTICR, MODEM);
    board.write(UARTCR, ON | LBE | output);
    expect(board.read(UARTFR) & 0x107).toBe(input);
    expect(board.read(UARTRIS) & MODEM).not.toBe(0);
  });
});

describe('PL011 reset', () => {
  it('is back at power-on, with FIFOs empty, the line low and no timer', () => {
    const { board, sent } = on();
    board.write(UARTIMSC, 0x7ff);
    board.write(UARTIFLS, 0);
    board.model.receive(count(10));
    for (const byte of count(10)) board.write(UARTDR, byte);
    board.advance(8.5 * CHARACTER);
    expect(board.isHigh()).toBe(true);
    const sentBefore = sent.length;
    board.model.reset();
    expect([board.isHigh(), board.isIdle()]).toEqual([false, true]);
    board.advance(100 * CHARACTER);
    expect(sent.length).toBe(sentBefore);
    const offsets = [UARTDR, UARTRSR, UARTIBRD, UARTLCR_H, UARTCR, UARTIFLS, UARTIMSC, UARTRIS];
    expect(offsets.map((offset) => board.read(offset))).toEqual([0, 0, 0, 0, 0x300, 0x12, 0, 0]);
  });

  it('does not take the change back to the outside modem lines for an event', () => {
    const { board } = on(EIGHT_BITS, ON | LBE);
    board.model.reset();
    board.write(UARTCR, ON);
    expect(board.read(UARTRIS)).toBe(0);
  });
});
