import { describe, expect, it } from 'vitest';
import { VirtioMmio, VirtioRng } from '../../host/sim/models';
import { Board, FakeDma } from './fixture';
import * as virtio from './virtio-driver';
import { BUFFERS, Driver, reg } from './virtio-driver';

const LATENCY = 1000;

function rng(dma = new FakeDma()) {
  const model = new VirtioMmio(new VirtioRng(), { latencyNs: LATENCY });
  const board = new Board(model, dma);
  return { model, board, dma, driver: new Driver(board, dma) };
}

function running() {
  const all = rng();
  all.driver.start();
  return all;
}

const isZero = (bytes: Uint8Array) => bytes.every((byte) => byte === 0);

describe('a virtio device over MMIO, before its driver', () => {
  it('is an entropy device of version 2', () => {
    const { board } = rng();
    expect(board.read(reg.magic)).toBe(0x74726976);
    expect(board.read(reg.version)).toBe(2);
    expect(board.read(reg.deviceId)).toBe(4);
    expect(board.read(reg.queueNumMax)).toBe(8);
    expect(board.read(reg.generation)).toBe(0);
  });

  it('offers VIRTIO_F_VERSION_1, bit 32, and nothing else', () => {
    const { board } = rng();
    const words = [0, 1, 2, 0xffffffff].map((select) => {
      board.write(reg.deviceFeaturesSel, select);
      return board.read(reg.deviceFeatures);
    });
    expect(words).toEqual([0, 1, 0, 0]);
  });

  it('has no shared memory, and an empty configuration', () => {
    const { board } = rng();
    expect(board.read(0xb0)).toBe(0xffffffff);
    expect(board.read(0xbc)).toBe(0xffffffff);
    expect(board.read(0x100)).toBe(0);
    expect(board.read(0x101, 1)).toBe(0);
  });

  it('has one queue', () => {
    const { board } = rng();
    board.write(reg.queueSel, 1);
    expect(board.read(reg.queueNumMax)).toBe(0);
    board.write(reg.queueReady, 1);
    expect(board.read(reg.queueReady)).toBe(0);
  });

  it('takes only whole registers', () => {
    const { board } = rng();
    expect(board.read(reg.magic, 2)).toBe(0);
    board.write(reg.status, 1, 1);
    expect(board.read(reg.status)).toBe(0);
  });
});

describe('the negotiation of features', () => {
  const negotiate = (high: number, low: number) => {
    const { board, driver } = rng();
    board.write(reg.status, virtio.ACKNOWLEDGE | virtio.DRIVER);
    driver.features(high, low);
    board.write(reg.status, virtio.ACKNOWLEDGE | virtio.DRIVER | virtio.FEATURES_OK);
    return (board.read(reg.status) & virtio.FEATURES_OK) !== 0;
  };

  it('is accepted with VERSION_1 alone', () => {
    expect(negotiate(1, 0)).toBe(true);
  });

  it('is refused without it, or with what was not offered', () => {
    expect(negotiate(0, 0)).toBe(false);
    expect(negotiate(1, 1)).toBe(false);
    expect(negotiate(3, 0)).toBe(false);
  });

  it('is over with FEATURES_OK', () => {
    const { board, driver } = running();
    driver.features(0);
    board.write(reg.status, 15);
    expect(board.read(reg.status)).toBe(15);
  });
});

describe('a request for random bytes', () => {
  it('is filled, given back with its length, and told by an interrupt', () => {
    const { board, driver, model } = running();
    driver.describe(0, BUFFERS, 64, virtio.WRITE);
    driver.offer(0);
    driver.notify();
    expect(board.isHigh()).toBe(false);
    board.advance(LATENCY);
    expect(board.isHigh()).toBe(true);
    expect(driver.used()).toEqual({ index: 1, elements: [{ id: 0, length: 64 }] });
    expect(isZero(driver.bytes(BUFFERS, 64))).toBe(false);
    expect(isZero(driver.bytes(BUFFERS + 64, 64))).toBe(true);
    expect(model.bytesWritten).toBe(64);
    expect(board.read(reg.interruptStatus)).toBe(1);
    board.write(reg.interruptAck, 1);
    expect(board.isHigh()).toBe(false);
    expect(board.isIdle()).toBe(true);
  });

  it('may be a chain of buffers', () => {
    const { board, driver } = running();
    driver.describe(3, BUFFERS, 10, virtio.WRITE | virtio.NEXT, 5);
    driver.describe(5, BUFFERS + 0x100, 20, virtio.WRITE);
    driver.offer(3);
    driver.notify();
    board.advance(LATENCY);
    expect(driver.used().elements).toEqual([{ id: 3, length: 30 }]);
    expect(isZero(driver.bytes(BUFFERS + 0x100, 20))).toBe(false);
  });

  it('is done after all others that wait, with one interrupt', () => {
    const { board, driver } = running();
    for (const index of [0, 1, 2]) {
      driver.describe(index, BUFFERS + 0x100 * index, 16, virtio.WRITE);
      driver.offer(index);
    }
    driver.notify();
    driver.notify();
    board.advance(LATENCY);
    expect(driver.used().elements.map(({ id }) => id)).toEqual([0, 1, 2]);
    expect(board.lineLog).toEqual(['0↑']);
  });

  it('goes round the rings as often as there are requests, and round 2^16', () => {
    const { board, driver } = running();
    driver.describe(0, BUFFERS, 1, virtio.WRITE);
    for (let request = 0; request < 65_540; request++) {
      driver.offer(0);
      driver.notify();
      board.advance(LATENCY);
    }
    expect(driver.used().index).toBe(4);
    expect(board.read(reg.status)).toBe(15);
  });

  it('makes no interrupt while the driver suppresses them', () => {
    const { board, driver } = running();
    driver.suppress(true);
    driver.describe(0, BUFFERS, 16, virtio.WRITE);
    driver.offer(0);
    driver.notify();
    board.advance(LATENCY);
    expect(driver.used().index).toBe(1);
    expect(board.isHigh()).toBe(false);
  });

  it('waits until the driver is ready', () => {
    const { board, driver } = running();
    board.write(reg.status, 11);
    driver.describe(0, BUFFERS, 16, virtio.WRITE);
    driver.offer(0);
    driver.notify();
    board.advance(LATENCY);
    expect(driver.used().index).toBe(0);
    board.write(reg.status, 15);
    driver.notify();
    board.advance(LATENCY);
    expect(driver.used().index).toBe(1);
  });

  it('may be filled in part when it is huge', () => {
    const { board, driver, model } = rng(new FakeDma(0x1000, 0x20000));
    driver.start();
    driver.describe(0, BUFFERS, 0x1f000 - 0x1000, virtio.WRITE);
    driver.offer(0);
    driver.notify();
    board.advance(LATENCY);
    expect(driver.used().elements).toEqual([{ id: 0, length: 65536 }]);
    expect(model.broken).toBeUndefined();
  });
});

