import { describe, expect, it } from 'vitest';
import { DmaEngine, type DmaEngineOptions } from '../../host/sim/models';
import { Board, FakeDma } from './fixture';

const ID = 0x00;
const CONTROL = 0x04;
const STATUS = 0x08;
const MODE = 0x0c;
const SOURCE_LO = 0x10;
const SOURCE_HI = 0x14;
const DEST_LO = 0x18;
const DEST_HI = 0x1c;
const LENGTH = 0x20;
const PROGRESS = 0x24;
const ERROR_CODE = 0x28;
const FAULT_LO = 0x30;
const FAULT_HI = 0x34;
const INT_STATUS = 0x38;
const INT_ENABLE = 0x3c;
const INT_MASKED = 0x40;

const START = 1;
const ABORT = 2;
const BUSY = 1;
const DONE = 2;
const ERROR = 4;
const ABORTED = 8;
const COMPLETE_INT = 1;
const ERROR_INT = 2;

const SOURCE_FAULT = 1;
const DESTINATION_FAULT = 2;
const BAD_MODE = 3;

const TO_DEVICE = 1;
const FROM_DEVICE = 2;

const BASE = 0x1000;

function engine(options: DmaEngineOptions = {}, dma = new FakeDma(BASE, 0x8000)) {
  for (let index = 0; index < 0x4000; index++)
    dma.memory[index] = (index * 7 + (index >> 8)) & 0xff;
  return new Board(new DmaEngine(options), dma);
}

interface Copy {
  mode?: number;
  source?: bigint | number;
  destination?: bigint | number;
  length: number;
}

function start(board: Board, { mode = 0, source = 0, destination = 0, length }: Copy): void {
  const half = (value: bigint | number, shift: bigint) =>
    Number(BigInt.asUintN(32, BigInt(value) >> shift));
  board.write(MODE, mode);
  board.write(SOURCE_LO, half(source, 0n));
  board.write(SOURCE_HI, half(source, 32n));
  board.write(DEST_LO, half(destination, 0n));
  board.write(DEST_HI, half(destination, 32n));
  board.write(LENGTH, length);
  board.write(CONTROL, START);
}

const bytesAt = ({ dma }: Board, iova: number, length: number) =>
  dma.memory.slice(iova - BASE, iova - BASE + length);

const faultAddress = (board: Board) =>
  (BigInt(board.read(FAULT_HI)) << 32n) | BigInt(board.read(FAULT_LO));

describe('DMA engine registers', () => {
  it('are zero at power-on, except ID', () => {
    const board = engine();
    expect(board.read(ID)).toBe(0x31414d44);
    for (let offset = CONTROL; offset <= 0x44; offset += 4) expect(board.read(offset)).toBe(0);
  });

  it('hold addresses and length, all bits and byte by byte', () => {
    const board = engine();
    for (const offset of [SOURCE_LO, SOURCE_HI, DEST_LO, DEST_HI, LENGTH]) {
      board.write(offset, 0xffffffff);
      board.write(offset + 2, 0x12, 1);
      expect([board.read(offset), board.read(offset + 2, 2)]).toEqual([0xff12ffff, 0xff12]);
    }
  });

  it('hold just their own bits', () => {
    const board = engine();
    for (const offset of [MODE, INT_ENABLE]) {
      board.write(offset, 0xffffffff);
      expect(board.read(offset)).toBe(3);
    }
  });

  it('ignore writes when they are read-only', () => {
    const board = engine();
    for (const offset of [ID, STATUS, PROGRESS, ERROR_CODE, FAULT_LO, INT_STATUS, INT_MASKED]) {
      board.write(offset, 0xffffffff);
    }
    expect(
      [STATUS, PROGRESS, ERROR_CODE, FAULT_LO, INT_STATUS].map((at) => board.read(at)),
    ).toEqual([0, 0, 0, 0, 0]);
  });

  it('start nothing by a byte write beside START', () => {
    const board = engine();
    board.write(CONTROL + 1, 0xff, 1);
    expect(board.read(STATUS)).toBe(0);
  });

  it.each([
    ['nsPerByte', { nsPerByte: 0 }],
    ['burstBytes', { burstBytes: 3000 }],
    ['burstBytes', { burstBytes: 8192 }],
    ['bufferBytes', { bufferBytes: 0 }],
  ])('come with checked options: %s', (name, options) => {
    expect(() => new DmaEngine(options)).toThrow(name);
  });
});

