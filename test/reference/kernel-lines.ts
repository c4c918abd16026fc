import type { Trigger } from './state';

/**
 * What an event made the kernel do: signal the trigger eventfd; nothing because
 * the line is masked; nothing at all; or refuse (EINVAL).
 */
export type KernelAnswer = 'signal' | 'masked' | 'quiet' | 'refused';

interface KernelLine {
  trigger: Trigger;
  /** The hardware level of a level line. */
  high: boolean;
  masked: boolean;
  /** The counter of the trigger eventfd. */
  undrained: number;
}

/** The host kernel's side of the lines: levels, the automask handler, the eventfds. */
export class KernelLines {
  #lines: KernelLine[];

  constructor(triggers: readonly Trigger[]) {
    this.#lines = triggers.map((trigger) => ({
      trigger,
      high: false,
      masked: false,
      undrained: 0,
    }));
  }

  /** An edge line fires; on a level line this is the loop-back TRIGGER, which runs the same handler. */
  fire(line: number): KernelAnswer {
    return this.#handle(this.#at(line));
  }

  /** The level of a level line rises. A level that is high already does nothing new. */
  high(line: number): KernelAnswer {
    const target = this.#level(line);
    if (target.high) {
      return 'quiet';
    }
    target.high = true;
    return this.#handle(target);
  }

  low(line: number): KernelAnswer {
    this.#level(line).high = false;
    return 'quiet';
  }

  /** Enabled only if masked; a level that is still high then signals at once. */
  unmask(line: number): KernelAnswer {
    const target = this.#at(line);
    if (target.trigger === 'edge') {
      return 'refused';
    }
    if (!target.masked) {
      return 'quiet';
    }
    target.masked = false;
    return target.high ? this.#handle(target) : 'quiet';
  }

  mask(line: number): KernelAnswer {
    const target = this.#at(line);
    if (target.trigger === 'edge') {
      return 'refused';
    }
    target.masked = true;
    return 'quiet';
  }

  /** Reads the eventfd. @returns what it counted; 0 would be EAGAIN */
  drain(line: number): number {
    const target = this.#at(line);
    const count = target.undrained;
    target.undrained = 0;
    return count;
  }

  undrained(line: number): number {
    return this.#at(line).undrained;
  }

  isMasked(line: number): boolean {
    return this.#at(line).masked;
  }

  isHigh(line: number): boolean {
    return this.#at(line).high;
  }

  /** Lines whose eventfd holds something, in the order in which they are handled. */
  get waiting(): number[] {
    return this.#lines.flatMap(({ undrained }, line) => (undrained > 0 ? [line] : [])).reverse();
  }

  clone(): KernelLines {
    const copy = new KernelLines([]);
    copy.#lines = structuredClone(this.#lines);
    return copy;
  }

  get fingerprint(): string {
    return JSON.stringify(this.#lines);
  }

  /** The interrupt handler; only that of a level line masks. */
  #handle(target: KernelLine): KernelAnswer {
    if (target.trigger === 'level') {
      if (target.masked) {
        return 'masked';
      }
      target.masked = true;
    }
    target.undrained += 1;
    return 'signal';
  }

  #at(line: number): KernelLine {
    const found = this.#lines[line];
    if (found === undefined) {
      throw new RangeError(`no line ${line}`);
    }
    return found;
  }

  #level(line: number): KernelLine {
    const target = this.#at(line);
    if (target.trigger !== 'level') {
      throw new Error(`line ${line} is an edge line: it fires, it has no level`);
    }
    return target;
  }
}
