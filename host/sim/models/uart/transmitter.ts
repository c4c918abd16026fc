import type { TimerHandle } from '../../../time/clock';
import type { Framing } from './framing';

/** What a transmitter needs of its UART. */
export interface TransmitterEnd extends Framing {
  /** Characters that the FIFO holds. */
  readonly fifoDepth: number;
  /** Whether the next character may start (flow control). */
  readonly mayStart: () => boolean;
  /** Takes the characters back in loopback; undefined when they go out. */
  readonly loopback: () => { readonly full: boolean; arrive(word: number): void } | undefined;
  /** Characters have left the shift register. */
  readonly settle: () => void;
  /** Called with each character that goes out, after settle(). */
  readonly onTransmit: ((byte: number) => void) | undefined;
}

/** The transmit side of a 16550: a FIFO or a single register, and the shift register behind it. */
export class Transmitter {
  readonly #end: TransmitterEnd;
  #queue: number[] = [];
  /** The character in the shift register. */
  #shifting: number | undefined;
  #timer: TimerHandle | undefined;
  /** The FIFO has become empty, which the guest does not know yet (THRE interrupt). */
  pending = false;

  constructor(end: TransmitterEnd) {
    this.#end = end;
  }

  /** Characters before the shift register. */
  get length(): number {
    return this.#queue.length;
  }

  get idle(): boolean {
    return this.#queue.length === 0 && this.#shifting === undefined;
  }

  /** A write of THR; one that finds the FIFO full is lost. */
  send(byte: number, fifo: boolean): void {
    if (!fifo) this.#queue = [byte];
    else if (this.#queue.length < this.#end.fifoDepth) this.#queue.push(byte);
    this.pending = false;
    this.feed();
  }

  /** Starts the next character, unless one is under way or must wait. */
  feed(): void {
    if (!this.#load()) return;
    const clock = this.#end.clock();
    const characterNs = this.#end.characterNs();
    const dueNs = clock.nowNs() + characterNs;
    this.#timer = clock.setTimer(characterNs, () => this.#shifted(dueNs));
  }

  /** Empties the FIFO; the character in the shift register goes out. */
  clear(): void {
    if (this.#queue.length > 0) this.pending = true;
    this.#queue = [];
  }

  reset(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#queue = [];
    this.#shifting = undefined;
    this.pending = false;
  }

  /** Moves the next character into the empty shift register. @returns whether there was one */
  #load(): boolean {
    if (this.#shifting !== undefined || this.#queue.length === 0) return false;
    if (!this.#end.mayStart()) return false;
    this.#shifting = this.#queue.shift() as number;
    if (this.#queue.length === 0) this.pending = true;
    return true;
  }

  /** Characters have left, as many as should have by now if the clock comes late. */
  #shifted(firstDueNs: number): void {
    const nowNs = this.#end.clock().nowNs();
    const loopback = this.#end.loopback();
    const sent: number[] = [];
    let dueNs = firstDueNs;
    do {
      const byte = (this.#shifting as number) & this.#end.dataMask();
      this.#shifting = undefined;
      if (loopback) loopback.arrive(byte);
      else sent.push(byte);
      dueNs += this.#end.characterNs();
    } while (dueNs <= nowNs && !loopback?.full && this.#load());
    this.feed();
    this.#end.settle();
    for (const byte of sent) this.#end.onTransmit?.(byte);
  }
}
