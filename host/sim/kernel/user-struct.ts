import type { IoctlArgument } from '../../boundary/kernel';

/**
 * Little-endian fields of a struct in user memory. They work on the byte array
 * alone: unlike a DataView it never throws, not even when it is detached.
 */

/** Whether the caller's struct has `size` bytes, so that copying them does not fault. */
export function hasBytes(argument: IoctlArgument, size: number): boolean {
  return size <= argument.length && size <= argument.bytes.byteLength;
}

export function getU32(bytes: Uint8Array, offset: number): number {
  return (
    ((bytes[offset] as number) |
      ((bytes[offset + 1] as number) << 8) |
      ((bytes[offset + 2] as number) << 16) |
      ((bytes[offset + 3] as number) << 24)) >>>
    0
  );
}

export function setU32(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset] = value;
  bytes[offset + 1] = value >>> 8;
  bytes[offset + 2] = value >>> 16;
  bytes[offset + 3] = value >>> 24;
}

export function setU16(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset] = value;
  bytes[offset + 1] = value >>> 8;
}

export function getU64(bytes: Uint8Array, offset: number): bigint {
  return (BigInt(getU32(bytes, offset + 4)) << 32n) | BigInt(getU32(bytes, offset));
}

export function setU64(bytes: Uint8Array, offset: number, value: bigint): void {
  setU32(bytes, offset, Number(value & 0xffffffffn));
  setU32(bytes, offset + 4, Number((value >> 32n) & 0xffffffffn));
}
