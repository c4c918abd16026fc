import { describe, expect, it } from 'vitest';
import { DwApbUart, type DwApbUartOptions } from '../../host/sim/models';
import { Board } from './fixture';

const RBR = 0x00;
const THR = 0x00;
const DLL = 0x00;
const IER = 0x04;
const IIR = 0x08;
const FCR = 0x08;
const LCR = 0x0c;
const MCR = 0x10;
const LSR = 0x14;
const USR = 0x7c;
const TFL = 0x80;
const RFL = 0x84;
const DLF = 0xc0;
const CPR = 0xf4;
const UCV = 0xf8;
const CTR = 0xfc;

const BUSY = 1;
const TFNF = 2;
const TFE = 4;
const RFNE = 8;
const RFF = 16;
const BUSY_DETECT = 0x7;
const DLAB = 0x80;
const AFE_RTS = 0x22;

const BIT = 1000;
const CHARACTER = 10 * BIT;

/** 8N1 at 1 Mbit/s, FIFOs on with the given trigger bits. */
function uart(options: DwApbUartOptions = {}, trigger = 0) {
  const sent: number[] = [];
  const board = new Board(
    new DwApbUart({ clockHz: 16e6, onTransmit: (byte) => sent.push(byte), ...options }),
  );
  board.write(LCR, DLAB | 3);
  board.write(DLL, 1);
  board.write(LCR, 3);
  board.write(FCR, (trigger << 6) | 1);
  return { board, sent, model: board.model };
}

const count = (length: number) => Array.from({ length }, (_, index) => index);

describe('what the DW APB UART says of itself', () => {
  it('is version 4.02* of the component, with a 32-bit bus, flow control and FIFO levels', () => {
    const { board } = uart({ fifoDepth: 64 });
    expect(board.read(UCV)).toBe(0x3430322a);
    expect(board.read(CTR)).toBe(0x44570110);
    const cpr = board.read(CPR);
    expect(cpr & 3).toBe(2);
    expect(cpr & 0x10).toBe(0x10);
    expect(((cpr >> 16) & 0xff) * 16).toBe(64);
  });

  it('has no fractional divisor: DLF keeps nothing', () => {
    const { board } = uart();
    board.write(DLF, 0xffffffff);
    expect(board.read(DLF)).toBe(0);
  });

  it('takes FIFOs of 16 to 2048 characters', () => {
    expect(() => uart({ fifoDepth: 2048 })).not.toThrow();
    for (const fifoDepth of [0, 8, 24, 4096, Number.NaN]) {
      expect(() => uart({ fifoDepth })).toThrow('fifoDepth must be 16, 32, 64, … 2048');
    }
  });
});

describe('the registers of a 16550 in the DW APB UART', () => {
  it('lie 4 bytes apart and take accesses of 32 and of 8 bits', () => {
    const { board, sent } = uart();
    board.write(THR, 0x41);
    board.write(THR, 0x42, 1);
    board.advance(2 * CHARACTER);
    expect(sent).toEqual([0x41, 0x42]);
    expect(board.read(LSR) & 0x60).toBe(0x60);
    expect(board.read(LSR + 1, 1)).toBe(0);
  });

  it('bring the receive interrupt at 1, a quarter, a half and all but two of the FIFO', () => {
    const levels = [0, 1, 2, 3].map((trigger) => {
      const { board, model } = uart({ fifoDepth: 64 }, trigger);
      board.write(IER, 1);
      model.receive(count(64));
      for (let arrived = 1; ; arrived++) {
        board.advance(CHARACTER);
        if (board.isHigh()) return arrived;
      }
    });
    expect(levels).toEqual([1, 16, 32, 62]);
  });

  it('keep as many characters as the FIFO is deep', () => {
    const { board, model, sent } = uart({ fifoDepth: 128 });
    for (const byte of count(130)) board.write(THR, byte);
    board.advance(200 * CHARACTER);
    // One moved on into the shift register at once.
    expect(sent).toEqual(count(129));
    model.receive(count(129));
    board.advance(129 * CHARACTER);
    expect(board.read(LSR) & 2).toBe(2);
    const got = count(128).map(() => board.read(RBR));
    expect(got).toEqual(count(128));
  });
});

describe('USR and the levels of the DW APB UART', () => {
  it('say that it is idle at first', () => {
    expect(uart().board.read(USR)).toBe(TFNF | TFE);
  });

  it('say what is being sent', () => {
    const { board } = uart();
    for (const byte of count(17)) board.write(THR, byte);
    expect(board.read(USR)).toBe(BUSY);
    expect(board.read(TFL)).toBe(16);
    board.advance(CHARACTER);
    expect(board.read(TFL)).toBe(15);
    expect(board.read(USR)).toBe(BUSY | TFNF);
    board.advance(16 * CHARACTER);
    expect(board.read(USR)).toBe(TFNF | TFE);
  });

  it('say what has been received, and that one that arrives makes it busy', () => {
    const { board, model } = uart();
    model.receive(count(16));
    expect(board.read(USR)).toBe(BUSY | TFNF | TFE);
    board.advance(16 * CHARACTER);
    expect(board.read(USR)).toBe(BUSY | TFNF | TFE | RFNE | RFF);
    expect(board.read(RFL)).toBe(16);
    board.read(RBR);
    expect(board.read(RFL)).toBe(15);
    expect(board.read(USR)).toBe(BUSY | TFNF | TFE | RFNE);
  });
});

