import type { Snapshot } from './invariants';
import { type KernelAnswer, KernelLines } from './kernel-lines';
import { Ledger } from './ledger';
import { type Output, type ReferenceAccess, ReferenceModel, type ReferenceOptions } from './model';

/**
 * The reference model on a kernel: what one does is fed to the other. Signals
 * wait in the kernel until `serve` drains them, so tests choose the moment.
 */
export class ReferenceRig {
  readonly model: ReferenceModel;
  readonly kernel: KernelLines;
  readonly ledger: Ledger;

  constructor(options: ReferenceOptions, parts?: [ReferenceModel, KernelLines, Ledger]) {
    this.model = parts?.[0] ?? new ReferenceModel(options);
    this.kernel = parts?.[1] ?? new KernelLines(options.lines.map(({ trigger }) => trigger));
    this.ledger = parts?.[2] ?? new Ledger(options);
  }

  fire(line: number): KernelAnswer {
    return this.kernel.fire(line);
  }

  high(line: number): KernelAnswer {
    return this.kernel.high(line);
  }

  low(line: number): KernelAnswer {
    return this.kernel.low(line);
  }

  /** Drains one eventfd into the model; an empty one is a spurious wake-up. */
  serve(line: number): Output[] {
    const count = this.kernel.drain(line);
    if (!this.model.isPaused) {
      this.ledger.signal(line, count);
    }
    return this.#apply(this.model.signal(line, count));
  }

  /** One round over the eventfds that hold something. */
  serveAll(): Output[] {
    return this.kernel.waiting.flatMap((line) => this.serve(line));
  }

  /** A guest access; leaves no mark while it is direct. */
  access(access: Partial<ReferenceAccess> = {}): Output[] {
    if (!this.model.accessIsTrapped) {
      return [];
    }
    const whole = { write: false, failed: false, completes: [], chunks: 1, ...access };
    return this.#apply(this.model.access(whole));
  }

  eoi(line: number): Output[] {
    return this.#apply(this.model.eoi(line));
  }

  timer(): Output[] {
    return this.#apply(this.model.timer());
  }

  /**
   * Drains the lines in retry first. After a reset a retry may concern a line that
   * is not masked and may have signalled since; unmasking it then would be wrong.
   */
  safePoint(): Output[] {
    const out = this.kernel.waiting
      .filter((line) => this.model.retryOf(line) !== null)
      .flatMap((line) => this.serve(line));
    return [...out, ...this.#apply(this.model.safePoint())];
  }

  /** S9: the eventfds are drained before the lines are unmasked. */
  reset(): Output[] {
    for (const line of this.kernel.waiting) {
      this.kernel.drain(line);
    }
    this.ledger.reset();
    return this.#apply(this.model.reset());
  }

  pause(): void {
    this.model.pause();
  }

  resume(): Output[] {
    for (let line = 0; line < this.model.lineCount; line++) {
      this.ledger.signal(line, this.model.queued(line));
    }
    return this.#apply(this.model.resume());
  }

  maskOnRequest(line: number): void {
    this.model.maskOnRequest(line);
    this.kernel.mask(line);
  }

  /** Drains first: a signal that waits says that the line is masked for another reason, too. */
  unmaskOnRequest(line: number): Output[] {
    const out = this.kernel.undrained(line) > 0 ? this.serve(line) : [];
    return [...out, ...this.#apply(this.model.unmaskOnRequest(line))];
  }

  failUnmasks(line: number, fail: boolean): void {
    this.model.failUnmasks(line, fail);
  }

  snapshot(): Snapshot {
    const { model, kernel, ledger } = this;
    return {
      lines: model.options.lines.map(({ trigger }, line) => ({
        trigger,
        serialised: model.isSerialised(line),
        state: model.stateOf(line),
        up: model.isUp(line),
        again: model.again(line),
        masked: kernel.isMasked(line),
        hostMasked: model.isHostMasked(line),
        undrained: kernel.undrained(line) > 0 || model.queued(line) > 0,
        retrying: model.retryOf(line) !== null,
        stuck: model.isStuck(line),
        ledger: { owed: ledger.owed(line), causeless: ledger.causeless(line) },
      })),
      fifo: model.fifo,
      directMapping: model.options.directMapping,
      mappingOn: model.mappingOn,
    };
  }

  clone(): ReferenceRig {
    return new ReferenceRig(this.model.options, [
      this.model.clone(),
      this.kernel.clone(),
      this.ledger.clone(),
    ]);
  }

  get fingerprint(): string {
    return this.model.fingerprint + this.kernel.fingerprint + this.ledger.fingerprint;
  }

  #apply(outputs: Output[]): Output[] {
    this.ledger.outputs(outputs);
    for (const output of outputs) {
      if (output.kind === 'unmask' && !this.model.unmaskFails(output.line)) {
        this.kernel.unmask(output.line);
      }
    }
    return outputs;
  }
}
