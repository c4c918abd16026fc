import { describe, expect, it } from 'vitest';
import type { ModelIrq, ModelRegion } from '../../host/sim/models/model';
import { primeCellId, WordRegisterModel } from '../../host/sim/models/registers';
import { Board } from './fixture';

class OneRegister extends WordRegisterModel {
  readonly compatible = [];
  readonly regions: readonly ModelRegion[] = [{ size: 0x1000 }];
  readonly irqs: readonly ModelIrq[] = [{ trigger: 'level' }];
  held = 0;
  reads = 0;
  lastWrite = { offset: 0, value: 0, strobes: 0 };

  reset(): void {
    this.held = 0;
  }

  raise(high: boolean): void {
    this.drive(0, high);
  }

  protected readWord(): number {
    this.reads++;
    return this.held;
  }

  protected writeWord(offset: number, value: number, strobes: number): void {
    this.lastWrite = { offset, value, strobes };
    this.held = this.merge(this.held, value, strobes);
  }
}

const plugged = () => new Board(new OneRegister());

describe('32-bit registers', () => {
  it('read whole and unsigned', () => {
    const board = plugged();
    board.write(0, 0xfedcba98);
    expect(board.read(0)).toBe(0xfedcba98);
  });

  it('give a narrow read the lane it asked for', () => {
    const board = plugged();
    board.write(0, 0xfedcba98);
    expect([0, 1, 2, 3].map((lane) => board.read(lane, 1))).toEqual([0x98, 0xba, 0xdc, 0xfe]);
    expect([0, 2].map((lane) => board.read(lane, 2))).toEqual([0xba98, 0xfedc]);
  });

  it('are read as a whole even by a narrow read', () => {
    const board = plugged();
    board.read(3, 1);
    expect(board.model.reads).toBe(1);
  });

  it('take a narrow write in its lane and keep the other bytes', () => {
    const board = plugged();
    board.write(0, 0x11223344);
    board.write(6, 0xaabb, 2);
    expect(board.model.lastWrite).toEqual({ offset: 4, value: 0xaabb0000, strobes: 0xffff0000 });
    board.write(3, 0xff, 1);
    expect(board.read(0)).toBe(0xffbb3344);
  });

  it('ignore bits of a value beyond the width of the write', () => {
    const board = plugged();
    board.write(0, 0xffff1234, 1);
    expect(board.read(0)).toBe(0x34);
  });

  it('are in region 0 only', () => {
    const board = plugged();
    board.model.write(1, 0, 4, 5);
    expect(board.read(0)).toBe(0);
    expect(board.model.read(1, 0, 4)).toBe(0);
  });

  it('tell the board about changes of a line only', () => {
    const board = plugged();
    for (const high of [false, true, true, false, false]) board.model.raise(high);
    expect(board.lineLog).toEqual(['0↑', '0↓']);
  });

  it('refuse to drive a line before they are on a board', () => {
    expect(() => new OneRegister().raise(true)).toThrow('not connected');
  });
});

describe('PrimeCell identification', () => {
  it('spells the peripheral id and B105F00D', () => {
    const bytes = Array.from({ length: 8 }, (_, index) =>
      primeCellId(0x12345678, 0xfe0 + 4 * index),
    );
    expect(bytes).toEqual([0x78, 0x56, 0x34, 0x12, 0x0d, 0xf0, 0x05, 0xb1]);
  });

  it('is nowhere else', () => {
    expect([0, 0xfdc, 0x1000].map((offset) => primeCellId(0xffffffff, offset))).toEqual([0, 0, 0]);
  });
});
