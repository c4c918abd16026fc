import * as bits from './bits';

/** Modem inputs of a 16550; true = asserted (the pin itself is low). */
export interface UartModemInputs {
  readonly cts: boolean;
  readonly dsr: boolean;
  readonly dcd: boolean;
  readonly ri: boolean;
}

/** The modem lines of a 16550. At first CTS, DSR and DCD are asserted; inputs stay over a reset. */
export class Modem {
  #mcr = 0;
  #inputs = bits.MODEM_CTS | bits.MODEM_DSR | bits.MODEM_DCD;
  #seen = this.#inputs;
  /** Changes since the guest looked, bits 3:0 of MSR. */
  delta = 0;

  set(inputs: Partial<UartModemInputs>): void {
    const set = (line: number, asserted: boolean | undefined) => {
      if (asserted === undefined) return;
      this.#inputs = asserted ? this.#inputs | line : this.#inputs & ~line;
    };
    set(bits.MODEM_CTS, inputs.cts);
    set(bits.MODEM_DSR, inputs.dsr);
    set(bits.MODEM_DCD, inputs.dcd);
    set(bits.MODEM_RI, inputs.ri);
    this.#look();
  }

  get mcr(): number {
    return this.#mcr;
  }

  set mcr(value: number) {
    this.#mcr = value;
    this.#look();
  }

  /** The lines as the chip sees them; in loopback its outputs are its inputs. */
  get lines(): number {
    const mcr = this.#mcr;
    if (!(mcr & bits.MCR_LOOP)) return this.#inputs;
    return (
      (mcr & bits.MCR_RTS ? bits.MODEM_CTS : 0) |
      (mcr & bits.MCR_DTR ? bits.MODEM_DSR : 0) |
      (mcr & bits.MCR_OUT1 ? bits.MODEM_RI : 0) |
      (mcr & bits.MCR_OUT2 ? bits.MODEM_DCD : 0)
    );
  }

  /** A read of MSR. */
  takeStatus(): number {
    const status = (this.lines << bits.MSR_STATE_SHIFT) | this.delta;
    this.delta = 0;
    return status;
  }

  reset(): void {
    this.#mcr = 0;
    this.delta = 0;
    this.#seen = this.lines;
  }

  #look(): void {
    const now = this.lines;
    const changed = now ^ this.#seen;
    // Of RI only the trailing edge counts (TERI).
    this.delta |= changed & ~(now & bits.MODEM_RI);
    this.#seen = now;
  }
}
