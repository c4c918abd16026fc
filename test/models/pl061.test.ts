import { describe, expect, it } from 'vitest';
import { Pl061 } from '../../host/sim/models';
import { Board, identification } from './fixture';

const GPIODATA_ALL = 0x3fc;
const GPIODIR = 0x400;
const GPIOIS = 0x404;
const GPIOIBE = 0x408;
const GPIOIEV = 0x40c;
const GPIOIE = 0x410;
const GPIORIS = 0x414;
const GPIOMIS = 0x418;
const GPIOIC = 0x41c;
const GPIOAFSEL = 0x420;

const dataOf = (pins: number) => pins << 2;

function plugged(): Board<Pl061> {
  return new Board(new Pl061());
}

function withListener() {
  const seen: string[] = [];
  const show = (high: boolean | undefined) => (high === undefined ? 'z' : high ? '1' : '0');
  const board = new Board(new Pl061({ onOutput: (pin, high) => seen.push(`${pin}${show(high)}`) }));
  return { board, seen };
}

describe('PL061 pins', () => {
  it('are inputs, and all registers zero, at power-on', () => {
    const board = plugged();
    for (let offset = GPIODIR; offset <= GPIOAFSEL; offset += 4) {
      expect(board.read(offset)).toBe(0);
    }
    expect(board.model.output(0)).toBeUndefined();
  });

  it('read as what the outside applies', () => {
    const board = plugged();
    board.model.setPin(0, true);
    board.model.setPin(7, true);
    expect(board.read(GPIODATA_ALL)).toBe(0x81);
    board.model.setPin(0, false);
    expect(board.read(GPIODATA_ALL)).toBe(0x80);
  });

  it('show only where the address of GPIODATA has a one', () => {
    const board = plugged();
    for (let pin = 0; pin < 8; pin++) board.model.setPin(pin, true);
    for (let mask = 0; mask < 256; mask++) expect(board.read(dataOf(mask))).toBe(mask);
  });

  it('change only where the address of GPIODATA has a one', () => {
    const board = plugged();
    board.write(GPIODIR, 0xff);
    board.write(GPIODATA_ALL, 0xa5);
    board.write(dataOf(0x0f), 0xf0);
    expect(board.read(GPIODATA_ALL)).toBe(0xa0);
    board.write(dataOf(0x00), 0xff);
    expect(board.read(GPIODATA_ALL)).toBe(0xa0);
  });

  it('read as what was written when they are outputs, whatever the outside does', () => {
    const board = plugged();
    board.write(GPIODIR, 0x0f);
    board.write(GPIODATA_ALL, 0x05);
    board.model.setPin(1, true);
    board.model.setPin(4, true);
    expect(board.read(GPIODATA_ALL)).toBe(0x15);
  });

  it('keep a value written before they become outputs', () => {
    const board = plugged();
    board.write(GPIODATA_ALL, 0x02);
    expect(board.read(GPIODATA_ALL)).toBe(0);
    board.write(GPIODIR, 0x02);
    expect([board.read(GPIODATA_ALL), board.model.output(1)]).toEqual([0x02, true]);
  });

  it('tell the listener about every change and nothing else', () => {
    const { board, seen } = withListener();
    board.write(GPIODATA_ALL, 0xff);
    board.write(GPIODIR, 0x03);
    board.write(dataOf(0x01), 0x00);
    board.write(dataOf(0x01), 0x00);
    board.write(GPIODIR, 0x01);
    expect(seen).toEqual(['01', '11', '00', '1z']);
  });

  it('are released when they are put under hardware control', () => {
    const { board, seen } = withListener();
    board.write(GPIODIR, 0x04);
    board.write(GPIOAFSEL, 0x04);
    expect([board.read(GPIOAFSEL), board.model.output(2), seen]).toEqual([
      0x04,
      undefined,
      ['20', '2z'],
    ]);
  });

  it('are eight', () => {
    const { model } = plugged();
    for (const pin of [-1, 8, 1.5, Number.NaN]) {
      expect(() => model.setPin(pin, true)).toThrow('0 … 7');
    }
  });
});

