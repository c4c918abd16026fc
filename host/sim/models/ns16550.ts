import type { TimerHandle } from '../../time/clock';
import type { DeviceModel, ModelEnvironment, ModelIrq, ModelRegion, ModelWidth } from './model';

// PC16550D data sheet (TL/C/8652), section 8; DLAB selects the divisor latch.
const RBR_THR_DLL = 0;
const IER_DLM = 1;
const IIR_FCR = 2;
const LCR = 3;
const MCR = 4;
const LSR = 5;
const MSR = 6;
const SCR = 7;
const REGISTERS = 8;

const FIFO_DEPTH = 16;

const IER_RECEIVED = 1 << 0;
const IER_TRANSMIT = 1 << 1;
const IER_LINE = 1 << 2;
const IER_MODEM = 1 << 3;
const IER_BITS = 0x0f;

const IIR_MODEM = 0x0;
const IIR_NONE = 0x1;
const IIR_TRANSMIT = 0x2;
const IIR_RECEIVED = 0x4;
const IIR_LINE = 0x6;
const IIR_TIMEOUT = 0xc;
const IIR_FIFOS = 0xc0;

const FCR_ENABLE = 1 << 0;
const FCR_CLEAR_RECEIVER = 1 << 1;
const FCR_CLEAR_TRANSMITTER = 1 << 2;
const FCR_TRIGGER_SHIFT = 6;
const TRIGGER_LEVELS = [1, 4, 8, 14] as const;

const LCR_WORD_LENGTH = 0x3;
const LCR_STOP = 1 << 2;
const LCR_PARITY = 1 << 3;
const LCR_DLAB = 1 << 7;

const MCR_DTR = 1 << 0;
const MCR_RTS = 1 << 1;
const MCR_OUT1 = 1 << 2;
const MCR_OUT2 = 1 << 3;
const MCR_LOOP = 1 << 4;
const MCR_BITS = 0x1f;

const LSR_DR = 1 << 0;
const LSR_OE = 1 << 1;
const LSR_PE = 1 << 2;
const LSR_FE = 1 << 3;
const LSR_BI = 1 << 4;
const LSR_THRE = 1 << 5;
const LSR_TEMT = 1 << 6;
const LSR_FIFO_ERROR = 1 << 7;

/** Modem lines, in the places of the delta bits of MSR; their state is 4 places up. */
const MODEM_CTS = 1 << 0;
const MODEM_DSR = 1 << 1;
const MODEM_RI = 1 << 2;
const MODEM_DCD = 1 << 3;
const MSR_STATE_SHIFT = 4;

/** Error bits of LSR ride along with a character, above its 8 bits. */
const ERROR_SHIFT = 8;

/** Character times without traffic after which the FIFO timeout comes. */
const TIMEOUT_CHARACTERS = 4;

function powerOn() {
  return {
    divisor: 0,
    ier: 0,
    fifos: false,
    trigger: TRIGGER_LEVELS[0] as number,
    lcr: 0,
    mcr: 0,
    scratch: 0,
    /** Characters with their error bits, oldest first. */
    received: [] as number[],
    transmit: [] as number[],
    /** The character in the transmit shift register. */
    shifting: undefined as number | undefined,
    /** OE, PE, FE and BI as LSR shows them until it is read. */
    lineErrors: 0,
    modemDelta: 0,
    transmitPending: false,
    timedOut: false,
  };
}

/** Modem inputs of {@link Ns16550}; true = asserted (the pin itself is low). */
export interface Ns16550ModemInputs {
  readonly cts: boolean;
  readonly dsr: boolean;
  readonly dcd: boolean;
  readonly ri: boolean;
}

/** How a character arrives at {@link Ns16550.receive}. */
export type Ns16550Condition = 'good' | 'framing' | 'parity' | 'break';

const CONDITION_BITS: Readonly<Record<Ns16550Condition, number>> = {
  good: 0,
  framing: LSR_FE,
  parity: LSR_PE,
  break: LSR_BI | LSR_FE,
};

/** Options of {@link Ns16550}. */
export interface Ns16550Options {
  /** Input clock (XIN) in hertz, greater than 0; 1 843 200 by default. */
  readonly clockHz?: number;
  /** Registers are 2^regShift bytes apart; 0 (default) … 4. */
  readonly regShift?: number;
  /** Called with each character (5 … 8 bits) when its last stop bit has left the UART. */
  readonly onTransmit?: (byte: number) => void;
}