describe('a driver that does what no driver may', () => {
  /** The device says that it needs a reset, tells so by an interrupt, and works no more until then. */
  function expectBroken({ board, driver, model }: ReturnType<typeof rng>, why: string) {
    expect(model.broken).toContain(why);
    expect(board.read(reg.status) & virtio.NEEDS_RESET).toBe(virtio.NEEDS_RESET);
    expect(board.read(reg.interruptStatus)).toBe(2);
    expect(board.isHigh()).toBe(true);
    const { index } = driver.used();
    driver.describe(0, BUFFERS, 16, virtio.WRITE);
    driver.offer(0);
    driver.notify();
    board.advance(LATENCY);
    expect(driver.used().index).toBe(index);
    board.write(reg.status, 0);
    expect(board.isHigh()).toBe(false);
    expect(board.read(reg.status)).toBe(0);
    expect(model.broken).toBeUndefined();
  }

  function offered(describeBuffers: (driver: Driver) => void, head = 0) {
    const all = running();
    describeBuffers(all.driver);
    all.driver.offer(head);
    all.driver.notify();
    all.board.advance(LATENCY);
    return all;
  }

  it('gives a buffer that the IOMMU does not map', () => {
    const all = offered((driver) => driver.describe(0, 0x90000, 16, virtio.WRITE));
    expectBroken(all, 'a buffer of a request cannot be reached');
  });

  it('gives an address beyond what anybody has', () => {
    const all = offered((driver) => driver.describe(0, 2n ** 64n - 1n, 16, virtio.WRITE));
    expectBroken(all, 'cannot be reached');
  });

  it('gives a chain that is a loop', () => {
    const all = offered((driver) => driver.describe(0, BUFFERS, 1, virtio.WRITE | virtio.NEXT, 0));
    expectBroken(all, 'is a loop');
  });

  it('names a descriptor that there is not', () => {
    expectBroken(
      offered(() => undefined, 8),
      'there is no descriptor 8',
    );
    const chained = offered((driver) =>
      driver.describe(0, BUFFERS, 1, virtio.WRITE | virtio.NEXT, 900),
    );
    expectBroken(chained, 'there is no descriptor 900');
  });

  it('uses indirect descriptors, which were not negotiated', () => {
    expectBroken(
      offered((driver) => driver.describe(0, BUFFERS, 16, 4)),
      'indirect',
    );
  });

  it('puts a readable buffer behind a writable one', () => {
    const all = offered((driver) => {
      driver.describe(0, BUFFERS, 1, virtio.WRITE | virtio.NEXT, 1);
      driver.describe(1, BUFFERS, 1, 0);
    });
    expectBroken(all, 'a readable buffer after a writable one');
  });

  it('makes more requests available than the queue has', () => {
    const all = running();
    all.driver.view.setUint16(virtio.AVAILABLE - all.dma.base + 2, 9, true);
    all.driver.notify();
    all.board.advance(LATENCY);
    expectBroken(all, '9 requests are available in a queue of 8');
  });

  it('puts the queue where there is no memory', () => {
    const all = rng();
    all.driver.start();
    all.board.write(reg.queueReady, 0);
    all.board.write(reg.available + 4, 1);
    all.board.write(reg.queueReady, 1);
    all.driver.notify();
    all.board.advance(LATENCY);
    expect(all.model.broken).toContain('the queue cannot be read at 0x100001102');
  });

  it('asks for a queue of no or of odd size', () => {
    for (const size of [0, 3, 16, 0xffffffff]) {
      const { board, model } = rng();
      board.write(reg.queueNum, size);
      board.write(reg.queueReady, 1);
      expect(board.read(reg.queueReady)).toBe(0);
      expect(model.broken).toBe(`a queue of ${size} entries`);
    }
  });

  it('changes a queue that is ready: that is ignored', () => {
    const { board, driver, model } = running();
    board.write(reg.available, 0x99999000);
    board.write(reg.queueNum, 3);
    driver.describe(0, BUFFERS, 16, virtio.WRITE);
    driver.offer(0);
    driver.notify();
    board.advance(LATENCY);
    expect(driver.used().index).toBe(1);
    expect(model.broken).toBeUndefined();
  });

  it('takes the used ring away: the request is not given back', () => {
    const all = rng(new FakeDma(0x1000, 0x4000, 0x1200));
    all.driver.start();
    all.driver.describe(0, 0x1180, 4, virtio.WRITE);
    all.driver.offer(0);
    all.driver.notify();
    all.board.advance(LATENCY);
    expect(all.model.broken).toContain('the queue cannot be written at 0x1204');
  });
});