describe('PL061 interrupts', () => {
  it('latch a rising edge until it is cleared', () => {
    const board = plugged();
    board.write(GPIOIEV, 0x08);
    board.write(GPIOIE, 0x08);
    board.model.setPin(3, true);
    board.model.setPin(3, false);
    expect([board.isHigh(), board.read(GPIORIS), board.read(GPIOMIS)]).toEqual([true, 8, 8]);
    board.write(GPIOIC, 0x08);
    expect([board.isHigh(), board.read(GPIORIS)]).toEqual([false, 0]);
  });

  it('take a falling edge when GPIOIEV is 0', () => {
    const board = plugged();
    board.write(GPIOIE, 0x01);
    board.model.setPin(0, true);
    expect(board.isHigh()).toBe(false);
    board.model.setPin(0, false);
    expect(board.isHigh()).toBe(true);
  });

  it('take both edges when GPIOIBE says so, whatever GPIOIEV', () => {
    const board = plugged();
    board.write(GPIOIBE, 0x03);
    board.write(GPIOIEV, 0x02);
    board.write(GPIOIE, 0x03);
    for (const high of [true, false]) {
      for (const pin of [0, 1]) board.model.setPin(pin, high);
      expect(board.read(GPIOMIS)).toBe(0x03);
      board.write(GPIOIC, 0x03);
    }
    expect(board.lineLog).toEqual(['0↑', '0↓', '0↑', '0↓']);
  });

  it('see no edge when a pin is set to the level it has', () => {
    const board = plugged();
    board.write(GPIOIBE, 0x01);
    board.model.setPin(0, false);
    expect(board.read(GPIORIS)).toBe(0);
  });

  it('follow a high level and cannot be cleared while it lasts', () => {
    const board = plugged();
    board.write(GPIOIS, 0x10);
    board.write(GPIOIEV, 0x10);
    board.write(GPIOIE, 0x10);
    board.model.setPin(4, true);
    board.write(GPIOIC, 0xff);
    expect([board.isHigh(), board.read(GPIOMIS)]).toEqual([true, 0x10]);
    board.model.setPin(4, false);
    expect([board.isHigh(), board.read(GPIORIS)]).toEqual([false, 0]);
  });

  it('follow a low level when GPIOIEV is 0', () => {
    const board = plugged();
    board.model.setPin(5, true);
    board.write(GPIOIS, 0x20);
    board.write(GPIOIE, 0x20);
    expect(board.isHigh()).toBe(false);
    board.model.setPin(5, false);
    expect(board.isHigh()).toBe(true);
    board.write(GPIOIEV, 0x20);
    expect(board.isHigh()).toBe(false);
  });

  it('show masked ones in GPIORIS only', () => {
    const board = plugged();
    board.write(GPIOIEV, 0xff);
    for (const pin of [1, 6]) board.model.setPin(pin, true);
    board.write(GPIOIE, 0x40);
    expect([board.read(GPIORIS), board.read(GPIOMIS), board.isHigh()]).toEqual([0x42, 0x40, true]);
    board.write(GPIOIE, 0x00);
    expect(board.isHigh()).toBe(false);
  });

  it('keep the line high until the last pin is cleared', () => {
    const board = plugged();
    board.write(GPIOIEV, 0xff);
    board.write(GPIOIE, 0xff);
    for (const pin of [0, 1]) board.model.setPin(pin, true);
    board.write(GPIOIC, 0x01);
    expect([board.isHigh(), board.read(GPIOMIS)]).toEqual([true, 0x02]);
    board.write(GPIOIC, 0x02);
    expect(board.lineLog).toEqual(['0↑', '0↓']);
  });

  it('do not look at outputs', () => {
    const board = plugged();
    board.write(GPIODIR, 0x03);
    board.write(GPIOIS, 0x02);
    board.write(GPIOIEV, 0x03);
    board.write(GPIOIE, 0x03);
    for (const pin of [0, 1]) board.model.setPin(pin, true);
    expect([board.read(GPIORIS), board.isHigh()]).toEqual([0, false]);
  });

  it('forget edges of a pin that becomes level sensitive', () => {
    const board = plugged();
    board.write(GPIOIEV, 0x01);
    board.model.setPin(0, true);
    board.model.setPin(0, false);
    board.write(GPIOIS, 0x01);
    expect(board.read(GPIORIS)).toBe(0);
    board.write(GPIOIS, 0x00);
    expect(board.read(GPIORIS)).toBe(0);
  });

  it('make no edges of their own when they are reprogrammed', () => {
    const board = plugged();
    board.model.setPin(0, true);
    for (const offset of [GPIOIEV, GPIOIBE, GPIODIR, GPIOIS]) {
      board.write(offset, 0x01);
      board.write(offset, 0x00);
    }
    expect(board.read(GPIORIS)).toBe(0);
  });

  it('can be handled from inside the rising line', () => {
    const board = plugged();
    board.write(GPIOIEV, 0x01);
    board.write(GPIOIE, 0x01);
    board.onLine = (_line, high) => {
      if (high) board.write(GPIOIC, 0x01);
    };
    board.model.setPin(0, true);
    expect([board.isHigh(), board.lineLog]).toEqual([false, ['0↑', '0↓']]);
  });
});

