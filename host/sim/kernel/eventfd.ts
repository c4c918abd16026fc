import {
  EAGAIN,
  EFAULT,
  EFD_CLOEXEC,
  EFD_NONBLOCK,
  EINVAL,
  EVENTFD_COUNTER_SIZE,
} from '../../../assembly/abi/linux';
import type { Counters } from './counters';
import { EFD_SEMAPHORE, ESPIPE } from './numbers';
import { OpenFile } from './open-file';
import { getU32, setU32 } from './user-struct';

const TWO_32 = 0x100000000;

/** Somebody in the kernel who waits on an eventfd: a watch, a virqfd or a KVM irqfd. */
export interface EventfdWaiter {
  /** The counter has been raised; the waiter may drain it. */
  wake(): void;
  /** The last descriptor was closed (EPOLLHUP). */
  hangUp(): void;
}

/**
 * An eventfd (eventfd(2)). The 64-bit counter is kept as two words, so that
 * reading and writing it allocates nothing.
 *
 * Where Linux would block the caller, this answers −EAGAIN with or without
 * EFD_NONBLOCK: nothing in one simulated process could wake it up.
 */
export class EventFd extends OpenFile {
  readonly #counters: Counters;
  readonly #semaphore: boolean;
  #low: number;
  #high = 0;
  /** Replaced, never changed in place: waiters come and go while they are woken. */
  #waiters: readonly EventfdWaiter[] = [];

  /** @returns an eventfd, or −EINVAL for flags that do not exist */
  static create(counters: Counters, initial: number, flags: number): EventFd | number {
    if ((flags & ~(EFD_SEMAPHORE | EFD_NONBLOCK | EFD_CLOEXEC)) !== 0) return -EINVAL;
    return new EventFd(counters, initial, (flags & EFD_SEMAPHORE) !== 0);
  }

  private constructor(counters: Counters, initial: number, semaphore: boolean) {
    super();
    this.#counters = counters;
    this.#semaphore = semaphore;
    this.#low = initial >>> 0;
    counters.eventfds++;
  }

  /** The counter; exact up to 2^53. */
  get count(): number {
    return this.#high * TWO_32 + this.#low;
  }

  /** eventfd_signal: one more, unless the counter is full. */
  signal(): void {
    if (this.#low !== 0xffffffff) this.#low++;
    else if (this.#high !== 0xffffffff) {
      this.#low = 0;
      this.#high++;
    }
    this.#wake();
  }

  /** Sets the counter to 0. @returns what it was */
  drain(): number {
    const count = this.count;
    this.#low = 0;
    this.#high = 0;
    return count;
  }

  addWaiter(waiter: EventfdWaiter, first = false): void {
    this.#waiters = first ? [waiter, ...this.#waiters] : [...this.#waiters, waiter];
  }

  removeWaiter(waiter: EventfdWaiter): void {
    this.#waiters = this.#waiters.filter((other) => other !== waiter);
  }

  override read(memory: Uint8Array, pointer: number, length: number): number {
    if (length < EVENTFD_COUNTER_SIZE) return -EINVAL;
    if (this.#low === 0 && this.#high === 0) return -EAGAIN;
    if (pointer + EVENTFD_COUNTER_SIZE > memory.byteLength) return -EFAULT;
    if (this.#semaphore) {
      setU32(memory, pointer, 1);
      setU32(memory, pointer + 4, 0);
      if (this.#low === 0) this.#high--;
      this.#low = (this.#low - 1) >>> 0;
    } else {
      setU32(memory, pointer, this.#low);
      setU32(memory, pointer + 4, this.#high);
      this.drain();
    }
    return EVENTFD_COUNTER_SIZE;
  }

  override write(memory: Uint8Array, pointer: number, length: number): number {
    if (length < EVENTFD_COUNTER_SIZE) return -EINVAL;
    if (pointer + EVENTFD_COUNTER_SIZE > memory.byteLength) return -EFAULT;
    const low = getU32(memory, pointer);
    const high = getU32(memory, pointer + 4);
    if (low === 0xffffffff && high === 0xffffffff) return -EINVAL;
    const sumLow = this.#low + low;
    const carry = sumLow >= TWO_32 ? 1 : 0;
    const sumHigh = this.#high + high + carry;
    const newLow = sumLow - carry * TWO_32;
    // The counter may be 2^64 − 2 at most; a write that would take it further blocks.
    if (sumHigh >= TWO_32 || (sumHigh === 0xffffffff && newLow === 0xffffffff)) return -EAGAIN;
    this.#low = newLow;
    this.#high = sumHigh;
    if (newLow !== 0 || sumHigh !== 0) this.#wake();
    return EVENTFD_COUNTER_SIZE;
  }

  override pread(): number {
    return -ESPIPE;
  }

  override pwrite(): number {
    return -ESPIPE;
  }

  #wake(): void {
    const waiters = this.#waiters;
    for (let i = 0; i < waiters.length; i++) (waiters[i] as EventfdWaiter).wake();
  }

  protected release(): void {
    this.#counters.eventfds--;
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const waiter of waiters) waiter.hangUp();
  }
}
