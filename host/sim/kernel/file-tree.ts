import type { Sysfs } from '../../boundary/kernel';
import type { OpenFile } from './open-file';

/** Opens a device node; a negative number is −errno. */
export type OpenNode = () => OpenFile | number;

export type TreeNode =
  | { readonly kind: 'directory'; readonly entries: Map<string, TreeNode> }
  | { readonly kind: 'file'; readonly bytes: Uint8Array }
  | { readonly kind: 'link'; readonly target: string }
  | { readonly kind: 'device'; readonly open: OpenNode };

/** Links followed in one path before it counts as a loop (MAXSYMLINKS). */
const MAX_LINKS = 40;

/**
 * The simulated file system: /sys and /dev in memory, with symbolic links that
 * work as in Linux. The reading half is the {@link Sysfs} of the simulation;
 * the writing half lets tests add odd or broken trees.
 */
export class FileTree implements Sysfs {
  readonly #root = newDirectory();

  exists(path: string): boolean {
    return this.lookUp(path) !== undefined;
  }

  readLink(path: string): string | undefined {
    const { directory, name } = splitLast(path);
    const parent = this.lookUp(directory);
    if (parent?.kind !== 'directory') return undefined;
    const node = parent.entries.get(name);
    return node?.kind === 'link' ? node.target : undefined;
  }

  realPath(path: string): string | undefined {
    return this.#resolve(path)?.path;
  }

  readText(path: string): string | undefined {
    const node = this.lookUp(path);
    return node?.kind === 'file' ? new TextDecoder().decode(node.bytes) : undefined;
  }

  readBytes(path: string): Uint8Array | undefined {
    const node = this.lookUp(path);
    return node?.kind === 'file' ? node.bytes.slice() : undefined;
  }

  list(path: string): readonly string[] {
    const node = this.lookUp(path);
    return node?.kind === 'directory' ? [...node.entries.keys()].sort() : [];
  }

  /** What `path` names, links followed; never a link itself. */
  lookUp(path: string): TreeNode | undefined {
    return this.#resolve(path)?.node;
  }

  /** Makes a directory and those above it. */
  addDirectory(path: string): void {
    let entries = this.#root.entries;
    for (const name of namesOf(path)) {
      let node = entries.get(name);
      if (node === undefined) {
        node = newDirectory();
        entries.set(name, node);
      }
      if (node.kind !== 'directory') throw new Error(`${path}: '${name}' is not a directory`);
      entries = node.entries;
    }
  }

  /** Adds or replaces a file; text is stored as UTF-8. */
  addFile(path: string, content: string | Uint8Array): void {
    const bytes = typeof content === 'string' ? new TextEncoder().encode(content) : content.slice();
    this.#add(path, { kind: 'file', bytes });
  }

  /** Adds or replaces a symbolic link; `target` is kept as written. */
  addLink(path: string, target: string): void {
    this.#add(path, { kind: 'link', target });
  }

  /** Adds or replaces a device node. */
  addDevice(path: string, open: OpenNode): void {
    this.#add(path, { kind: 'device', open });
  }

  /** Takes an entry away, with everything below it; fine when there is none. */
  remove(path: string): void {
    const { directory, name } = splitLast(path);
    const parent = this.lookUp(directory);
    if (parent?.kind === 'directory') parent.entries.delete(name);
  }

  #add(path: string, node: TreeNode): void {
    const { directory, name } = splitLast(path);
    this.addDirectory(directory);
    const parent = this.lookUp(directory);
    if (parent?.kind === 'directory') parent.entries.set(name, node);
  }

  #resolve(path: string): { node: TreeNode; path: string } | undefined {
    if (!path.startsWith('/')) return undefined;
    const waiting = namesOf(path).reverse();
    const trail: { name: string; node: TreeNode }[] = [];
    let links = 0;
    for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
      const here = trail.at(-1)?.node ?? this.#root;
      if (here.kind !== 'directory') return undefined;
      if (name === '..') {
        trail.pop();
        continue;
      }
      const node = here.entries.get(name);
      if (node === undefined) return undefined;
      if (node.kind !== 'link') {
        trail.push({ name, node });
        continue;
      }
      if (++links > MAX_LINKS) return undefined;
      if (node.target.startsWith('/')) trail.length = 0;
      waiting.push(...namesOf(node.target).reverse());
    }
    return {
      node: trail.at(-1)?.node ?? this.#root,
      path: `/${trail.map((step) => step.name).join('/')}`,
    };
  }
}

function newDirectory(): { kind: 'directory'; entries: Map<string, TreeNode> } {
  return { kind: 'directory', entries: new Map() };
}

function namesOf(path: string): string[] {
  return path.split('/').filter((name) => name !== '' && name !== '.');
}

function splitLast(path: string): { directory: string; name: string } {
  const names = namesOf(path);
  const name = names.pop() ?? '';
  return { directory: `/${names.join('/')}`, name };
}
