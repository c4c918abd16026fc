import type { TimerHandle } from '../../../time/clock';
import type { Framing } from './framing';

/** What a {@link Wire} needs of the UART at its end. */
export interface WireEnd extends Pick<Framing, 'clock' | 'characterNs'> {
  /** Flow control: the sender waits before its next character. */
  readonly held: () => boolean;
  /** One more character would be lost. */
  readonly full: () => boolean;
  readonly arrive: (word: number) => void;
  /** Characters have arrived. */
  readonly settle: () => void;
}

/**
 * Characters on their way to a receiver, one after the other at its baud rate.
 *
 * A clock that comes late, as one of an emulator may by a millisecond, is caught
 * up with: as many characters arrive as should have by now. But a character is
 * never lost for that, only because the guest is slow.
 */
export class Wire {
  readonly #end: WireEnd;
  #words: number[] = [];
  #next = 0;
  #timer: TimerHandle | undefined;

  constructor(end: WireEnd) {
    this.#end = end;
  }

  /** Puts characters behind those that are on their way. */
  send(words: Iterable<number>): void {
    for (const word of words) this.#words.push(word);
    this.run();
  }

  /** Starts the next character, unless one is under way or the sender is held. */
  run(): void {
    if (this.#timer || this.#next >= this.#words.length || this.#end.held()) return;
    const clock = this.#end.clock();
    const characterNs = this.#end.characterNs();
    const dueNs = clock.nowNs() + characterNs;
    this.#timer = clock.setTimer(characterNs, () => {
      this.#timer = undefined;
      this.#deliver(dueNs);
      this.run();
      this.#end.settle();
    });
  }

  /** A character is under way. */
  get busy(): boolean {
    return this.#timer !== undefined;
  }

  /** Cuts off what is under way. */
  cut(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#words = [];
    this.#next = 0;
  }

  #deliver(firstDueNs: number): void {
    const nowNs = this.#end.clock().nowNs();
    let dueNs = firstDueNs;
    do {
      this.#end.arrive(this.#words[this.#next++] as number);
      dueNs += this.#end.characterNs();
    } while (
      this.#next < this.#words.length &&
      dueNs <= nowNs &&
      !this.#end.held() &&
      !this.#end.full()
    );
    if (this.#next < this.#words.length) return;
    this.#words = [];
    this.#next = 0;
  }
}