/**
 * 16550A UART (National PC16550D data sheet), line 0 = INTR.
 *
 * - The registers are bytes. A wider access is one access to each register in
 *   it, with its side effects, in order of address; bytes between registers
 *   (regShift > 0) read 0.
 * - Characters take their time, both ways: start, data, parity and stop bits of
 *   16 · divisor clock periods. Divisor 0 counts as 1, so that a guest which
 *   leaves the baud rate to its firmware works.
 * - A character moves from the empty transmitter into the shift register at
 *   once, so the first write after a pause brings the THRE interrupt again.
 * - In loopback nothing is seen outside, and nothing comes in.
 * - OUT2 does not gate INTR: that is a matter of PC boards, not of the chip.
 *   DMA pins and sending breaks are not modelled.
 */
export class Ns16550 implements DeviceModel {
  readonly compatible: readonly string[] = ['ns16550a', 'ns16550'];
  readonly regions: readonly ModelRegion[];
  readonly irqs: readonly ModelIrq[] = [{ trigger: 'level' }];
  readonly resettable = true;

  readonly #clockHz: number;
  readonly #regShift: number;
  readonly #onTransmit: Ns16550Options['onTransmit'];
  #environment: ModelEnvironment | undefined;
  #state = powerOn();
  #lineHigh = false;
  #inputs = MODEM_CTS | MODEM_DSR | MODEM_DCD;
  #modemSeen = this.#inputs;
  /** Characters on their way in, with error bits, from #wireNext on. */
  #wire: number[] = [];
  #wireNext = 0;
  #wireTimer: TimerHandle | undefined;
  #shiftTimer: TimerHandle | undefined;
  #timeoutTimer: TimerHandle | undefined;

  constructor(options: Ns16550Options = {}) {
    this.#clockHz = options.clockHz ?? 1_843_200;
    if (!(this.#clockHz > 0)) {
      throw new RangeError(`clockHz must be greater than 0, got ${this.#clockHz}`);
    }
    const regShift = options.regShift ?? 0;
    if (!(Number.isInteger(regShift) && regShift >= 0 && regShift <= 4)) {
      throw new RangeError(`regShift must be 0 … 4, got ${regShift}`);
    }
    this.#regShift = regShift;
    this.#onTransmit = options.onTransmit;
    this.regions = [{ size: REGISTERS << regShift }];
  }

  connect(environment: ModelEnvironment): void {
    this.#environment = environment;
  }

  /**
   * Sends characters to the UART. They arrive one after the other at the baud
   * rate that is programmed.
   */
  receive(bytes: Iterable<number>, condition: Ns16550Condition = 'good'): void {
    const errors = CONDITION_BITS[condition] << ERROR_SHIFT;
    for (const byte of bytes) this.#wire.push((byte & 0xff) | errors);
    this.#runWire();
  }

  /** Changes modem inputs; at first CTS, DSR and DCD are asserted. They stay over a reset. */
  setModem(inputs: Partial<Ns16550ModemInputs>): void {
    const set = (line: number, asserted: boolean | undefined) => {
      if (asserted === undefined) return;
      this.#inputs = asserted ? this.#inputs | line : this.#inputs & ~line;
    };
    set(MODEM_CTS, inputs.cts);
    set(MODEM_DSR, inputs.dsr);
    set(MODEM_DCD, inputs.dcd);
    set(MODEM_RI, inputs.ri);
    this.#modemChanged();
    this.#settle();
  }

  reset(): void {
    for (const timer of [this.#wireTimer, this.#shiftTimer, this.#timeoutTimer]) timer?.cancel();
    this.#wireTimer = undefined;
    this.#shiftTimer = undefined;
    this.#timeoutTimer = undefined;
    this.#wire = [];
    this.#wireNext = 0;
    this.#state = powerOn();
    this.#modemSeen = this.#modem();
    this.#settle();
  }

  read(_region: number, offset: number, width: ModelWidth): number {
    let value = 0;
    for (let lane = 0; lane < width; lane++) {
      const register = this.#registerAt(offset + lane);
      if (register !== undefined) value |= this.#readRegister(register) << (8 * lane);
    }
    return value >>> 0;
  }

  write(_region: number, offset: number, width: ModelWidth, value: number): void {
    for (let lane = 0; lane < width; lane++) {
      const register = this.#registerAt(offset + lane);
      if (register !== undefined) this.#writeRegister(register, (value >>> (8 * lane)) & 0xff);
    }
  }

  #registerAt(offset: number): number | undefined {
    const register = offset >> this.#regShift;
    return register << this.#regShift === offset && register < REGISTERS ? register : undefined;
  }

  #readRegister(register: number): number {
    const state = this.#state;
    const divisorLatch = (state.lcr & LCR_DLAB) !== 0;
    switch (register) {
      case RBR_THR_DLL:
        return divisorLatch ? state.divisor & 0xff : this.#takeReceived();
      case IER_DLM:
        return divisorLatch ? state.divisor >> 8 : state.ier;
      case IIR_FCR:
        return this.#identify();
      case LCR:
        return state.lcr;
      case MCR:
        return state.mcr;
      case LSR:
        return this.#takeLineStatus();
      case MSR:
        return this.#takeModemStatus();
      default:
        return state.scratch;
    }
  }

  #writeRegister(register: number, value: number): void {
    const state = this.#state;
    const divisorLatch = (state.lcr & LCR_DLAB) !== 0;
    switch (register) {
      case RBR_THR_DLL:
        if (divisorLatch) state.divisor = (state.divisor & 0xff00) | value;
        else this.#send(value);
        break;
      case IER_DLM:
        if (divisorLatch) state.divisor = (state.divisor & 0x00ff) | (value << 8);
        else this.#setInterruptEnable(value & IER_BITS);
        break;
      case IIR_FCR:
        this.#setFifoControl(value);
        break;
      case LCR:
        state.lcr = value;
        break;
      case MCR:
        state.mcr = value & MCR_BITS;
        this.#modemChanged();
        break;
      case SCR:
        state.scratch = value;
        break;
    }
    this.#settle();
  }

