import type { CoreImports } from '../core/boundary-types';
import type { WindowMapping } from './kernel';

/**
 * A window behind the core's imports `load` and `store`: where something stands
 * between core and kernel, it is to see also those accesses that the host
 * performs by itself.
 */
export class ImportedWindow implements WindowMapping {
  readonly inMemory = false;
  readonly #imports: Pick<CoreImports, 'load' | 'store'>;
  readonly #pointer: number;

  constructor(imports: Pick<CoreImports, 'load' | 'store'>, pointer: number) {
    this.#imports = imports;
    this.#pointer = pointer;
  }

  read(offset: number, width: number): number {
    return this.#imports.load(this.#pointer + offset, width);
  }

  write(offset: number, width: number, value: number): void {
    this.#imports.store(this.#pointer + offset, width, value);
  }

  /** The core takes it away by its import `munmap`. */
  unmap(): void {}
}
