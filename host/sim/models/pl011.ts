import type { TimerHandle } from '../../time/clock';
import type { DeviceModel, ModelIrq, ModelRegion } from './model';
import { primeCellId, WordRegisterModel } from './registers';
import { Wire } from './uart/wire';

// ARM DDI 0183, chapter 3.
const UARTDR = 0x000;
const UARTRSR_ECR = 0x004;
const UARTFR = 0x018;
const UARTILPR = 0x020;
const UARTIBRD = 0x024;
const UARTFBRD = 0x028;
const UARTLCR_H = 0x02c;
const UARTCR = 0x030;
const UARTIFLS = 0x034;
const UARTIMSC = 0x038;
const UARTRIS = 0x03c;
const UARTMIS = 0x040;
const UARTICR = 0x044;
const UARTDMACR = 0x048;

/** Revision 2: r1p3 and r1p4, the last ones with FIFOs of 16. */
const PERIPHERAL_ID = 0x00241011;
const FIFO_DEPTH = 16;

const DR_FE = 1 << 8;
const DR_PE = 1 << 9;
const DR_BE = 1 << 10;
const DR_OE = 1 << 11;
/** UARTRSR has the error bits of UARTDR, 8 places down. */
const DR_TO_RSR = 8;
const RSR_OE = DR_OE >> DR_TO_RSR;

const FR_CTS = 1 << 0;
const FR_DSR = 1 << 1;
const FR_DCD = 1 << 2;
const FR_BUSY = 1 << 3;
const FR_RXFE = 1 << 4;
const FR_TXFF = 1 << 5;
const FR_RXFF = 1 << 6;
const FR_TXFE = 1 << 7;
const FR_RI = 1 << 8;

const LCR_PEN = 1 << 1;
const LCR_STP2 = 1 << 3;
const LCR_FEN = 1 << 4;
const LCR_WLEN_SHIFT = 5;

const CR_UARTEN = 1 << 0;
const CR_LBE = 1 << 7;
const CR_TXE = 1 << 8;
const CR_RXE = 1 << 9;
const CR_DTR = 1 << 10;
const CR_RTS = 1 << 11;
const CR_OUT1 = 1 << 12;
const CR_OUT2 = 1 << 13;
const CR_RTSEN = 1 << 14;
const CR_CTSEN = 1 << 15;
/** Bits 6:3 are reserved. */
const CR_BITS = 0xff87;
const CR_RESET = CR_RXE | CR_TXE;
const IFLS_RESET = 0x12;

const INT_RI = 1 << 0;
const INT_CTS = 1 << 1;
const INT_DCD = 1 << 2;
const INT_DSR = 1 << 3;
const INT_RX = 1 << 4;
const INT_TX = 1 << 5;
const INT_RT = 1 << 6;
/** FE, PE and BE interrupts are the error bits of UARTDR, 1 place down. */
const DR_TO_INT = 1;
const INT_OE = 1 << 10;
const INT_BITS = 0x7ff;

const MODEM_INTERRUPTS: readonly (readonly [flag: number, interrupt: number])[] = [
  [FR_RI, INT_RI],
  [FR_CTS, INT_CTS],
  [FR_DCD, INT_DCD],
  [FR_DSR, INT_DSR],
];

/** FIFO levels that UARTIFLS selects: 1/8, 1/4, 1/2, 3/4, 7/8; reserved values count as the last. */
const TRIGGER_LEVELS = [2, 4, 8, 12, 14, 14, 14, 14] as const;

/** Bit periods without data after which the receive timeout comes (section 2.8.4). */
const TIMEOUT_BITS = 32;

function powerOn() {
  return {
    receiveFifo: [] as number[],
    transmitFifo: [] as number[],
    /** Characters were lost and none has been received since (section 2.7, overrun bit). */
    overrun: false,
    errors: 0,
    ilpr: 0,
    ibrd: 0,
    fbrd: 0,
    lcrh: 0,
    /** IBRD and FBRD as of the last write to UARTLCR_H, in 1/64. */
    divisor64: 64,
    cr: CR_RESET,
    ifls: IFLS_RESET,
    imsc: 0,
    ris: 0,
    dmacr: 0,
    /** The character in the transmit shift register. */
    shifting: undefined as number | undefined,
  };
}

/** Modem inputs of {@link Pl011}; true = asserted (the pin itself is low). */
export interface Pl011ModemInputs {
  readonly cts: boolean;
  readonly dsr: boolean;
  readonly dcd: boolean;
  readonly ri: boolean;
}

