/** A handle's file descriptor, and what closing it means. */
interface Entry {
  readonly fd: number;
  readonly close: () => number;
}

/**
 * The small handles that one core sees instead of file descriptors. A handle
 * is the lowest free number, so that the same calls give the same handles on
 * every host.
 */
export class HandleTable {
  readonly #entries: (Entry | undefined)[] = [];

  /** @param close gives the descriptor back and answers 0 or −errno */
  add(fd: number, close: () => number): number {
    let handle = this.#entries.indexOf(undefined);
    if (handle < 0) handle = this.#entries.length;
    this.#entries[handle] = { fd, close };
    return handle;
  }

  /** The file descriptor, or −1 for a handle that is not open. */
  fd(handle: number): number {
    return this.#entries[handle]?.fd ?? -1;
  }

  /** Takes the handle out; undefined when it is not open. */
  remove(handle: number): (() => number) | undefined {
    const entry = this.#entries[handle];
    if (entry === undefined) return undefined;
    this.#entries[handle] = undefined;
    return entry.close;
  }
}
