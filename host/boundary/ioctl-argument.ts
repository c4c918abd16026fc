import type { IoctlArgument } from './kernel';

/** An {@link IoctlArgument} with room for `capacity` bytes. */
export class PlainIoctlArgument implements IoctlArgument {
  value = 0;
  length = 0;
  readonly bytes: Uint8Array;
  readonly view: DataView;

  constructor(capacity: number) {
    this.bytes = new Uint8Array(capacity);
    this.view = new DataView(this.bytes.buffer);
  }

  /** The 32-bit field at byte `offset`. */
  word(offset: number): number {
    return this.view.getUint32(offset, true);
  }

  /** Makes a NUL-terminated string the argument. */
  setString(text: string): void {
    const { written } = new TextEncoder().encodeInto(text, this.bytes.subarray(0, -1));
    this.bytes[written] = 0;
    this.length = written + 1;
  }
}