describe('DMA engine buffer', () => {
  it('is region 1, plain memory that can be mapped', () => {
    const { model } = engine({ bufferBytes: 8192 });
    expect(model.regions[1]).toMatchObject({ size: 8192, memory: model.buffer });
    model.write(1, 4, 4, 0x89abcdef);
    expect([model.read(1, 4, 4), model.read(1, 6, 2), model.read(1, 7, 1)]).toEqual([
      0x89abcdef, 0x89ab, 0x89,
    ]);
    expect([...model.buffer.subarray(4, 8)]).toEqual([0xef, 0xcd, 0xab, 0x89]);
  });
});

describe('DMA engine buffer in a mapped window', () => {
  it('is where the kernel has moved it', () => {
    const board = engine();
    const window = new Uint8Array(4096);
    board.model.regions[1]?.moveMemory?.(window);
    board.model.write(1, 0, 1, 0x55);
    start(board, { mode: TO_DEVICE, source: 0x1001, destination: 4, length: 2 });
    board.advance(2);
    expect([board.model.buffer === window, ...window.subarray(0, 6)]).toEqual([
      true,
      0x55,
      0,
      0,
      0,
      ...bytesAt(board, 0x1001, 2),
    ]);
  });
});

describe('DMA engine copies', () => {
  it('from memory to memory, in the time the bytes take', () => {
    const board = engine({ nsPerByte: 2 });
    start(board, { source: 0x1000, destination: 0x6000, length: 100 });
    expect(board.read(STATUS)).toBe(BUSY);
    board.advance(199);
    expect([board.read(STATUS), board.read(PROGRESS)]).toEqual([BUSY, 0]);
    board.advance(1);
    expect([board.read(STATUS), board.read(PROGRESS), board.isIdle()]).toEqual([DONE, 100, true]);
    expect(bytesAt(board, 0x6000, 101)).toEqual(Uint8Array.of(...bytesAt(board, 0x1000, 100), 0));
  });

  it('from memory to the buffer', () => {
    const board = engine();
    start(board, { mode: TO_DEVICE, source: 0x1234, destination: 0x10, length: 64 });
    board.advance(64);
    expect(board.model.buffer.slice(0x10, 0x50)).toEqual(bytesAt(board, 0x1234, 64));
  });

  it('from the buffer to memory', () => {
    const board = engine();
    board.model.buffer.set([1, 2, 3, 4, 5], 3);
    start(board, { mode: FROM_DEVICE, source: 4, destination: 0x7ffd, length: 3 });
    board.advance(3);
    expect([...bytesAt(board, 0x7ffc, 5)]).toEqual([0, 2, 3, 4, 0]);
  });

  it('in bursts, and says how far it is', () => {
    const board = engine({ burstBytes: 256 });
    start(board, { source: 0x1000, destination: 0x6000, length: 1000 });
    board.advance(600);
    expect([board.read(PROGRESS), board.read(STATUS)]).toEqual([512, BUSY]);
    board.advance(400);
    expect(board.dma.accesses).toEqual([256, 256, 256, 256, 256, 256, 232, 232]);
  });

  it('in bursts that cross a 4 KiB boundary on neither side', () => {
    const board = engine();
    start(board, { source: 0x1f00, destination: 0x5e81, length: 0x1234 });
    board.advance(0x1234);
    expect(board.dma.accesses.filter((_, index) => index % 2 === 0)).toEqual([
      0x100, 0x7f, 0xf81, 0x7f, 0xb5,
    ]);
    expect(bytesAt(board, 0x5e81, 0x1234)).toEqual(bytesAt(board, 0x1f00, 0x1234));
  });

  it('nothing when the length is 0, and completes without touching memory', () => {
    const board = engine();
    board.write(INT_ENABLE, COMPLETE_INT);
    start(board, { source: 2n ** 64n - 1n, destination: 2n ** 64n - 1n, length: 0 });
    expect([board.read(STATUS), board.lineLog]).toEqual([BUSY, []]);
    board.advance(0);
    expect([board.read(STATUS), board.dma.accesses, board.lineLog]).toEqual([
      DONE,
      [],
      ['0↑', '0↓'],
    ]);
  });

  it('what was programmed at START, whatever is written meanwhile', () => {
    const board = engine();
    start(board, { source: 0x1000, destination: 0x6000, length: 16 });
    for (const offset of [SOURCE_LO, DEST_LO, LENGTH, MODE]) board.write(offset, 2);
    board.write(CONTROL, START);
    board.advance(16);
    expect([board.read(STATUS), board.read(PROGRESS), board.isIdle()]).toEqual([DONE, 16, true]);
    expect(bytesAt(board, 0x6000, 16)).toEqual(bytesAt(board, 0x1000, 16));
  });
});

