import type { GuestRam } from '../../boundary/guest-ram';
import type { Kernel } from '../../boundary/kernel';
import { VfioError } from '../../errors';
import type { DmaMode } from '../format/header';
import { OP_DMA_WRITE, OP_SYNC } from '../format/ops';
import { MAX_DMA_PIECE, MAX_SYNC_BYTES, SYNC_PAGE_BYTES } from '../limits';
import type { Recorder } from './recorder';

interface Watched {
  readonly ram: GuestRam;
  /** What the RAM held at the last sync point (mode 'at-sync'). */
  readonly copy: Uint8Array | undefined;
  readonly end: () => void;
}

/** Writes down what the device writes to guest RAM. */
export class DmaRecorder {
  readonly #recorder: Recorder;
  readonly #kernel: Kernel;
  readonly #mode: DmaMode;
  readonly #device: string;
  readonly #rams = new Map<number, Watched>();

  constructor(recorder: Recorder, kernel: Kernel, mode: DmaMode, device: string) {
    this.#recorder = recorder;
    this.#kernel = kernel;
    this.#mode = mode;
    this.#device = device;
  }

  /** Refuses guest RAM whose changes nobody would see. @throws VfioError DMA_NOT_RECORDABLE */
  admit(ram: GuestRam): void {
    const refuse = (why: string) =>
      new VfioError('DMA_NOT_RECORDABLE', `${this.#device}: ${why}`, { device: this.#device });
    if (this.#mode === 'none') {
      throw refuse(
        'this host does not show what the device writes to guest RAM, so a recording would not be complete; ' +
          "leave the option dma out, or record with dma: 'at-sync' and call sync() where that is enough",
      );
    }
    if (this.#mode !== 'at-sync') return;
    let total = ram.bytes.length;
    for (const { copy } of this.#rams.values()) total += copy?.length ?? 0;
    if (total > MAX_SYNC_BYTES) {
      throw refuse(
        `recording DMA at sync points takes at most ${MAX_SYNC_BYTES} bytes of guest RAM`,
      );
    }
  }

  add(handle: number, ram: GuestRam): void {
    const end = this.#kernel.watchDma?.(ram, (offset, length) =>
      this.#write(handle, ram, offset, length),
    );
    const copy = this.#mode === 'at-sync' ? ram.bytes.slice() : undefined;
    this.#rams.set(handle, { ram, copy, end: end ?? (() => {}) });
  }

  remove(handle: number): void {
    this.#rams.get(handle)?.end();
    this.#rams.delete(handle);
  }

  end(): void {
    for (const handle of [...this.#rams.keys()]) this.remove(handle);
  }

  /** Writes down the pages that have changed since the last time, whoever changed them. */
  sync(name: string): void {
    this.#recorder.note(OP_SYNC, new TextEncoder().encode(name));
    for (const [handle, { ram, copy }] of this.#rams) {
      if (copy === undefined) continue;
      for (let at = 0; at < copy.length; at += SYNC_PAGE_BYTES) {
        const page = ram.bytes.subarray(at, Math.min(at + SYNC_PAGE_BYTES, copy.length));
        if (page.every((byte, i) => byte === copy[at + i])) continue;
        copy.set(page, at);
        this.#write(handle, ram, at, page.length);
      }
    }
  }

  #write(handle: number, ram: GuestRam, offset: number, length: number): void {
    for (let done = 0; done < length; done += MAX_DMA_PIECE) {
      const at = offset + done;
      const piece = ram.bytes.subarray(at, at + Math.min(MAX_DMA_PIECE, length - done));
      this.#recorder.note(OP_DMA_WRITE, piece, handle, at);
      this.#recorder.noted();
    }
  }
}