/** How a character arrives at {@link Pl011.receive}. */
export type Pl011Condition = 'good' | 'framing' | 'parity' | 'break';

const CONDITION_BITS: Readonly<Record<Pl011Condition, number>> = {
  good: 0,
  framing: DR_FE,
  parity: DR_PE,
  break: DR_BE | DR_FE,
};

/** Options of {@link Pl011}. */
export interface Pl011Options {
  /** UARTCLK in hertz, greater than 0; 24 000 000 by default. */
  readonly clockHz?: number;
  /** Called with each character (5 … 8 bits) when its last stop bit has left the UART. */
  readonly onTransmit?: (byte: number) => void;
}

/**
 * ARM PrimeCell UART PL011, r1p4 (ARM DDI 0183), line 0 = UARTINTR.
 *
 * - Characters take their time, both ways: start, data, parity and stop bits of
 *   16 · (IBRD + FBRD/64) UARTCLK periods. IBRD and FBRD count from the next
 *   write to UARTLCR_H (section 3.3.7). IBRD = 0 is not allowed; it counts as 1
 *   here, so that a guest which leaves the baud rate to its firmware works.
 * - The transmit and receive interrupts come when a FIFO passes its level, not
 *   while it is there (section 2.8), and go when it is back or through UARTICR.
 * - The receive timeout comes once data has waited for 32 bit periods after
 *   the last reception, or after a clear that left data behind.
 * - Clearing FEN empties both FIFOs.
 * - Loopback feeds the receiver from the transmitter and cuts it off from
 *   outside; what is sent can still be seen outside.
 * - IrDA, DMA requests and sending breaks are not modelled; their registers
 *   hold what is written.
 */
export class Pl011 extends WordRegisterModel implements DeviceModel {
  readonly compatible: readonly string[] = ['arm,pl011', 'arm,primecell'];
  readonly regions: readonly ModelRegion[] = [{ size: 0x1000 }];
  readonly irqs: readonly ModelIrq[] = [{ trigger: 'level' }];

  readonly #clockHz: number;
  readonly #onTransmit: Pl011Options['onTransmit'];
  /** Characters on their way in, as UARTDR will show them. */
  readonly #wire: Wire;
  #state = powerOn();
  #inputs = FR_CTS | FR_DSR | FR_DCD;
  #modemSeen = this.#inputs;
  #shiftTimer: TimerHandle | undefined;
  #timeoutTimer: TimerHandle | undefined;

