import { existsSync, readdirSync, readFileSync, readlinkSync, realpathSync } from 'node:fs';
import type { Sysfs } from '../boundary/kernel';

function attempt<T>(call: () => T): T | undefined {
  try {
    return call();
  } catch {
    return undefined;
  }
}

/** sysfs and /dev of this machine, read only. */
export class FileSysfs implements Sysfs {
  readonly #root: string;

  /** @param root folder that stands for '/'; links inside it must be relative */
  constructor(root = '') {
    this.#root = root === '' ? '' : realpathSync(root);
  }

  exists(path: string): boolean {
    return existsSync(this.#root + path);
  }

  readLink(path: string): string | undefined {
    return attempt(() => readlinkSync(this.#root + path));
  }

  realPath(path: string): string | undefined {
    return attempt(() => realpathSync(this.#root + path).slice(this.#root.length));
  }

  readText(path: string): string | undefined {
    return attempt(() => readFileSync(this.#root + path, 'utf8'));
  }

  readBytes(path: string): Uint8Array | undefined {
    return attempt(() => new Uint8Array(readFileSync(this.#root + path)));
  }

  list(path: string): readonly string[] {
    return attempt(() => readdirSync(this.#root + path).sort()) ?? [];
  }
}
