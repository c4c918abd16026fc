import { describe, expect, it } from 'vitest';
import { MemoryDevice, type MemoryDeviceOptions } from '../../host/sim/models';
import { Board } from './fixture';

const DOORBELL = 0x00;
const LEVELS = 0x04;
const CLEAR = 0x08;

const plugged = (options: MemoryDeviceOptions = {}) => new Board(new MemoryDevice(options));

function withDoorbell(lines: readonly ('edge' | 'level')[]) {
  const board = plugged({ lines, doorbell: true });
  const region = board.model.doorbellRegion as number;
  return {
    board,
    ring: (bits: number) => board.model.write(region, DOORBELL, 4, bits),
    clear: (bits: number) => board.model.write(region, CLEAR, 4, bits),
    levels: () => board.model.read(region, LEVELS, 4),
  };
}

describe('memory device regions', () => {
  it('are one page and one level line unless told otherwise', () => {
    const { model } = plugged();
    expect([model.regions.length, model.regions[0]?.size, model.irqs]).toEqual([
      1,
      4096,
      [{ trigger: 'level' }],
    ]);
    expect([model.resettable, model.doorbellRegion]).toEqual([true, undefined]);
  });

  it('are bytes, little endian at every width', () => {
    const board = plugged();
    board.write(8, 0xfedcba98);
    board.write(12, 0x1234, 2);
    board.write(15, 0xff, 1);
    expect([...board.model.bytes(0).subarray(8, 16)]).toEqual([
      0x98, 0xba, 0xdc, 0xfe, 0x34, 0x12, 0x00, 0xff,
    ]);
    expect([board.read(8), board.read(10, 2), board.read(15, 1)]).toEqual([
      0xfedcba98, 0xfedc, 0xff,
    ]);
  });

  it('are the same bytes whether mapped or accessed', () => {
    const board = plugged();
    board.model.regions[0]?.memory?.set([1, 2, 3, 4], 100);
    expect(board.read(100)).toBe(0x04030201);
  });

  it('can be the bytes of the caller', () => {
    const memory = Uint8Array.of(1, 2, 3, 4);
    const board = plugged({ regions: [{ size: 4, memory }] });
    board.write(0, 0xff, 1);
    expect(memory[0]).toBe(0xff);
  });

  it('are where the kernel has moved them for a mapping', () => {
    const board = plugged({ regions: [{ size: 4, memory: Uint8Array.of(1, 2, 3, 4) }] });
    const window = Uint8Array.of(5, 6, 7, 8);
    board.model.regions[0]?.moveMemory?.(window);
    expect([board.read(0), board.model.bytes(0) === window]).toEqual([0x08070605, true]);
    board.write(0, 0xff, 1);
    expect(window[0]).toBe(0xff);
    board.model.reset();
    expect([...window]).toEqual([1, 2, 3, 4]);
  });

  it('must be as long as the bytes that are given', () => {
    expect(() => new MemoryDevice({ regions: [{ size: 8, memory: new Uint8Array(4) }] })).toThrow(
      '4 bytes',
    );
  });

  it('carry what the simulated kernel needs to know', () => {
    const sparse = [{ offset: 4096, size: 4096 }];
    const { model } = plugged({
      regions: [{ size: 0 }, { size: 8192, access: 'ro', mappable: false, sparse }],
    });
    expect(model.regions[0]?.size).toBe(0);
    expect(model.regions[1]).toMatchObject({ size: 8192, access: 'ro', mappable: false, sparse });
  });

  it('can be too big to hold, and then read 0', () => {
    const board = plugged({ regions: [{ size: 2 ** 40 - 1, memory: false }] });
    board.write(2 ** 39, 0xff);
    expect([board.read(2 ** 39), board.model.regions[0]?.memory]).toEqual([0, undefined]);
    expect(() => board.model.bytes(0)).toThrow('region 0');
  });

  it('read 0 and take nothing beyond their end', () => {
    const board = plugged({ regions: [{ size: 2 }] });
    board.write(0, 0xffffffff);
    expect([board.read(0), board.model.read(5, 0, 4)]).toEqual([0xffff, 0]);
    expect(() => board.model.write(5, 0, 4, 1)).not.toThrow();
  });
});