  constructor(options: Pl011Options = {}) {
    super();
    this.#clockHz = options.clockHz ?? 24e6;
    if (!(this.#clockHz > 0)) {
      throw new RangeError(`clockHz must be greater than 0, got ${this.#clockHz}`);
    }
    this.#onTransmit = options.onTransmit;
    this.#wire = new Wire({
      clock: () => this.clock,
      characterNs: () => this.#characterNs(),
      held: () => this.#heldByRts(),
      full: () => this.#state.receiveFifo.length >= this.#depth(),
      arrive: (word) => {
        if (!(this.#state.cr & CR_LBE)) this.#arrive(word);
      },
      settle: () => this.#settle(),
    });
  }

  /**
   * Sends characters to the UART. They arrive one after the other at the baud
   * rate that is programmed; with RTSEn set the next one waits while the receive
   * FIFO is at its level. One that arrives while the receiver is off is lost.
   */
  receive(bytes: Iterable<number>, condition: Pl011Condition = 'good'): void {
    const errors = CONDITION_BITS[condition];
    this.#wire.send(Array.from(bytes, (byte) => (byte & 0xff) | errors));
  }

  /** Changes modem inputs; at first CTS, DSR and DCD are asserted. They stay over a reset. */
  setModem(inputs: Partial<Pl011ModemInputs>): void {
    const set = (flag: number, asserted: boolean | undefined) => {
      if (asserted === undefined) return;
      this.#inputs = asserted ? this.#inputs | flag : this.#inputs & ~flag;
    };
    set(FR_CTS, inputs.cts);
    set(FR_DSR, inputs.dsr);
    set(FR_DCD, inputs.dcd);
    set(FR_RI, inputs.ri);
    this.#modemChanged();
    this.#feedShifter();
    this.#settle();
  }

  reset(): void {
    this.#wire.cut();
    for (const timer of [this.#shiftTimer, this.#timeoutTimer]) timer?.cancel();
    this.#shiftTimer = undefined;
    this.#timeoutTimer = undefined;
    this.#state = powerOn();
    this.#modemSeen = this.#modem();
    this.#settle();
  }

  protected readWord(offset: number): number {
    const state = this.#state;
    switch (offset) {
      case UARTDR:
        return this.#takeReceived();
      case UARTRSR_ECR:
        return state.errors;
      case UARTFR:
        return this.#flags();
      case UARTILPR:
        return state.ilpr;
      case UARTIBRD:
        return state.ibrd;
      case UARTFBRD:
        return state.fbrd;
      case UARTLCR_H:
        return state.lcrh;
      case UARTCR:
        return state.cr;
      case UARTIFLS:
        return state.ifls;
      case UARTIMSC:
        return state.imsc;
      case UARTRIS:
        return state.ris;
      case UARTMIS:
        return state.ris & state.imsc;
      case UARTDMACR:
        return state.dmacr;
      default:
        return primeCellId(PERIPHERAL_ID, offset);
    }
  }

  protected writeWord(offset: number, value: number, strobes: number): void {
    const state = this.#state;
    const held = (old: number, bits: number) => this.merge(old, value, strobes) & bits;
    switch (offset) {
      case UARTDR:
        if (strobes & 0xff) this.#send(value & 0xff);
        break;
      case UARTRSR_ECR:
        state.errors = 0;
        break;
      case UARTILPR:
        state.ilpr = held(state.ilpr, 0xff);
        break;
      case UARTIBRD:
        state.ibrd = held(state.ibrd, 0xffff);
        break;
      case UARTFBRD:
        state.fbrd = held(state.fbrd, 0x3f);
        break;
      case UARTLCR_H:
        this.#setLineControl(held(state.lcrh, 0xff));
        break;
      case UARTCR:
        state.cr = held(state.cr, CR_BITS);
        this.#modemChanged();
        break;
      case UARTIFLS:
        state.ifls = held(state.ifls, 0x3f);
        break;
      case UARTIMSC:
        state.imsc = held(state.imsc, INT_BITS);
        break;
      case UARTICR:
        this.#clearInterrupts(value);
        break;
      case UARTDMACR:
        state.dmacr = held(state.dmacr, 0x7);
        break;
    }
    this.#feedShifter();
    this.#wire.run();
    this.#settle();
  }

  #depth(): number {
    return this.#state.lcrh & LCR_FEN ? FIFO_DEPTH : 1;
  }

  #receiveLevel(): number {
    const { lcrh, ifls } = this.#state;
    return lcrh & LCR_FEN ? (TRIGGER_LEVELS[(ifls >> 3) & 7] as number) : 1;
  }

  #transmitLevel(): number {
    const { lcrh, ifls } = this.#state;
    return lcrh & LCR_FEN ? (TRIGGER_LEVELS[ifls & 7] as number) : 0;
  }

  #dataBits(): number {
    return 5 + (this.#state.lcrh >> LCR_WLEN_SHIFT);
  }

  #bitNs(): number {
    return (16 * this.#state.divisor64 * 1e9) / (64 * this.#clockHz);
  }

  #characterNs(): number {
    const { lcrh } = this.#state;
    const parity = lcrh & LCR_PEN ? 1 : 0;
    const stop = lcrh & LCR_STP2 ? 2 : 1;
    return (1 + this.#dataBits() + parity + stop) * this.#bitNs();
  }