describe('busy detection of the DW APB UART', () => {
  it('drops a write to LCR while busy, and says so with an interrupt until USR is read', () => {
    const { board } = uart();
    board.write(THR, 1);
    board.write(LCR, 0);
    expect(board.read(LCR)).toBe(3);
    expect(board.isHigh()).toBe(true);
    expect(board.read(IIR) & 0x0f).toBe(BUSY_DETECT);
    expect(board.isHigh()).toBe(true);
    board.read(USR);
    expect(board.isHigh()).toBe(false);
    expect(board.read(IIR) & 0x0f).toBe(1);
    board.advance(CHARACTER);
    board.write(LCR, 0);
    expect(board.read(LCR)).toBe(0);
    expect(board.isHigh()).toBe(false);
  });

  it('is forced idle as drivers do it: FIFOs cleared, then the write is taken', () => {
    const { board, model } = uart();
    model.receive([1, 2]);
    board.advance(2 * CHARACTER);
    board.write(LCR, 0);
    expect(board.read(LCR)).toBe(3);
    board.write(FCR, 7);
    board.write(LCR, 0);
    expect(board.read(LCR)).toBe(0);
  });

  it('keeps the divisor while busy, without an interrupt', () => {
    const { board, model } = uart();
    board.write(LCR, DLAB | 3);
    model.receive([1]);
    board.write(DLL, 9);
    expect(board.read(DLL)).toBe(1);
    expect(board.isHigh()).toBe(false);
  });

  it('comes last: a received character is told before', () => {
    const { board, model } = uart();
    board.write(IER, 1);
    model.receive([1]);
    board.advance(CHARACTER);
    board.write(LCR, 0);
    expect(board.read(IIR) & 0x0f).toBe(4);
    board.read(RBR);
    expect(board.read(IIR) & 0x0f).toBe(BUSY_DETECT);
  });

  it('is forgotten at a reset', () => {
    const { board, model } = uart();
    board.write(THR, 1);
    board.write(LCR, 0);
    model.reset();
    expect(board.isHigh()).toBe(false);
  });
});

describe('automatic flow control of the DW APB UART', () => {
  it('stops the sender at the trigger level until the FIFO is empty, so that nothing is lost', () => {
    const { board, model } = uart({}, 2);
    board.write(MCR, AFE_RTS);
    model.receive(count(20));
    board.advance(100 * CHARACTER);
    expect(board.read(RFL)).toBe(8);
    for (const byte of count(7)) expect(board.read(RBR)).toBe(byte);
    board.advance(100 * CHARACTER);
    expect(board.read(RFL)).toBe(1);
    expect(board.read(RBR)).toBe(7);
    board.advance(8 * CHARACTER);
    expect(board.read(RFL)).toBe(8);
  });

  it('stops the sender while the driver keeps RTS away', () => {
    const { board, model } = uart();
    board.write(MCR, 0x20);
    model.receive([5]);
    board.advance(100 * CHARACTER);
    expect(board.read(RFL)).toBe(0);
    board.write(MCR, AFE_RTS);
    board.advance(CHARACTER);
    expect(board.read(RBR)).toBe(5);
  });

  it('waits for CTS before each character', () => {
    const { board, model, sent } = uart();
    board.write(MCR, AFE_RTS);
    board.write(THR, 1);
    board.write(THR, 2);
    model.setModem({ cts: false });
    board.advance(100 * CHARACTER);
    expect(sent).toEqual([1]);
    model.setModem({ cts: true });
    board.advance(CHARACTER);
    expect(sent).toEqual([1, 2]);
  });

  it('is off without bit 5 of MCR, and without FIFOs', () => {
    const { board, model } = uart();
    model.receive(count(20));
    board.advance(20 * CHARACTER);
    expect(board.read(LSR) & 2).toBe(2);
    board.write(FCR, 0);
    board.write(MCR, 0x20);
    model.receive([9]);
    board.advance(CHARACTER);
    expect(board.read(RBR)).toBe(9);
  });
});

describe('a clock that comes late', () => {
  /** A clock whose timers fire some time after they are due. */
  function late(byNs: number, options: DwApbUartOptions = {}) {
    const all = uart(options);
    const { clock } = all.board;
    const setTimer = clock.setTimer.bind(clock);
    clock.setTimer = (delayNs, fire) => setTimer(delayNs + byNs, fire);
    return all;
  }

  it('is caught up with: as many characters leave as should have by then', () => {
    const { board, sent } = late(7.5 * CHARACTER);
    for (const byte of count(16)) board.write(THR, byte);
    board.advance(8.5 * CHARACTER);
    expect(sent).toEqual(count(8));
    board.advance(8.5 * CHARACTER);
    expect(sent).toEqual(count(16));
  });

  it('delivers what should have arrived, but never so much that it is lost', () => {
    const { board, model } = late(40 * CHARACTER);
    model.receive(count(40));
    board.advance(41 * CHARACTER);
    expect(board.read(RFL)).toBe(16);
    expect(board.read(LSR) & 2).toBe(0);
    expect(count(16).map(() => board.read(RBR))).toEqual(count(16));
  });
});