describe('memory device lines', () => {
  it('pulse by hand', () => {
    const board = plugged({ lines: ['edge', 'edge'] });
    board.model.pulse(1);
    expect(board.lineLog).toEqual(['1↑', '1↓']);
  });

  it('stay at a level by hand', () => {
    const board = plugged({ lines: ['level'] });
    board.model.setLevel(0);
    board.model.setLevel(0, true);
    expect([board.lineLog, board.model.isHigh(0)]).toEqual([['0↑'], true]);
    board.model.setLevel(0, false);
    expect([board.lineLog, board.model.isHigh(0)]).toEqual([['0↑', '0↓'], false]);
  });

  it('must exist', () => {
    expect(() => plugged({ lines: [] }).model.pulse(0)).toThrow('no line 0');
    expect(() => plugged().model.setLevel(1)).toThrow('no line 1');
  });

  it('need a board', () => {
    expect(() => new MemoryDevice().setLevel(0)).toThrow('not connected');
  });
});

describe('memory device doorbell', () => {
  it('is a region of its own after the memory', () => {
    const { model } = plugged({ regions: [{ size: 16 }, { size: 16 }], doorbell: true });
    expect([model.doorbellRegion, model.regions[2]]).toEqual([2, { size: 4096 }]);
  });

  it('pulses edge lines', () => {
    const { board, ring, levels } = withDoorbell(['edge', 'edge', 'edge']);
    ring(0b101);
    ring(0b100);
    expect([board.lineLog, levels()]).toEqual([['0↑', '0↓', '2↑', '2↓', '2↑', '2↓'], 0]);
  });

  it('raises level lines until they are cleared', () => {
    const { board, ring, clear, levels } = withDoorbell(['level', 'level']);
    ring(0b11);
    ring(0b11);
    expect([board.lineLog, levels()]).toEqual([['0↑', '1↑'], 0b11]);
    clear(0b01);
    expect([board.isHigh(0), board.isHigh(1), levels()]).toEqual([false, true, 0b10]);
  });

  it('clears no edge line and rings no line that does not exist', () => {
    const { board, ring, clear } = withDoorbell(['edge']);
    ring(0xfffffffe);
    clear(0xffffffff);
    expect(board.lineLog).toEqual([]);
  });

  it('reaches lines 0 to 31 only, bit 31 included', () => {
    const { board, ring, levels } = withDoorbell(
      Array.from({ length: 33 }, () => 'level' as const),
    );
    ring(0xffffffff);
    board.model.setLevel(32);
    expect([board.isHigh(31), levels()]).toEqual([true, 0xffffffff]);
    expect(board.lineLog.length).toBe(33);
  });

  it('reads 0 and does nothing elsewhere', () => {
    const { board, levels } = withDoorbell(['level']);
    board.model.setLevel(0);
    for (const offset of [LEVELS, 0x0c, 0xffc]) board.model.write(1, offset, 4, 0xffffffff);
    expect([DOORBELL, CLEAR, 0x0c].map((offset) => board.model.read(1, offset, 4))).toEqual([
      0, 0, 0,
    ]);
    expect(levels()).toBe(1);
  });

  it('shows each line as it is to a guest that runs at once', () => {
    const { board, ring, clear, levels } = withDoorbell(['level', 'level']);
    const seen: number[] = [];
    board.onLine = (line, high) => {
      if (!high) return;
      seen.push(levels());
      clear(1 << line);
    };
    ring(0b11);
    expect([seen, levels()]).toEqual([[0b01, 0b10], 0]);
  });
});

describe('memory device reset', () => {
  it('restores the first bytes and lowers the lines', () => {
    const board = plugged({
      regions: [{ size: 4 }, { size: 4, memory: Uint8Array.of(1, 2, 3, 4) }],
      lines: ['level', 'edge'],
    });
    board.write(0, 0xffffffff);
    board.model.write(1, 0, 4, 0xffffffff);
    board.model.setLevel(0);
    board.model.setLevel(1);
    board.model.reset();
    expect([board.read(0), board.model.read(1, 0, 4)]).toEqual([0, 0x04030201]);
    expect([board.isHigh(0), board.isHigh(1)]).toEqual([false, false]);
  });
});