  /** The interrupt of highest priority, as the low bits of IIR. */
  #cause(): number {
    const { ier, lineErrors, received, timedOut, transmitPending, modemDelta } = this.#state;
    if (ier & IER_LINE && lineErrors) return IIR_LINE;
    if (ier & IER_RECEIVED && received.length >= this.#receiveLevel()) return IIR_RECEIVED;
    if (ier & IER_RECEIVED && timedOut) return IIR_TIMEOUT;
    if (ier & IER_TRANSMIT && transmitPending) return IIR_TRANSMIT;
    if (ier & IER_MODEM && modemDelta) return IIR_MODEM;
    return IIR_NONE;
  }

  #identify(): number {
    const state = this.#state;
    const cause = this.#cause();
    if (cause === IIR_TRANSMIT) {
      state.transmitPending = false;
      this.#settle();
    }
    return cause | (state.fifos ? IIR_FIFOS : 0);
  }

  #setInterruptEnable(ier: number): void {
    const state = this.#state;
    const transmitEnabled = ier & ~state.ier & IER_TRANSMIT;
    state.ier = ier;
    if (transmitEnabled && state.transmit.length === 0) state.transmitPending = true;
  }

  #setFifoControl(value: number): void {
    const state = this.#state;
    const enable = (value & FCR_ENABLE) !== 0;
    const toggled = enable !== state.fifos;
    state.fifos = enable;
    // The other bits are not programmed unless bit 0 is written with 1.
    if (toggled || (enable && value & FCR_CLEAR_RECEIVER)) {
      state.received = [];
      this.#receiverTouched();
    }
    if (toggled || (enable && value & FCR_CLEAR_TRANSMITTER)) {
      if (state.transmit.length > 0) state.transmitPending = true;
      state.transmit = [];
    }
    if (enable) state.trigger = TRIGGER_LEVELS[value >> FCR_TRIGGER_SHIFT] as number;
  }

  #takeLineStatus(): number {
    const state = this.#state;
    const { received, transmit } = state;
    let status = state.lineErrors;
    if (received.length > 0) status |= LSR_DR;
    if (transmit.length === 0) status |= LSR_THRE;
    if (transmit.length === 0 && state.shifting === undefined) status |= LSR_TEMT;
    if (state.fifos && received.some((word) => word >> ERROR_SHIFT)) status |= LSR_FIFO_ERROR;
    state.lineErrors = 0;
    if (received.length > 0) received[0] = (received[0] as number) & 0xff;
    this.#settle();
    return status;
  }

  #takeModemStatus(): number {
    const state = this.#state;
    const status = (this.#modem() << MSR_STATE_SHIFT) | state.modemDelta;
    state.modemDelta = 0;
    this.#settle();
    return status;
  }

  /** Modem lines as the chip sees them; in loopback its outputs are its inputs. */
  #modem(): number {
    const { mcr } = this.#state;
    if (!(mcr & MCR_LOOP)) return this.#inputs;
    return (
      (mcr & MCR_RTS ? MODEM_CTS : 0) |
      (mcr & MCR_DTR ? MODEM_DSR : 0) |
      (mcr & MCR_OUT1 ? MODEM_RI : 0) |
      (mcr & MCR_OUT2 ? MODEM_DCD : 0)
    );
  }

  #modemChanged(): void {
    const now = this.#modem();
    const changed = now ^ this.#modemSeen;
    // Of RI only the trailing edge counts (TERI).
    this.#state.modemDelta |= changed & ~(now & MODEM_RI);
    this.#modemSeen = now;
  }

  #dataMask(): number {
    return 2 ** (5 + (this.#state.lcr & LCR_WORD_LENGTH)) - 1;
  }

  #characterNs(): number {
    const { lcr, divisor } = this.#state;
    const dataBits = 5 + (lcr & LCR_WORD_LENGTH);
    const parityBits = lcr & LCR_PARITY ? 1 : 0;
    const longStop = dataBits === 5 ? 1.5 : 2;
    const stopBits = lcr & LCR_STOP ? longStop : 1;
    const bitNs = (16 * Math.max(1, divisor) * 1e9) / this.#clockHz;
    return (1 + dataBits + parityBits + stopBits) * bitNs;
  }

  #receiveLevel(): number {
    return this.#state.fifos ? this.#state.trigger : 1;
  }

  #send(byte: number): void {
    const state = this.#state;
    if (!state.fifos) state.transmit = [byte];
    else if (state.transmit.length < FIFO_DEPTH) state.transmit.push(byte);
    state.transmitPending = false;
    this.#feedShifter();
  }

  #feedShifter(): void {
    const state = this.#state;
    if (state.shifting !== undefined || state.transmit.length === 0) return;
    state.shifting = state.transmit.shift() as number;
    if (state.transmit.length === 0) state.transmitPending = true;
    this.#shiftTimer = this.#board().clock.setTimer(this.#characterNs(), () => this.#shifted());
  }

  #shifted(): void {
    const state = this.#state;
    const byte = (state.shifting as number) & this.#dataMask();
    const loop = (state.mcr & MCR_LOOP) !== 0;
    state.shifting = undefined;
    if (loop) this.#arrive(byte);
    this.#feedShifter();
    this.#settle();
    if (!loop) this.#onTransmit?.(byte);
  }

  #runWire(): void {
    if (this.#wireTimer || this.#wireNext >= this.#wire.length) return;
    this.#wireTimer = this.#board().clock.setTimer(this.#characterNs(), () => {
      this.#wireTimer = undefined;
      const word = this.#wire[this.#wireNext++] as number;
      if (this.#wireNext >= this.#wire.length) {
        this.#wire = [];
        this.#wireNext = 0;
      }
      if (!(this.#state.mcr & MCR_LOOP)) this.#arrive(word);
      this.#runWire();
      this.#settle();
    });
  }

  /** A character has been received completely. */
  #arrive(word: number): void {
    const state = this.#state;
    const character = (word & this.#dataMask()) | (word & ~0xff);
    if (state.fifos && state.received.length >= FIFO_DEPTH) {
      // The FIFO keeps what it has; the character in the shift register is lost.
      state.lineErrors |= LSR_OE;
    } else if (state.fifos) {
      state.received.push(character);
      if (state.received.length === 1) this.#revealErrors();
    } else {
      if (state.received.length > 0) state.lineErrors |= LSR_OE;
      state.received = [character];
      this.#revealErrors();
    }
    this.#restartTimeout();
  }

  /** Errors show in LSR when their character gets to the top of the FIFO. */
  #revealErrors(): void {
    const top = this.#state.received[0];
    if (top !== undefined) this.#state.lineErrors |= top >> ERROR_SHIFT;
  }

  #takeReceived(): number {
    const state = this.#state;
    const word = state.received.shift();
    if (word === undefined) return 0;
    this.#revealErrors();
    this.#receiverTouched();
    this.#settle();
    return word & 0xff;
  }

  #receiverTouched(): void {
    this.#state.timedOut = false;
    this.#restartTimeout();
  }

  #restartTimeout(): void {
    const { fifos, received } = this.#state;
    this.#timeoutTimer?.cancel();
    this.#timeoutTimer = undefined;
    if (!fifos || received.length === 0) return;
    const delayNs = TIMEOUT_CHARACTERS * this.#characterNs();
    this.#timeoutTimer = this.#board().clock.setTimer(delayNs, () => {
      this.#state.timedOut = true;
      this.#settle();
    });
  }

  #board(): ModelEnvironment {
    if (!this.#environment) throw new Error('the model is not connected to a board yet');
    return this.#environment;
  }

  #settle(): void {
    const high = this.#cause() !== IIR_NONE;
    if (high === this.#lineHigh) return;
    this.#lineHigh = high;
    this.#board().setLine(0, high);
  }
}
