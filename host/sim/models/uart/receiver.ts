import type { TimerHandle } from '../../../time/clock';
import * as bits from './bits';
import type { Framing } from './framing';

/** Character times without traffic after which the FIFO timeout comes. */
const TIMEOUT_CHARACTERS = 4;

/** What a receiver needs of its UART. */
export interface ReceiverEnd extends Framing {
  /** Characters that the FIFO holds. */
  readonly fifoDepth: number;
  /** Characters that bring the interrupt, by bits 7:6 of FCR. */
  readonly triggerLevels: readonly [number, number, number, number];
  /** The timeout has come. */
  readonly settle: () => void;
}

/** The receive side of a 16550: characters with their errors, in a FIFO or a single register. */
export class Receiver {
  readonly #end: ReceiverEnd;
  /** Characters with their error bits above, oldest first. */
  #words: number[] = [];
  #fifo = false;
  #trigger = 0;
  #timer: TimerHandle | undefined;
  #timeoutDueNs = 0;
  /** A character with errors has arrived since power-on. */
  #errorsSeen = false;
  /** OE, PE, FE and BI as LSR shows them until it is read. */
  lineErrors = 0;
  timedOut = false;

  constructor(end: ReceiverEnd) {
    this.#end = end;
  }

  get length(): number {
    return this.#words.length;
  }

  /** As many characters wait as bring the interrupt. */
  get atLevel(): boolean {
    const level = this.#fifo ? (this.#end.triggerLevels[this.#trigger] as number) : 1;
    return this.#words.length >= level;
  }

  /** One more character would be lost. */
  get full(): boolean {
    return this.#words.length >= (this.#fifo ? this.#end.fifoDepth : 1);
  }

  /** Switches the FIFO; its trigger bits only count while it is on. */
  configure(fifo: boolean, trigger: number): void {
    this.#fifo = fifo;
    if (fifo) this.#trigger = trigger;
  }

  /** A character has been received completely. */
  arrive(word: number): void {
    const character = (word & this.#end.dataMask()) | (word & ~0xff);
    if (character >> bits.ERROR_SHIFT !== 0) this.#errorsSeen = true;
    if (this.full) this.lineErrors |= bits.LSR_OE;
    if (!this.#fifo) {
      this.#words = [character];
      this.#revealErrors();
    } else if (!this.full) {
      // A full FIFO keeps what it has; the character in the shift register is lost.
      this.#words.push(character);
      if (this.#words.length === 1) this.#revealErrors();
    }
    this.#restartTimeout();
  }

  /** A read of RBR; 0 when nothing waits. */
  take(): number {
    const word = this.#words.shift();
    if (word === undefined) return 0;
    this.#revealErrors();
    this.#touched();
    return word & 0xff;
  }

  /** The receiver's part of a read of LSR. */
  takeStatus(): number {
    let status = this.lineErrors;
    if (this.#words.length > 0) status |= bits.LSR_DR;
    if (this.#hasErrors()) status |= bits.LSR_FIFO_ERROR;
    this.lineErrors = 0;
    if (this.#words.length > 0) this.#words[0] = (this.#words[0] as number) & 0xff;
    return status;
  }

  clear(): void {
    this.#words = [];
    this.#touched();
  }

  reset(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#words = [];
    this.#fifo = false;
    this.#trigger = 0;
    this.#errorsSeen = false;
    this.lineErrors = 0;
    this.timedOut = false;
  }

  #hasErrors(): boolean {
    // Drivers read LSR for each character; looking through the FIFO each time is slow.
    if (!this.#errorsSeen || !this.#fifo) return false;
    return this.#words.some((word) => word >> bits.ERROR_SHIFT !== 0);
  }

  /** Errors show in LSR when their character gets to the top of the FIFO. */
  #revealErrors(): void {
    const top = this.#words[0];
    if (top !== undefined) this.lineErrors |= top >> bits.ERROR_SHIFT;
  }

  #touched(): void {
    this.timedOut = false;
    this.#restartTimeout();
  }

  /** Called for each character: the timer is only set again when it comes too early. */
  #restartTimeout(): void {
    if (!this.#fifo || this.#words.length === 0) {
      this.#timer?.cancel();
      this.#timer = undefined;
      return;
    }
    const nowNs = this.#end.clock().nowNs();
    this.#timeoutDueNs = nowNs + TIMEOUT_CHARACTERS * this.#end.characterNs();
    if (this.#timer === undefined) this.#awaitTimeout(nowNs);
  }

  #awaitTimeout(nowNs: number): void {
    const dueNs = this.#timeoutDueNs;
    this.#timer = this.#end.clock().setTimer(dueNs - nowNs, () => {
      this.#timer = undefined;
      if (dueNs < this.#timeoutDueNs) {
        this.#awaitTimeout(Math.min(this.#end.clock().nowNs(), this.#timeoutDueNs));
        return;
      }
      this.timedOut = true;
      this.#end.settle();
    });
  }
}
