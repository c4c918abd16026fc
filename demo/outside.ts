import type { Random } from '../host/sim/random';
import type { Clock } from '../host/time/clock';

/** What the outside can do to the board. */
export interface OutsideWires {
  setPin(pin: number, high: boolean): void;
  sendToUart(bytes: Uint8Array): void;
}

/** What the outside heard and did, for whoever shows it. */
export interface OutsideListener {
  /** The firmware has printed a line; its LF has just left the UART. */
  heard(line: string): void;
  /** The outside is about to do what the firmware asked for. */
  acts(what: string): void;
}

/** The firmware gives the outside 500 ms; a reaction takes something up to this, in nanoseconds. */
const SLOWEST_NS = 200_000;
const FASTEST_NS = 20_000;

/**
 * The world around the board: it reads what the firmware prints and does what
 * it asks for (the protocol is in firmware/README.md), after a reaction time
 * that is drawn from `random`.
 */
export class Outside {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #wires: OutsideWires;
  readonly #listener: OutsideListener;
  #partial = '';

  constructor(clock: Clock, random: Random, wires: OutsideWires, listener: OutsideListener) {
    this.#clock = clock;
    this.#random = random;
    this.#wires = wires;
    this.#listener = listener;
  }

  /** Takes a character that has left the UART. */
  hear(byte: number): void {
    if (byte !== 0x0a) {
      this.#partial += String.fromCharCode(byte);
      return;
    }
    const line = this.#partial;
    this.#partial = '';
    this.#listener.heard(line);
    this.#answer(line);
  }

  #answer(line: string): void {
    const pins = /^\? pins ([0-9a-f]{2}) ([0-9a-f]{2})$/.exec(line);
    if (pins) {
      const mask = Number.parseInt(pins[1] as string, 16);
      const levels = Number.parseInt(pins[2] as string, 16);
      this.#later(() => this.#setPins(mask, levels));
    }
    const text = /^\? line (.*)$/.exec(line)?.[1];
    if (text !== undefined) this.#later(() => this.#send(text));
  }

  #setPins(mask: number, levels: number): void {
    const pins = [0, 1, 2, 3, 4, 5, 6, 7].filter((pin) => mask & (1 << pin));
    this.#listener.acts(describePins(pins, levels));
    for (const pin of pins) this.#wires.setPin(pin, (levels & (1 << pin)) !== 0);
  }

  #send(text: string): void {
    this.#listener.acts('sends that text');
    this.#wires.sendToUart(new TextEncoder().encode(`${text}\n`));
  }

  #later(act: () => void): void {
    const delayNs = FASTEST_NS + this.#random.below(SLOWEST_NS - FASTEST_NS);
    this.#clock.setTimer(delayNs, act);
  }
}

/** 'pin 2 high'; 'pins 2-7 low'; 'pin 2 high, pin 3 low'. */
function describePins(pins: readonly number[], levels: number): string {
  const some = (word: string, of: readonly number[]) => {
    const [first] = of;
    const last = of.at(-1);
    if (first === undefined || last === undefined) return [];
    if (of.length === 1) return [`pin ${first} ${word}`];
    const inOneGo = last - first === of.length - 1;
    return [`pins ${inOneGo ? `${first}-${last}` : of.join(', ')} ${word}`];
  };
  const high = pins.filter((pin) => levels & (1 << pin));
  const low = pins.filter((pin) => !(levels & (1 << pin)));
  return [...some('high', high), ...some('low', low)].join(', ');
}
