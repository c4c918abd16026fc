import { describe, expect, it } from 'vitest';
import { AlteraPs2, type AlteraPs2Options, Ps2Keyboard } from '../../host/sim/models';
import { Board } from './fixture';

const DATA = 0;
const CONTROL = 4;
const RE = 1;
const RI = 1 << 8;
const CE = 1 << 10;
const RVALID = 1 << 15;
const BYTE = 1e6;

const port = (options: AlteraPs2Options = {}) => new Board(new AlteraPs2(options));

/** Sends a byte to the keyboard and collects what it answers. */
function ask(board: Board, byte: number): number[] {
  board.write(DATA, byte);
  board.advance(10 * BYTE);
  const answer: number[] = [];
  for (let word = board.read(DATA); word & RVALID; word = board.read(DATA)) {
    answer.push(word & 0xff);
  }
  return answer;
}

describe('the PS/2 core', () => {
  it('has nothing to say at first', () => {
    const board = port();
    expect([board.read(DATA), board.read(CONTROL)]).toEqual([0, 0]);
  });

  it('receives bytes one after the other and counts what waits, with the one that is taken', () => {
    const board = port();
    board.model.send([0x11, 0x22]);
    board.advance(BYTE);
    expect(board.read(DATA)).toBe((1 << 16) | RVALID | 0x11);
    board.model.send([0x33]);
    board.advance(2 * BYTE);
    expect(board.read(DATA)).toBe((2 << 16) | RVALID | 0x22);
    expect(board.read(DATA)).toBe((1 << 16) | RVALID | 0x33);
    expect(board.read(DATA)).toBe(0);
  });

  it('raises its line while enabled data waits', () => {
    const board = port();
    board.model.send([1, 2]);
    board.advance(2 * BYTE);
    expect(board.isHigh()).toBe(false);
    board.write(CONTROL, RE);
    expect(board.read(CONTROL)).toBe(RE | RI);
    expect(board.isHigh()).toBe(true);
    board.read(DATA);
    expect(board.isHigh()).toBe(true);
    board.read(DATA);
    expect(board.isHigh()).toBe(false);
    board.model.send([3]);
    board.advance(BYTE);
    expect(board.isHigh()).toBe(true);
    board.write(CONTROL, 0);
    expect(board.isHigh()).toBe(false);
  });

  it('loses what finds 256 bytes waiting', () => {
    const board = port();
    board.model.send(Array(300).fill(7));
    board.advance(300 * BYTE);
    expect(board.read(DATA) >>> 16).toBe(256);
  });

  it('says by CE that nobody takes a command, or that one is still on its way', () => {
    const board = port();
    board.write(DATA, 0xff);
    board.advance(BYTE);
    expect(board.read(CONTROL)).toBe(CE);
    board.write(CONTROL, CE);
    expect(board.read(CONTROL)).toBe(CE);
    board.write(CONTROL, 0);
    expect(board.read(CONTROL)).toBe(0);
    const keyboard = port({ peripheral: new Ps2Keyboard() });
    keyboard.write(DATA, 0xee);
    keyboard.write(DATA, 0xee);
    expect(keyboard.read(CONTROL)).toBe(CE);
  });

  it('cuts everything off at a reset', () => {
    const board = port({ peripheral: new Ps2Keyboard() });
    board.write(CONTROL, RE);
    board.model.send([1, 2]);
    board.advance(BYTE);
    board.write(DATA, 0xff);
    board.model.reset();
    expect(board.isHigh()).toBe(false);
    expect(board.isIdle()).toBe(true);
    expect(board.read(DATA)).toBe(0);
  });

  it('refuses a wire without time', () => {
    expect(() => port({ byteNs: 0 })).toThrow('byteNs must be greater than 0, got 0');
  });
});

describe('the PS/2 keyboard', () => {
  it('answers what hosts ask: reset, id, echo, enable, disable, rate, set', () => {
    const keyboard = new Ps2Keyboard();
    const board = port({ peripheral: keyboard });
    expect(ask(board, 0xff)).toEqual([0xfa, 0xaa]);
    expect(ask(board, 0xf2)).toEqual([0xfa, 0xab, 0x83]);
    expect(ask(board, 0xee)).toEqual([0xee]);
    expect(ask(board, 0xf5)).toEqual([0xfa]);
    expect(keyboard.enabled).toBe(false);
    expect(ask(board, 0xf4)).toEqual([0xfa]);
    expect(keyboard.enabled).toBe(true);
    expect([ask(board, 0xf3), ask(board, 0)]).toEqual([[0xfa], [0xfa]]);
    expect([ask(board, 0xf0), ask(board, 0)]).toEqual([[0xfa], [0xfa, 2]]);
    expect([ask(board, 0xf0), ask(board, 3)]).toEqual([[0xfa], [0xfe]]);
  });

  it('sends the codes of keys, with prefixes, unless it is disabled', () => {
    const keyboard = new Ps2Keyboard();
    const board = port({ peripheral: keyboard });
    keyboard.key(0x1c, true);
    keyboard.key(0x1c, false);
    keyboard.key(0xe075, true);
    keyboard.key(0xe075, false);
    board.advance(20 * BYTE);
    const codes = Array.from({ length: 8 }, () => board.read(DATA) & 0xff);
    expect(codes).toEqual([0x1c, 0xf0, 0x1c, 0xe0, 0x75, 0xe0, 0xf0, 0x75]);
    ask(board, 0xf5);
    keyboard.key(0x1c, true);
    board.advance(BYTE);
    expect(board.read(DATA)).toBe(0);
  });

  it('shows the lights that the host sets', () => {
    const keyboard = new Ps2Keyboard();
    const board = port({ peripheral: keyboard });
    ask(board, 0xed);
    ask(board, 0x05);
    expect(keyboard.leds).toBe(5);
  });

  it('asks again for what it does not know', () => {
    expect(ask(port({ peripheral: new Ps2Keyboard() }), 0x12)).toEqual([0xfe]);
  });

  it('forgets what it was about to send when a command comes', () => {
    const board = port({ peripheral: new Ps2Keyboard() });
    board.model.send([0x1c, 0x1c, 0x1c, 0x1c]);
    expect(ask(board, 0xf2)).toEqual([0x1c, 0xfa, 0xab, 0x83]);
  });
});
