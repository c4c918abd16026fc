import type { Clock } from '../../host/time/clock';

/** What the outside world can do to the board that the firmware's stories run on. */
export interface StoriesBoard {
  readonly clock: Clock;
  setPin(pin: number, high: boolean): void;
  sendToUart(bytes: Uint8Array): void;
}

/** How long after the end of a request the outside acts on it, in nanoseconds. */
const REACTION_NS = 50_000;

/** The outside of firmware/stories.bin: reads what it prints and does what it asks for (firmware/README.md). */
export class StoriesOutside {
  /** Complete lines that the firmware has printed. */
  readonly lines: string[] = [];
  #partial = '';
  readonly #board: StoriesBoard;

  constructor(board: StoriesBoard) {
    this.#board = board;
  }

  /** Takes a character that has left the UART. */
  readonly hear = (byte: number): void => {
    if (byte !== 0x0a) {
      this.#partial += String.fromCharCode(byte);
      return;
    }
    const line = this.#partial;
    this.#partial = '';
    this.lines.push(line);
    this.#answer(line);
  };

  #answer(line: string): void {
    const pins = /^\? pins ([0-9a-f]{2}) ([0-9a-f]{2})$/.exec(line);
    if (pins) {
      const mask = Number.parseInt(pins[1] as string, 16);
      const levels = Number.parseInt(pins[2] as string, 16);
      this.#later(() => {
        for (let pin = 0; pin < 8; pin++) {
          if (mask & (1 << pin)) this.#board.setPin(pin, (levels & (1 << pin)) !== 0);
        }
      });
    }
    const text = /^\? line (.*)$/.exec(line);
    if (text) {
      this.#later(() => this.#board.sendToUart(new TextEncoder().encode(`${text[1]}\n`)));
    }
  }

  #later(act: () => void): void {
    this.#board.clock.setTimer(REACTION_NS, act);
  }
}
