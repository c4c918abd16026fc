import type { MmioHandler } from '../contract';

/** A handler that notes what arrives, and is memory. */
export class RecordingHandler implements MmioHandler {
  readonly seen: string[] = [];
  readonly memory: DataView;
  /** Called in each access, after it was noted. */
  onAccess: ((offset: number) => void) | undefined;

  constructor(size = 0x1000) {
    this.memory = new DataView(new ArrayBuffer(size));
  }

  read(offset: number, width: number): number {
    this.seen.push(`read ${width} at ${offset}`);
    this.onAccess?.(offset);
    if (width === 1) return this.memory.getUint8(offset);
    if (width === 2) return this.memory.getUint16(offset, true);
    return this.memory.getUint32(offset, true);
  }

  write(offset: number, width: number, value: number): void {
    this.seen.push(`write ${width} at ${offset}: ${value}`);
    if (width === 1) this.memory.setUint8(offset, value);
    else if (width === 2) this.memory.setUint16(offset, value, true);
    else this.memory.setUint32(offset, value, true);
    this.onAccess?.(offset);
  }
}