describe('PL061 registers', () => {
  it('identify it as a PL061', () => {
    const expected = [0x61, 0x10, 0x04, 0x00, 0x0d, 0xf0, 0x05, 0xb1];
    expect(identification(plugged())).toEqual(expected);
  });

  it('have eight bits', () => {
    const board = plugged();
    for (const offset of [GPIODIR, GPIOIS, GPIOIBE, GPIOIEV, GPIOIE, GPIOAFSEL]) {
      board.write(offset, 0xffffff5a);
      expect([board.read(offset), board.read(offset, 1), board.read(offset + 1, 1)]).toEqual([
        0x5a, 0x5a, 0,
      ]);
    }
  });

  it('ignore writes beside their byte', () => {
    const board = plugged();
    board.write(GPIODIR, 0x0f);
    board.write(GPIODIR + 1, 0xff, 1);
    board.write(GPIODATA_ALL + 2, 0xffff, 2);
    expect([board.read(GPIODIR), board.read(GPIODATA_ALL)]).toEqual([0x0f, 0]);
    board.write(GPIODATA_ALL, 0x03, 1);
    expect(board.read(GPIODATA_ALL)).toBe(0x03);
  });

  it('ignore writes when they are read-only, and read 0 when they are write-only', () => {
    const board = plugged();
    for (const offset of [GPIORIS, GPIOMIS, 0x424, 0xfd0, 0xfe4]) board.write(offset, 0xff);
    expect([GPIORIS, GPIOMIS, GPIOIC, 0x424, 0xfd0].map((offset) => board.read(offset))).toEqual([
      0, 0, 0, 0, 0,
    ]);
  });

  it('are back at power-on after a reset, with pins released and the line low', () => {
    const { board, seen } = withListener();
    board.write(GPIODIR, 0x01);
    board.write(GPIODATA_ALL, 0x01);
    board.write(GPIOIEV, 0x80);
    board.write(GPIOIE, 0x80);
    board.model.setPin(7, true);
    board.model.reset();
    expect(board.isHigh()).toBe(false);
    for (let offset = GPIODIR; offset <= GPIOAFSEL; offset += 4) {
      expect(board.read(offset)).toBe(0);
    }
    expect([seen, board.read(GPIODATA_ALL)]).toEqual([['00', '01', '0z'], 0x80]);
  });
});
