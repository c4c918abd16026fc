import { EINVAL } from '../../assembly/abi/linux';
import type { Doorbell, DoorbellMemory } from '../boundary/kernel';
import { OwnDoorbell } from '../boundary/own-doorbell';
import type { Addon } from './addon';

/** A doorbell as the addon knows it. */
export interface NativeDoorbell {
  readonly id: number;
  /** Watches that ring it. */
  users: number;
  /** Brings what the addon's thread has left to a Doorbell without memory. */
  readonly settle: () => void;
}

/** The doorbells that the addon's thread rings. */
export class NativeDoorbells {
  readonly #addon: Addon;
  readonly #known = new Map<Doorbell, NativeDoorbell>();

  constructor(addon: Addon) {
    this.#addon = addon;
  }

  /** Takes part in `doorbell`; −errno on failure. */
  acquire(doorbell: Doorbell): NativeDoorbell | number {
    let native = this.#known.get(doorbell);
    if (native === undefined) {
      const added = doorbell.memory ? this.#addMemory(doorbell) : this.#addPlain(doorbell);
      if (added.id < 0) return added.id;
      native = added;
      this.#known.set(doorbell, native);
    }
    native.users++;
    return native;
  }

  /** Ends one user's part. */
  release(doorbell: Doorbell): void {
    const native = this.#known.get(doorbell);
    if (native === undefined) return;
    native.users--;
    if (native.users > 0) return;
    this.#known.delete(doorbell);
    this.#addon.dropDoorbell(native.id);
  }

  #addMemory(doorbell: Doorbell): NativeDoorbell {
    if (doorbell.memory === undefined) return { id: -EINVAL, users: 0, settle() {} };
    const id = this.#add(doorbell.memory, doorbell, () => doorbell.wake?.());
    return { id, users: 0, settle() {} };
  }

  #addPlain(doorbell: Doorbell): NativeDoorbell {
    const own = new OwnDoorbell();
    const settle = () => own.answer((line, count) => doorbell.ring(line, count));
    return { id: this.#add(own.memory, doorbell, settle), users: 0, settle };
  }

  #add(
    { memory, summary, words, counts, lines }: DoorbellMemory,
    doorbell: Doorbell,
    rung: () => void,
  ): number {
    return this.#addon.addDoorbell(memory, summary, words, counts, lines, (hungUp) => {
      if (hungUp === undefined) rung();
      else doorbell.hungUp?.(hungUp);
    });
  }
}
