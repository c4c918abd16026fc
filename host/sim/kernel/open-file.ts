import { EINVAL, ENODEV, ENOTTY } from '../../../assembly/abi/linux';
import type { IoctlArgument, WindowMapping } from '../../boundary/kernel';
import type { Faults } from './faults';

/**
 * What a file descriptor stands for. Descriptors, mappings and other files
 * hold references; the last one to go releases the file, as in the kernel.
 *
 * The defaults are what the kernel answers where a file has no such operation.
 */
export abstract class OpenFile {
  /** Fault injection that applies to calls on this file only. */
  readonly faults: Faults | undefined;
  #references = 1;

  constructor(faults?: Faults) {
    this.faults = faults;
  }

  acquire(): void {
    this.#references++;
  }

  put(): void {
    if (--this.#references === 0) this.release();
  }

  /** The last reference has gone. */
  protected abstract release(): void;

  ioctl(_request: number, _argument: IoctlArgument): number {
    return -ENOTTY;
  }

  read(_memory: Uint8Array, _pointer: number, _length: number): number {
    return -EINVAL;
  }

  write(_memory: Uint8Array, _pointer: number, _length: number): number {
    return -EINVAL;
  }

  pread(
    _memory: Uint8Array,
    _pointer: number,
    _length: number,
    _offsetLow: number,
    _offsetHigh: number,
  ): number {
    return -EINVAL;
  }

  pwrite(
    _memory: Uint8Array,
    _pointer: number,
    _length: number,
    _offsetLow: number,
    _offsetHigh: number,
  ): number {
    return -EINVAL;
  }

  mmap(
    _memory: WebAssembly.Memory,
    _pointer: number,
    _length: number,
    _protection: number,
    _offsetLow: number,
    _offsetHigh: number,
  ): WindowMapping | number {
    return -ENODEV;
  }
}
