import { EACCES, ENOENT } from '../../../assembly/abi/linux';
import type { FileTree } from '../../sim/kernel/file-tree';
import type { HostFiles } from '../environment';

const DESCRIPTORS = /^\/proc\/\d+\/fd/;

/** The files of a simulated computer, as root or as somebody else sees them. */
export class SimulatedFiles implements HostFiles {
  constructor(
    private readonly tree: FileTree,
    private readonly root: boolean,
  ) {}

  exists(path: string): boolean {
    return this.tree.exists(path);
  }

  readLink(path: string): string | undefined {
    return this.#hidden(path) ? undefined : this.tree.readLink(path);
  }

  realPath(path: string): string | undefined {
    return this.tree.realPath(path);
  }

  readText(path: string): string | undefined {
    return this.tree.readText(path);
  }

  list(path: string): readonly string[] {
    return this.#hidden(path) ? [] : this.tree.list(path);
  }

  readBytes(path: string): Uint8Array | undefined {
    const text = this.tree.readText(path);
    return text === undefined ? undefined : new TextEncoder().encode(text);
  }

  access(path: string, mode: 'read' | 'write' | 'read-write'): number {
    if (!this.tree.exists(path)) return ENOENT;
    if (this.root) return 0;
    if (this.#hidden(path) || (path.startsWith('/dev/vfio/') && path !== '/dev/vfio/vfio')) {
      return EACCES;
    }
    return mode !== 'read' && path.startsWith('/sys/') ? EACCES : 0;
  }

  #hidden(path: string): boolean {
    return !this.root && DESCRIPTORS.test(path);
  }
}