describe('DMA engine interrupts', () => {
  it('pulse line 0 once per completion, cleared or not', () => {
    const board = engine();
    board.write(INT_ENABLE, COMPLETE_INT);
    for (let round = 0; round < 2; round++) {
      start(board, { source: 0x1000, destination: 0x6000, length: 4 });
      board.advance(4);
    }
    expect(board.lineLog).toEqual(['0↑', '0↓', '0↑', '0↓']);
    expect([board.read(INT_STATUS), board.read(INT_MASKED)]).toEqual([COMPLETE_INT, COMPLETE_INT]);
  });

  it('show a completion that is not enabled in INT_STATUS only', () => {
    const board = engine();
    start(board, { source: 0x1000, destination: 0x6000, length: 4 });
    board.advance(4);
    expect([board.read(INT_STATUS), board.read(INT_MASKED), board.lineLog]).toEqual([
      COMPLETE_INT,
      0,
      [],
    ]);
    board.write(INT_ENABLE, COMPLETE_INT);
    expect(board.lineLog).toEqual([]);
  });

  it('clear by writing ones', () => {
    const board = engine();
    start(board, { source: 0x1000, destination: 0x6000, length: 4 });
    board.advance(4);
    start(board, { mode: 3, length: 4 });
    board.write(INT_STATUS, 0);
    expect(board.read(INT_STATUS)).toBe(COMPLETE_INT | ERROR_INT);
    board.write(INT_STATUS, COMPLETE_INT);
    expect(board.read(INT_STATUS)).toBe(ERROR_INT);
    board.write(INT_STATUS, 0xffffffff);
    expect(board.read(INT_STATUS)).toBe(0);
  });

  it('hold line 1 while an error waits and is enabled', () => {
    const board = engine();
    start(board, { mode: 3, length: 4 });
    expect(board.isHigh(1)).toBe(false);
    board.write(INT_ENABLE, ERROR_INT);
    expect([board.isHigh(1), board.read(INT_MASKED)]).toEqual([true, ERROR_INT]);
    board.write(INT_ENABLE, 0);
    expect(board.isHigh(1)).toBe(false);
    board.write(INT_ENABLE, ERROR_INT);
    board.write(INT_STATUS, ERROR_INT);
    expect(board.lineLog).toEqual(['1↑', '1↓', '1↑', '1↓']);
  });

  it('can start the next transfer from inside the completion', () => {
    const board = engine();
    let rounds = 0;
    board.write(INT_ENABLE, COMPLETE_INT);
    board.onLine = (_line, high) => {
      if (high && ++rounds < 5) start(board, { source: 0x1000, destination: 0x6000, length: 0 });
    };
    start(board, { source: 0x1000, destination: 0x6000, length: 8 });
    board.advance(8);
    expect([rounds, board.read(STATUS), board.lineLog.length]).toEqual([5, DONE, 10]);
  });
});

