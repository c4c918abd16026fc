import type { Terminal } from '../environment';
import { PROGRESS_MS } from '../limits';

/** Tells on an interactive terminal how far long work has got, on one line that is wiped in the end. */
export class Progress {
  readonly #terminal: Terminal;
  readonly #what: string;
  #shownMs: number;
  #shown = false;

  constructor(terminal: Terminal, what: string) {
    this.#terminal = terminal;
    this.#what = what;
    this.#shownMs = terminal.nowMs();
  }

  /** @param part 0 … 1 */
  show(part: number): void {
    if (!this.#terminal.interactive) return;
    const nowMs = this.#terminal.nowMs();
    if (nowMs - this.#shownMs < PROGRESS_MS) return;
    this.#shownMs = nowMs;
    this.#shown = true;
    const percent = Math.min(100, Math.floor(part * 100));
    this.#terminal.error(`\r${this.#what}: ${String(percent).padStart(3)} %`);
  }

  end(): void {
    if (this.#shown) this.#terminal.error('\r\x1b[K');
    this.#shown = false;
  }
}
