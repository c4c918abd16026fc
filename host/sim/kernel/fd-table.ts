import { EBADF, EMFILE } from '../../../assembly/abi/linux';
import type { OpenFile } from './open-file';

/** Standard input, output and error are somebody else's. */
const FIRST_FD = 3;

/**
 * File descriptors of the simulated process. As in Linux the lowest free
 * number is given out, so that using a closed descriptor hits a stranger soon.
 */
export class FdTable {
  readonly #files: (OpenFile | undefined)[] = [];
  readonly #limit: number;
  #open = 0;

  /** @param limit descriptors that may be open at once (RLIMIT_NOFILE) */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Descriptors that are open now. */
  get open(): number {
    return this.#open;
  }

  /** Whether {@link install} would find a number; the kernel reserves one before it opens anything. */
  get full(): boolean {
    return this.#open >= this.#limit;
  }

  get(fd: number): OpenFile | undefined {
    return this.#files[fd];
  }

  /** Takes over the caller's reference. @returns the descriptor or −EMFILE */
  install(file: OpenFile): number {
    if (this.full) return -EMFILE;
    let fd = FIRST_FD;
    while (this.#files[fd] !== undefined) fd++;
    this.#files[fd] = file;
    this.#open++;
    return fd;
  }

  /** @returns 0 or −EBADF */
  close(fd: number): number {
    const file = this.#files[fd];
    if (file === undefined) return -EBADF;
    // The number is free before the file is released, as release may run foreign code.
    this.#files[fd] = undefined;
    this.#open--;
    file.put();
    return 0;
  }

  /** Every open file with its number, in ascending order. */
  *entries(): IterableIterator<[fd: number, file: OpenFile]> {
    for (let fd = FIRST_FD; fd < this.#files.length; fd++) {
      const file = this.#files[fd];
      if (file !== undefined) yield [fd, file];
    }
  }
}
