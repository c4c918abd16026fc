import type { CoreImports } from '../core/boundary-types';
import type { WindowMapping } from './kernel';
import type { HostPort } from './port';

/** What an access throws whose error waits in the port already. */
export const FAILED = new Error('the access has failed');

/**
 * A window behind the core's imports `load` and `store`: where something stands
 * between core and kernel, it is to see also those accesses that the host
 * performs by itself.
 */
export class ImportedWindow implements WindowMapping {
  readonly inMemory = false;
  readonly #imports: Pick<CoreImports, 'load' | 'store'>;
  readonly #port: Pick<HostPort, 'takeWindowFailure'>;
  readonly #pointer: number;

  constructor(
    imports: Pick<CoreImports, 'load' | 'store'>,
    port: Pick<HostPort, 'takeWindowFailure'>,
    pointer: number,
  ) {
    this.#imports = imports;
    this.#port = port;
    this.#pointer = pointer;
  }

  read(offset: number, width: number): number {
    const value = this.#imports.load(this.#pointer + offset, width);
    if (this.#port.takeWindowFailure()) throw FAILED;
    return value;
  }

  write(offset: number, width: number, value: number): void {
    this.#imports.store(this.#pointer + offset, width, value);
    if (this.#port.takeWindowFailure()) throw FAILED;
  }

  /** The core takes it away by its import `munmap`. */
  unmap(): void {}
}
