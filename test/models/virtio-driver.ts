import type { DeviceModel } from '../../host/sim/models/model';
import type { Board, FakeDma } from './fixture';

export const reg = {
  magic: 0x00,
  version: 0x04,
  deviceId: 0x08,
  vendor: 0x0c,
  deviceFeatures: 0x10,
  deviceFeaturesSel: 0x14,
  driverFeatures: 0x20,
  driverFeaturesSel: 0x24,
  queueSel: 0x30,
  queueNumMax: 0x34,
  queueNum: 0x38,
  queueReady: 0x44,
  queueNotify: 0x50,
  interruptStatus: 0x60,
  interruptAck: 0x64,
  status: 0x70,
  descriptors: 0x80,
  available: 0x90,
  used: 0xa0,
  generation: 0xfc,
} as const;

export const ACKNOWLEDGE = 1;
export const DRIVER = 2;
export const DRIVER_OK = 4;
export const FEATURES_OK = 8;
export const NEEDS_RESET = 64;

export const NEXT = 1;
export const WRITE = 2;

/** Where the driver's queue lies in the memory of FakeDma. */
export const DESCRIPTORS = 0x1000;
export const AVAILABLE = 0x1100;
export const USED = 0x1200;
export const BUFFERS = 0x2000;

/** A small driver of one split queue, after VIRTIO 1.2, sections 3.1 and 2.7. */
export class Driver {
  readonly view: DataView;
  #available = 0;

  constructor(
    readonly board: Board<DeviceModel>,
    readonly dma: FakeDma,
    readonly size = 8,
  ) {
    this.view = new DataView(dma.memory.buffer);
  }

  features(high: number, low = 0): void {
    const { board } = this;
    board.write(reg.driverFeaturesSel, 1);
    board.write(reg.driverFeatures, high);
    board.write(reg.driverFeaturesSel, 0);
    board.write(reg.driverFeatures, low);
  }

  /** Brings the device to life as section 3.1.1 says. */
  start(): void {
    const { board } = this;
    board.write(reg.status, 0);
    board.write(reg.status, ACKNOWLEDGE);
    board.write(reg.status, ACKNOWLEDGE | DRIVER);
    this.features(1);
    board.write(reg.status, ACKNOWLEDGE | DRIVER | FEATURES_OK);
    board.write(reg.queueSel, 0);
    board.write(reg.queueNum, this.size);
    board.write(reg.descriptors, DESCRIPTORS);
    board.write(reg.descriptors + 4, 0);
    board.write(reg.available, AVAILABLE);
    board.write(reg.available + 4, 0);
    board.write(reg.used, USED);
    board.write(reg.used + 4, 0);
    board.write(reg.queueReady, 1);
    board.write(reg.status, ACKNOWLEDGE | DRIVER | FEATURES_OK | DRIVER_OK);
  }

  describe(index: number, address: number | bigint, length: number, flags: number, next = 0): void {
    const at = DESCRIPTORS + 16 * index - this.dma.base;
    this.view.setBigUint64(at, BigInt(address), true);
    this.view.setUint32(at + 8, length, true);
    this.view.setUint16(at + 12, flags, true);
    this.view.setUint16(at + 14, next, true);
  }

  /** Makes the chain that starts at `head` available; notify() tells the device. */
  offer(head: number): void {
    const at = AVAILABLE - this.dma.base;
    this.view.setUint16(at + 4 + 2 * (this.#available % this.size), head, true);
    this.#available = (this.#available + 1) & 0xffff;
    this.view.setUint16(at + 2, this.#available, true);
  }

  notify(queue = 0): void {
    this.board.write(reg.queueNotify, queue);
  }

  suppress(on: boolean): void {
    this.view.setUint16(AVAILABLE - this.dma.base, on ? 1 : 0, true);
  }

  /** The used ring: its index, and its elements so far (of the last `size`). */
  used(): { index: number; elements: { id: number; length: number }[] } {
    const at = USED - this.dma.base;
    const index = this.view.getUint16(at + 2, true);
    const elements = Array.from({ length: Math.min(index, this.size) }, (_, i) => ({
      id: this.view.getUint32(at + 4 + 8 * i, true),
      length: this.view.getUint32(at + 8 + 8 * i, true),
    }));
    return { index, elements };
  }

  bytes(address: number, length: number): Uint8Array {
    return this.dma.memory.subarray(address - this.dma.base, address - this.dma.base + length);
  }
}
