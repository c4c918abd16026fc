import { contents } from './linked-fifo';
import { highestActive, qemuEoi, qemuSignal, qemuTimer } from './qemu';
import {
  isSerialised,
  type LineState,
  lineAt,
  NONE,
  newState,
  type Output,
  type ReferenceLine,
  type ReferenceOptions,
  type ReferenceState,
} from './state';
import { strictAccess, strictEoi, strictSignal, strictTimer } from './strict';
import { cancelRetry, serveRetry, unmaskIfDue } from './unmask';

export type {
  EoiSource,
  LineOptions,
  LineState,
  Output,
  ReferenceOptions,
  Trigger,
} from './state';

export interface ReferenceAccess {
  write: boolean;
  failed: boolean;
  /** Lines one of whose register rules matches; others than 'register' lines are ignored. */
  completes: readonly number[];
  /** Into how many chunks the access is split; only 'qemu' cares. */
  chunks: number;
}

/**
 * The interrupt machine of S6 and S7, written from the specification alone and
 * for reading, not for speed: the oracle of the property tests. Every stimulus
 * returns what it makes the device do, in order.
 */
export class ReferenceModel {
  #state: ReferenceState;

  constructor(options: ReferenceOptions) {
    this.#state = newState(options);
  }

  /** Line's eventfd was read and held `count`; 0 is a wake-up with nothing to drain. */
  signal(line: number, count = 1): Output[] {
    const target = lineAt(this.#state, line);
    if (this.#state.paused) {
      target.queued += count;
      if (count > 0) {
        // It was unmasked after all, or could not have signalled; a retry would unmask too early.
        cancelRetry(this.#state, line);
      }
      return [];
    }
    const out: Output[] = [];
    if (this.#strict) {
      strictSignal(this.#state, out, line, count);
    } else {
      qemuSignal(this.#state, out, line, count);
    }
    return out;
  }

  /** An access that reached the plugin: see {@link accessIsTrapped}. */
  access(access: ReferenceAccess): Output[] {
    const out: Output[] = [];
    if (this.#strict) {
      strictAccess(this.#state, out, access);
    } else if (access.write || !access.failed) {
      for (let chunk = 0; chunk < access.chunks; chunk++) {
        qemuEoi(this.#state, out);
      }
    }
    return out;
  }

  /** The machine's interrupt controller completed `line`; only 'irqchip' lines listen. */
  eoi(line: number): Output[] {
    const out: Output[] = [];
    if (this.#strict && lineAt(this.#state, line).eoi === 'irqchip') {
      strictEoi(this.#state, out, line);
    }
    return out;
  }

  /** The timer fires; one that is not armed is a stale call and does nothing. */
  timer(): Output[] {
    const out: Output[] = [];
    if (this.#state.timerArmed) {
      this.#state.timerArmed = false;
      if (this.#strict) {
        strictTimer(this.#state, out);
      } else {
        qemuTimer(this.#state, out);
      }
    }
    return out;
  }

  /** Gives the next line whose unmask failed its turn. */
  safePoint(): Output[] {
    const out: Output[] = [];
    serveRetry(this.#state, out);
    return out;
  }

  /** S9; the same for both policies, QEMU has no reset (D26). */
  reset(): Output[] {
    const state = this.#state;
    const out: Output[] = [];
    for (const [line, target] of state.lines.entries()) {
      if (target.up) {
        out.push({ kind: 'down', line });
      }
      target.state = 'INACTIVE';
      target.up = false;
      target.again = 0;
      target.link = NONE;
      target.queued = 0;
      target.hostMasked = false;
      cancelRetry(state, line);
    }
    state.fifo = [];
    state.head = NONE;
    state.tail = NONE;
    state.lastServed = NONE;
    for (const [line, target] of state.lines.entries()) {
      if (target.armed) {
        unmaskIfDue(state, out, line);
      }
    }
    if (state.timerArmed) {
      state.timerArmed = false;
      out.push({ kind: 'timer', ms: 'off' });
    }
    if (!state.mappingOn) {
      state.mappingOn = true;
      out.push({ kind: 'mapping', on: true });
    }
    return out;
  }

  /** From here on signals stay in their eventfds. */
  pause(): void {
    this.#state.paused = true;
  }

  /** What waited is handled in descending line index, each eventfd in one go. */
  resume(): Output[] {
    this.#state.paused = false;
    const out: Output[] = [];
    for (let line = this.lineCount - 1; line >= 0; line--) {
      const target = lineAt(this.#state, line);
      const count = target.queued;
      target.queued = 0;
      if (count > 0) {
        out.push(...this.signal(line, count));
      }
    }
    return out;
  }

  /** Somebody wants the line masked: no EOI unmasks it, and no retry either. Edge lines cannot be. */
  maskOnRequest(line: number): void {
    const target = lineAt(this.#state, line);
    if (target.trigger === 'level') {
      target.hostMasked = true;
      cancelRetry(this.#state, line);
    }
  }

  /**
   * Nobody does any more: an idle line is unmasked now, any other at its EOI. One
   * whose signal waits for resume() is not idle: the kernel masked it with that signal.
   */
  unmaskOnRequest(line: number): Output[] {
    const target = lineAt(this.#state, line);
    const out: Output[] = [];
    if (target.hostMasked) {
      target.hostMasked = false;
      if (target.state === 'INACTIVE' && target.queued === 0) {
        unmaskIfDue(this.#state, out, line);
      }
    }
    return out;
  }

  /** Only reset() asks: it does not unmask a line that is not armed. All start armed. */
  setArmed(line: number, armed: boolean): void {
    lineAt(this.#state, line).armed = armed;
  }

  /** Whether unmasks of `line` fail from now on. */
  failUnmasks(line: number, fail: boolean): void {
    lineAt(this.#state, line).unmaskFails = fail;
  }

  unmaskFails(line: number): boolean {
    return lineAt(this.#state, line).unmaskFails;
  }

  get lineCount(): number {
    return this.#state.lines.length;
  }

  get options(): Readonly<ReferenceOptions> {
    return this.#state.options;
  }

  stateOf(line: number): LineState {
    return lineAt(this.#state, line).state;
  }

  isUp(line: number): boolean {
    return lineAt(this.#state, line).up;
  }

  again(line: number): number {
    return lineAt(this.#state, line).again;
  }

  /** Under 'qemu' by following the links; a loop ends with one repeated line. */
  get fifo(): number[] {
    return this.#strict ? [...this.#state.fifo] : contents(this.#state);
  }

  get mappingOn(): boolean {
    return this.#state.mappingOn;
  }

  /** Whether a guest access reaches the plugin, and so {@link access}, at all. */
  get accessIsTrapped(): boolean {
    return !(this.#state.options.directMapping && this.#state.mappingOn);
  }

  get timerArmed(): boolean {
    return this.#state.timerArmed;
  }

  get isPaused(): boolean {
    return this.#state.paused;
  }

  /** Highest ACTIVE index or -1: what QEMU's 'still active' names. */
  get highestActive(): number {
    return highestActive(this.#state);
  }

  isSerialised(line: number): boolean {
    return isSerialised(this.#state, line);
  }

  /** Failed unmask attempts and turns to go, or null when nothing is retried. */
  retryOf(line: number): Readonly<{ attempts: number; wait: number }> | null {
    const { retry } = lineAt(this.#state, line);
    return retry === null ? null : { ...retry };
  }

  isStuck(line: number): boolean {
    return lineAt(this.#state, line).stuck;
  }

  isHostMasked(line: number): boolean {
    return lineAt(this.#state, line).hostMasked;
  }

  /** Signals that wait for resume(). */
  queued(line: number): number {
    return lineAt(this.#state, line).queued;
  }

  /** Signals without an injection of their own; of all lines together without an argument. */
  coalesced(line?: number): number {
    return this.#sum(line, (of) => of.coalesced);
  }

  /** Wake-ups with nothing to drain. */
  spurious(line?: number): number {
    return this.#sum(line, (of) => of.spurious);
  }

  /** Signals of a level line that was ACTIVE, so should have been masked. */
  unexpected(line?: number): number {
    return this.#sum(line, (of) => of.unexpected);
  }

  clone(): ReferenceModel {
    const copy = new ReferenceModel(this.#state.options);
    copy.#state = structuredClone(this.#state);
    return copy;
  }

  /** Equal for models that behave alike from here on; counters have no say in that. */
  get fingerprint(): string {
    const { options: _, ...state } = this.#state;
    const lines = state.lines.map((line) => ({
      ...line,
      coalesced: 0,
      spurious: 0,
      unexpected: 0,
    }));
    return JSON.stringify({ ...state, lines });
  }

  get #strict(): boolean {
    return this.#state.options.policy === 'strict';
  }

  #sum(line: number | undefined, count: (line: ReferenceLine) => number): number {
    const lines = line === undefined ? this.#state.lines : [lineAt(this.#state, line)];
    return lines.reduce((sum, each) => sum + count(each), 0);
  }
}
