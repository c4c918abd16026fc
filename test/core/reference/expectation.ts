import type { Output, ReferenceModel } from '../../reference/model';
import type { Setup } from './setup';

/**
 * What the core must do and count according to the reference model. Takes the
 * model's outputs in and leaves out what S6 and S7 allow the core to leave out.
 */
export class Expectation {
  /** Outputs since the last {@link take}. */
  #outputs: Output[] = [];
  /** When the mmap timer must fire, in milliseconds. */
  deadlineMs: number | undefined;
  nowMs = 0;
  /** Whether the direct mapping is on. */
  mapping = true;
  readonly device = {
    reads: 0,
    writes: 0,
    failed: 0,
    refused: 0,
    safePoints: 0,
    resets: 0,
    mappingSwitches: 0,
    unmaskRetries: 0,
  };
  readonly lines: {
    signals: number;
    injections: number;
    completions: number;
    unmaskFailures: number;
    /** Merged signals that the core does not count; see {@link signal}. */
    uncounted: number;
  }[];
  readonly #setup: Setup;
  readonly #model: ReferenceModel;
  readonly #up = new Set<number>();

  constructor(setup: Setup, model: ReferenceModel) {
    this.#setup = setup;
    this.#model = model;
    this.lines = setup.lines.map(() => ({
      signals: 0,
      injections: 0,
      completions: 0,
      unmaskFailures: 0,
      uncounted: 0,
    }));
  }

  take(): Output[] {
    return this.#outputs.splice(0);
  }

  /** The core handles `count` signals that were drained. */
  signal(line: number, count: number): void {
    const before = this.#model.stateOf(line);
    const outputs = this.#model.signal(line, count);
    const of = this.lineAt(line);
    of.signals += count;
    const strict = this.#setup.policy === 'strict';
    if (strict && before === 'INACTIVE' && this.#setup.lines[line]?.trigger === 'level') {
      // A level is no event, so more signals of it are nothing that was merged.
      of.uncounted += Math.max(0, count - 1);
    }
    const waits = strict && this.#model.stateOf(line) === 'PENDING';
    // S7 has the timer look at PENDING lines when it fires. Like S6 it does not say that one
    // restarts it; the model does that, the core does not.
    this.add(waits ? outputs.filter(({ kind }) => kind !== 'timer') : outputs);
  }

  add(outputs: readonly Output[]): void {
    for (const output of outputs) if (this.#matters(output)) this.#outputs.push(output);
  }

  /** Machine reset ends lines without completing them. */
  reset(): void {
    const completions = this.lines.map((line) => line.completions);
    this.add(this.#model.reset());
    this.lines.forEach((line, index) => {
      line.completions = completions[index] ?? 0;
    });
    this.device.resets++;
  }

  /** Time goes by, with the timer firing on the way. */
  advance(ms: number): void {
    const end = this.nowMs + ms;
    while (this.deadlineMs !== undefined && this.deadlineMs <= end) {
      this.nowMs = this.deadlineMs;
      this.deadlineMs = undefined;
      this.add(this.#model.timer());
    }
    this.nowMs = end;
  }

  lineAt(line: number): Expectation['lines'][number] {
    const found = this.lines[line];
    if (found === undefined) throw new RangeError(`no line ${line}`);
    return found;
  }

  /** Counts the output. @returns whether the core's surroundings see it */
  #matters(output: Output): boolean {
    switch (output.kind) {
      case 'up':
        // Raising a line that is up shows nothing (S6), so the guest gets no interrupt.
        if (this.#up.has(output.line)) return false;
        this.#up.add(output.line);
        this.lineAt(output.line).injections++;
        return true;
      case 'down':
        this.lineAt(output.line).completions++;
        return this.#up.delete(output.line);
      case 'unmask':
        if (this.#model.unmaskFails(output.line)) this.lineAt(output.line).unmaskFailures++;
        return true;
      case 'mapping':
        // Nothing is done when nothing changes (S4).
        if (this.mapping === output.on) return false;
        this.mapping = output.on;
        this.device.mappingSwitches++;
        return this.#setup.directMapping;
      case 'timer':
        this.deadlineMs = output.ms === 'off' ? undefined : this.nowMs + Number(output.ms);
        return true;
      case 'stuck':
        return true;
    }
  }
}