describe('DMA engine faults', () => {
  it('stop at the burst whose source faults and keep what was copied', () => {
    const board = engine();
    board.write(INT_ENABLE, COMPLETE_INT | ERROR_INT);
    start(board, { mode: 0, source: 0x8000, destination: 0x2000, length: 0x3000 });
    board.advance(0x3000);
    expect([
      board.read(STATUS),
      board.read(ERROR_CODE),
      board.read(PROGRESS),
      faultAddress(board),
      board.read(INT_STATUS),
      board.lineLog,
      board.isIdle(),
    ]).toEqual([ERROR, SOURCE_FAULT, 0x1000, 0x9000n, ERROR_INT, ['1↑'], true]);
  });

  it('tell a read-only destination from a source', () => {
    const board = engine({}, new FakeDma(BASE, 0x8000, 0x7000));
    start(board, { source: 0x1000, destination: 0x6800, length: 0x1000 });
    board.advance(0x1000);
    expect([board.read(ERROR_CODE), board.read(PROGRESS), faultAddress(board)]).toEqual([
      DESTINATION_FAULT,
      0x800,
      0x7000n,
    ]);
  });

  it.each([
    [TO_DEVICE, { source: 0x1000, destination: 4095 }, DESTINATION_FAULT, 4096n],
    [FROM_DEVICE, { source: 4095, destination: 0x1000 }, SOURCE_FAULT, 4096n],
    [TO_DEVICE, { source: 0x1000, destination: 2n ** 64n - 1n }, DESTINATION_FAULT, 2n ** 64n - 1n],
  ])('come beyond the end of the buffer: mode %i', (mode, addresses, code, at) => {
    const board = engine();
    start(board, { mode, ...addresses, length: 2 });
    board.advance(2);
    expect([board.read(ERROR_CODE), faultAddress(board)]).toEqual([code, at]);
  });

  it.each([2n ** 52n, 2n ** 53n + 1n, 2n ** 63n, 2n ** 64n - 1n, 2n ** 64n - 4096n])(
    'come at addresses that the engine cannot drive, without asking the IOMMU: %i',
    (far) => {
      const source = engine();
      start(source, { source: far, destination: 0x1000, length: 0xffffffff });
      source.advance(4096);
      expect([source.read(ERROR_CODE), faultAddress(source)]).toEqual([SOURCE_FAULT, far]);
      expect(source.dma.requests).toBe(0);
      const destination = engine();
      start(destination, { mode: FROM_DEVICE, source: 0, destination: far, length: 0xffffffff });
      destination.advance(4096);
      expect([destination.read(ERROR_CODE), faultAddress(destination)]).toEqual([
        DESTINATION_FAULT,
        far,
      ]);
      expect(destination.dma.requests).toBe(0);
    },
  );

  it('come where a transfer runs past the last address', () => {
    const dma = new FakeDma(2 ** 52 - 0x1000, 0x1000);
    const board = engine({}, dma);
    start(board, { mode: TO_DEVICE, source: 2n ** 52n - 16n, destination: 0, length: 32 });
    board.advance(32);
    expect([board.read(PROGRESS), faultAddress(board)]).toEqual([16, 2n ** 52n]);
  });

  it('come for a reserved mode at once', () => {
    const board = engine();
    start(board, { mode: 3, source: 0x1000, destination: 0x6000, length: 4 });
    expect([board.read(STATUS), board.read(ERROR_CODE), board.isIdle()]).toEqual([
      ERROR,
      BAD_MODE,
      true,
    ]);
  });

  it('are forgotten, but for INT_STATUS, at the next START', () => {
    const board = engine();
    start(board, { source: 0, destination: 0x1000, length: 4 });
    board.advance(4);
    start(board, { source: 0x1000, destination: 0x6000, length: 4 });
    expect([board.read(STATUS), board.read(ERROR_CODE), board.read(INT_STATUS)]).toEqual([
      BUSY,
      0,
      ERROR_INT,
    ]);
    board.advance(4);
    expect([board.read(STATUS), board.read(INT_STATUS)]).toEqual([DONE, COMPLETE_INT | ERROR_INT]);
  });

  it('end a transfer of 2^32 - 1 bytes at the end of memory', () => {
    const board = engine();
    start(board, { mode: 0, source: 0x1000, destination: 0x1001, length: 0xffffffff });
    board.advance(0x10000);
    expect([board.read(ERROR_CODE), board.read(PROGRESS), board.isIdle()]).toEqual([
      DESTINATION_FAULT,
      0x7fff,
      true,
    ]);
  });
});

describe('DMA engine abort', () => {
  it('stops after whole bursts, without an interrupt', () => {
    const board = engine({ burstBytes: 64 });
    board.write(INT_ENABLE, COMPLETE_INT | ERROR_INT);
    start(board, { source: 0x1000, destination: 0x6000, length: 1000 });
    board.advance(100);
    board.write(CONTROL, ABORT);
    expect([board.read(STATUS), board.read(PROGRESS), board.isIdle()]).toEqual([ABORTED, 64, true]);
    board.advance(10_000);
    expect([board.read(INT_STATUS), board.lineLog]).toEqual([0, []]);
  });

  it('does nothing when idle', () => {
    const board = engine();
    board.write(CONTROL, ABORT);
    expect(board.read(STATUS)).toBe(0);
  });

  it('comes before a START in the same write', () => {
    const board = engine();
    start(board, { source: 0x1000, destination: 0x6000, length: 1000 });
    board.write(LENGTH, 4);
    board.write(CONTROL, ABORT | START);
    board.advance(4);
    expect([board.read(STATUS), board.read(PROGRESS)]).toEqual([DONE, 4]);
  });
});

describe('DMA engine reset', () => {
  it('is back at power-on, with lines low and no timer', () => {
    const board = engine();
    board.write(INT_ENABLE, ERROR_INT);
    start(board, { mode: 3, length: 4 });
    board.model.buffer.fill(9);
    start(board, { source: 0x1000, destination: 0x6000, length: 1000 });
    board.model.reset();
    expect([board.isHigh(1), board.isIdle(), board.model.buffer.some(Boolean)]).toEqual([
      false,
      true,
      false,
    ]);
    for (let offset = CONTROL; offset <= 0x44; offset += 4) expect(board.read(offset)).toBe(0);
  });
});