  #flags(): number {
    const { receiveFifo, transmitFifo, shifting } = this.#state;
    const depth = this.#depth();
    let flags = this.#modem();
    if (transmitFifo.length > 0 || shifting !== undefined) flags |= FR_BUSY;
    if (receiveFifo.length === 0) flags |= FR_RXFE;
    if (transmitFifo.length >= depth) flags |= FR_TXFF;
    if (receiveFifo.length >= depth) flags |= FR_RXFF;
    if (transmitFifo.length === 0) flags |= FR_TXFE;
    return flags;
  }

  /** Modem status in the places of UARTFR; in loopback the outputs are the inputs (section 2.4.4). */
  #modem(): number {
    const { cr } = this.#state;
    if (!(cr & CR_LBE)) return this.#inputs;
    return (
      (cr & CR_RTS ? FR_CTS : 0) |
      (cr & CR_DTR ? FR_DSR : 0) |
      (cr & CR_OUT1 ? FR_DCD : 0) |
      (cr & CR_OUT2 ? FR_RI : 0)
    );
  }

  #modemChanged(): void {
    const now = this.#modem();
    const changed = now ^ this.#modemSeen;
    this.#modemSeen = now;
    for (const [flag, interrupt] of MODEM_INTERRUPTS) {
      if (changed & flag) this.#state.ris |= interrupt;
    }
  }

  #setLineControl(lcrh: number): void {
    const state = this.#state;
    const fifosOff = state.lcrh & ~lcrh & LCR_FEN;
    state.lcrh = lcrh;
    state.divisor64 = Math.max(64, state.ibrd * 64 + state.fbrd);
    if (!fifosOff) return;
    state.transmitFifo = [];
    state.receiveFifo = [];
    this.#receiverDrained();
  }

  #clearInterrupts(bits: number): void {
    const state = this.#state;
    const timedOut = state.ris & INT_RT;
    state.ris &= ~bits;
    if (timedOut && bits & INT_RT && state.receiveFifo.length > 0) this.#startTimeout();
  }

  #send(byte: number): void {
    const { transmitFifo } = this.#state;
    if (transmitFifo.length >= this.#depth()) return;
    transmitFifo.push(byte);
    if (transmitFifo.length > this.#transmitLevel()) this.#state.ris &= ~INT_TX;
  }

  #feedShifter(): void {
    const state = this.#state;
    if (state.shifting !== undefined || state.transmitFifo.length === 0) return;
    if (!(state.cr & CR_UARTEN && state.cr & CR_TXE)) return;
    if (state.cr & CR_CTSEN && !(this.#modem() & FR_CTS)) return;
    state.shifting = state.transmitFifo.shift() as number;
    if (state.transmitFifo.length === this.#transmitLevel()) state.ris |= INT_TX;
    this.#shiftTimer = this.clock.setTimer(this.#characterNs(), () => this.#shifted());
  }

  #shifted(): void {
    const state = this.#state;
    const byte = (state.shifting as number) & (2 ** this.#dataBits() - 1);
    state.shifting = undefined;
    if (state.cr & CR_LBE) this.#arrive(byte);
    this.#feedShifter();
    this.#settle();
    this.#onTransmit?.(byte);
  }

  #heldByRts(): boolean {
    const { cr, receiveFifo } = this.#state;
    return (cr & CR_RTSEN) !== 0 && receiveFifo.length >= this.#receiveLevel();
  }

  /** A character has been received completely; `word` is as UARTDR will show it. */
  #arrive(word: number): void {
    const state = this.#state;
    if (!(state.cr & CR_UARTEN && state.cr & CR_RXE)) return;
    if (state.receiveFifo.length >= this.#depth()) {
      state.overrun = true;
      state.errors |= RSR_OE;
      state.ris |= INT_OE;
    } else {
      const data = word & (2 ** this.#dataBits() - 1);
      const errors = word & (DR_FE | DR_PE | DR_BE);
      state.receiveFifo.push(data | errors | (state.overrun ? DR_OE : 0));
      state.overrun = false;
      state.ris |= errors >> DR_TO_INT;
      if (state.receiveFifo.length === this.#receiveLevel()) state.ris |= INT_RX;
    }
    this.#startTimeout();
  }

  #takeReceived(): number {
    const state = this.#state;
    const word = state.receiveFifo.shift();
    if (word === undefined) return 0;
    const errors = (word & (DR_FE | DR_PE | DR_BE)) >> DR_TO_RSR;
    state.errors = (state.errors & RSR_OE) | errors;
    this.#receiverDrained();
    this.#wire.run();
    this.#settle();
    return word;
  }

  #receiverDrained(): void {
    const state = this.#state;
    if (state.receiveFifo.length < this.#receiveLevel()) state.ris &= ~INT_RX;
    if (state.receiveFifo.length > 0) return;
    state.ris &= ~INT_RT;
    this.#timeoutTimer?.cancel();
  }

  #startTimeout(): void {
    this.#timeoutTimer?.cancel();
    this.#timeoutTimer = this.clock.setTimer(TIMEOUT_BITS * this.#bitNs(), () => {
      this.#state.ris |= INT_RT;
      this.#settle();
    });
  }

  #settle(): void {
    const { ris, imsc } = this.#state;
    this.drive(0, (ris & imsc) !== 0);
  }
}
