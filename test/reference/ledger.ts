import type { Output, ReferenceOptions } from './state';

interface Account {
  owed: number;
  causeless: number;
  up: boolean;
}

/**
 * Balances signals against injections, which one snapshot cannot show: what
 * I5 and I6 need. Fed with the signals that the machine under test drained and
 * the outputs that it made, in order. A signal is to be noted before the
 * outputs that it caused.
 */
export class Ledger {
  readonly #options: Pick<ReferenceOptions, 'edgeCount' | 'lines'>;
  #accounts: Account[];

  constructor(options: Pick<ReferenceOptions, 'edgeCount' | 'lines'>) {
    this.#options = options;
    this.#accounts = options.lines.map(() => ({ owed: 0, causeless: 0, up: false }));
  }

  signal(line: number, count: number): void {
    if (count > 0) {
      const account = this.#at(line);
      account.owed = this.#replays(line) ? account.owed + count : 1;
    }
  }

  outputs(outputs: readonly Output[]): void {
    for (const output of outputs) {
      if (output.kind === 'up') {
        this.#up(output.line);
      } else if (output.kind === 'down') {
        this.#down(output.line);
      }
    }
  }

  /** After a reset nothing is owed any more. */
  reset(): void {
    for (const account of this.#accounts) {
      account.owed = 0;
    }
  }

  /** Injections that are still to come for the signals so far ('coalesce' and level: at most 1). */
  owed(line: number): number {
    return this.#at(line).owed;
  }

  /** Injections so far for which no signal was left. */
  causeless(line: number): number {
    return this.#at(line).causeless;
  }

  clone(): Ledger {
    const copy = new Ledger(this.#options);
    copy.#accounts = structuredClone(this.#accounts);
    return copy;
  }

  get fingerprint(): string {
    return JSON.stringify(this.#accounts);
  }

  #up(line: number): void {
    const account = this.#at(line);
    // Raising a line that is up is no edge, so the guest sees no injection (D07).
    if (!account.up) {
      account.up = true;
      if (account.owed === 0) {
        account.causeless += 1;
      } else {
        account.owed -= 1;
      }
    }
  }

  #down(line: number): void {
    const account = this.#at(line);
    account.up = false;
    // A level that is still high signals afresh, so nothing of the old one is owed.
    if (this.#options.lines[line]?.trigger === 'level') {
      account.owed = 0;
    }
  }

  #replays(line: number): boolean {
    return this.#options.edgeCount === 'replay' && this.#options.lines[line]?.trigger === 'edge';
  }

  #at(line: number): Account {
    const found = this.#accounts[line];
    if (found === undefined) {
      throw new RangeError(`no line ${line}`);
    }
    return found;
  }
}
