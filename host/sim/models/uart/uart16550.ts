import type { TimerHandle } from '../../../time/clock';
import type { DeviceModel, ModelEnvironment, ModelIrq, ModelRegion, ModelWidth } from '../model';
import * as bits from './bits';
import { Wire } from './wire';

/** Character times without traffic after which the FIFO timeout comes. */
const TIMEOUT_CHARACTERS = 4;

function powerOn() {
  return {
    divisor: 0,
    ier: 0,
    fifos: false,
    /** Bits 7:6 of FCR. */
    trigger: 0,
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
    /** A character with errors has arrived since power-on. */
    errorsSeen: false,
    modemDelta: 0,
    transmitPending: false,
    timedOut: false,
    /** Automatic flow control has taken RTS away until the receiver is empty. */
    rtsHeld: false,
  };
}

/** Modem inputs of a 16550; true = asserted (the pin itself is low). */
export interface UartModemInputs {
  readonly cts: boolean;
  readonly dsr: boolean;
  readonly dcd: boolean;
  readonly ri: boolean;
}

/** How a character arrives at a 16550. */
export type UartCondition = 'good' | 'framing' | 'parity' | 'break';

const CONDITION_BITS: Readonly<Record<UartCondition, number>> = {
  good: 0,
  framing: bits.LSR_FE,
  parity: bits.LSR_PE,
  break: bits.LSR_BI | bits.LSR_FE,
};

/** What a kind of 16550 has. */
export interface Uart16550Options {
  /** Serial clock in hertz, greater than 0. */
  readonly clockHz: number;
  /** Registers are 2^regShift bytes apart, 0 … 4. */
  readonly regShift: number;
  /** Bytes of region 0. */
  readonly regionSize: number;
  readonly fifoDepth: number;
  /** Characters in the receive FIFO that bring its interrupt, by bits 7:6 of FCR. */
  readonly triggerLevels: readonly [number, number, number, number];
  /** MCR bit 5: automatic RTS and CTS. */
  readonly autoFlow: boolean;
  readonly onTransmit: ((byte: number) => void) | undefined;
}

/**
 * What all 16550s share: registers, FIFOs, modem lines, the interrupt on line 0.
 * The registers are bytes. A wider access is one access to each register in
 * it, with its side effects, in order of address; bytes between registers
 * (regShift > 0) read 0.
 */
export abstract class Uart16550 implements DeviceModel {
  abstract readonly compatible: readonly string[];
  readonly regions: readonly ModelRegion[];
  readonly irqs: readonly ModelIrq[] = [{ trigger: 'level' }];
  readonly resettable = true;

  readonly #options: Uart16550Options;
  readonly #wire: Wire;
  #environment: ModelEnvironment | undefined;
  #state = powerOn();
  #lineHigh = false;
  #inputs = bits.MODEM_CTS | bits.MODEM_DSR | bits.MODEM_DCD;
  #modemSeen = this.#inputs;
  #shiftTimer: TimerHandle | undefined;
  #timeoutTimer: TimerHandle | undefined;
  #timeoutDueNs = 0;

  constructor(options: Uart16550Options) {
    const { clockHz, regShift } = options;
    if (!(clockHz > 0)) throw new RangeError(`clockHz must be greater than 0, got ${clockHz}`);
    if (!(Number.isInteger(regShift) && regShift >= 0 && regShift <= 4)) {
      throw new RangeError(`regShift must be 0 … 4, got ${regShift}`);
    }
    this.#options = options;
    this.regions = [{ size: options.regionSize }];
    this.#wire = new Wire({
      clock: () => this.#board().clock,
      characterNs: () => this.#characterNs(),
      held: () => this.#state.rtsHeld || (this.#autoFlow() && !(this.#state.mcr & bits.MCR_RTS)),
      full: () => this.#state.received.length >= this.#depth(),
      arrive: (word) => {
        if (!(this.#state.mcr & bits.MCR_LOOP)) this.#arrive(word);
      },
      settle: () => this.#settle(),
    });
  }

  connect(environment: ModelEnvironment): void {
    this.#environment = environment;
  }

  /**
   * Sends characters to the UART. They arrive one after the other at the baud
   * rate that is programmed.
   */
  receive(bytes: Iterable<number>, condition: UartCondition = 'good'): void {
    const errors = CONDITION_BITS[condition] << bits.ERROR_SHIFT;
    this.#wire.send(Array.from(bytes, (byte) => (byte & 0xff) | errors));
  }

  /** Changes modem inputs; at first CTS, DSR and DCD are asserted. They stay over a reset. */
  setModem(inputs: Partial<UartModemInputs>): void {
    const set = (line: number, asserted: boolean | undefined) => {
      if (asserted === undefined) return;
      this.#inputs = asserted ? this.#inputs | line : this.#inputs & ~line;
    };
    set(bits.MODEM_CTS, inputs.cts);
    set(bits.MODEM_DSR, inputs.dsr);
    set(bits.MODEM_DCD, inputs.dcd);
    set(bits.MODEM_RI, inputs.ri);
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

  /** A chip-specific cause of lower priority than all others, as the low bits of IIR. */
  protected extraCause(): number {
    return bits.IIR_NONE;
  }

  /** Whether LCR and the divisor take a write; called for each. */
  protected takesLineWrite(_register: 'control' | 'divisor'): boolean {
    return true;
  }

  /** Anything is being sent or received, or waits to be. */
  protected get busy(): boolean {
    const { transmit, shifting, received } = this.#state;
    return transmit.length > 0 || shifting !== undefined || received.length > 0 || this.#wire.busy;
  }

  /** Characters in the FIFOs. */
  protected get levels(): { readonly transmit: number; readonly received: number } {
    return { transmit: this.#state.transmit.length, received: this.#state.received.length };
  }

  /** Drives the interrupt line by what is now; the guest may run before this returns. */
  protected settle(): void {
    this.#settle();
  }

  #registerAt(offset: number): number | undefined {
    const { regShift } = this.#options;
    const register = offset >> regShift;
    return register << regShift === offset && register < bits.REGISTERS ? register : undefined;
  }

  #readRegister(register: number): number {
    const state = this.#state;
    const divisorLatch = (state.lcr & bits.LCR_DLAB) !== 0;
    switch (register) {
      case bits.RBR_THR_DLL:
        return divisorLatch ? state.divisor & 0xff : this.#takeReceived();
      case bits.IER_DLM:
        return divisorLatch ? state.divisor >> 8 : state.ier;
      case bits.IIR_FCR:
        return this.#identify();
      case bits.LCR:
        return state.lcr;
      case bits.MCR:
        return state.mcr;
      case bits.LSR:
        return this.#takeLineStatus();
      case bits.MSR:
        return this.#takeModemStatus();
      default:
        return state.scratch;
    }
  }

  #writeRegister(register: number, value: number): void {
    const state = this.#state;
    const divisorLatch = (state.lcr & bits.LCR_DLAB) !== 0;
    switch (register) {
      case bits.RBR_THR_DLL:
        if (divisorLatch) this.#setDivisor((state.divisor & 0xff00) | value);
        else this.#send(value);
        break;
      case bits.IER_DLM:
        if (divisorLatch) this.#setDivisor((state.divisor & 0x00ff) | (value << 8));
        else this.#setInterruptEnable(value & bits.IER_BITS);
        break;
      case bits.IIR_FCR:
        this.#setFifoControl(value);
        break;
      case bits.LCR:
        if (this.takesLineWrite('control')) state.lcr = value;
        break;
      case bits.MCR:
        state.mcr = value & (bits.MCR_BITS | (this.#options.autoFlow ? bits.MCR_AUTO_FLOW : 0));
        this.#modemChanged();
        break;
      case bits.SCR:
        state.scratch = value;
        break;
    }
    this.#flowChanged();
    this.#settle();
  }

  #setDivisor(divisor: number): void {
    if (this.takesLineWrite('divisor')) this.#state.divisor = divisor;
  }

  /** The interrupt of highest priority, as the low bits of IIR. */
  #cause(): number {
    const { ier, lineErrors, received, timedOut, transmitPending, modemDelta } = this.#state;
    if (ier & bits.IER_LINE && lineErrors) return bits.IIR_LINE;
    if (ier & bits.IER_RECEIVED && received.length >= this.#receiveLevel()) {
      return bits.IIR_RECEIVED;
    }
    if (ier & bits.IER_RECEIVED && timedOut) return bits.IIR_TIMEOUT;
    if (ier & bits.IER_TRANSMIT && transmitPending) return bits.IIR_TRANSMIT;
    if (ier & bits.IER_MODEM && modemDelta) return bits.IIR_MODEM;
    return this.extraCause();
  }

  #identify(): number {
    const state = this.#state;
    const cause = this.#cause();
    if (cause === bits.IIR_TRANSMIT) {
      state.transmitPending = false;
      this.#settle();
    }
    return cause | (state.fifos ? bits.IIR_FIFOS : 0);
  }

  #setInterruptEnable(ier: number): void {
    const state = this.#state;
    const transmitEnabled = ier & ~state.ier & bits.IER_TRANSMIT;
    state.ier = ier;
    if (transmitEnabled && state.transmit.length === 0) state.transmitPending = true;
  }

  #setFifoControl(value: number): void {
    const state = this.#state;
    const enable = (value & bits.FCR_ENABLE) !== 0;
    const toggled = enable !== state.fifos;
    state.fifos = enable;
    // The other bits are not programmed unless bit 0 is written with 1.
    if (toggled || (enable && value & bits.FCR_CLEAR_RECEIVER)) {
      state.received = [];
      this.#receiverTouched();
    }
    if (toggled || (enable && value & bits.FCR_CLEAR_TRANSMITTER)) {
      if (state.transmit.length > 0) state.transmitPending = true;
      state.transmit = [];
    }
    if (enable) state.trigger = value >> bits.FCR_TRIGGER_SHIFT;
  }

  #takeLineStatus(): number {
    const state = this.#state;
    const { received, transmit } = state;
    let status = state.lineErrors;
    if (received.length > 0) status |= bits.LSR_DR;
    if (transmit.length === 0) status |= bits.LSR_THRE;
    if (transmit.length === 0 && state.shifting === undefined) status |= bits.LSR_TEMT;
    if (this.#fifoHasErrors()) status |= bits.LSR_FIFO_ERROR;
    state.lineErrors = 0;
    if (received.length > 0) received[0] = (received[0] as number) & 0xff;
    this.#settle();
    return status;
  }

  #fifoHasErrors(): boolean {
    const { fifos, received, errorsSeen } = this.#state;
    // Drivers read LSR for each character; looking through the FIFO each time is slow.
    return errorsSeen && fifos && received.some((word) => word >> bits.ERROR_SHIFT !== 0);
  }

  #takeModemStatus(): number {
    const state = this.#state;
    const status = (this.#modem() << bits.MSR_STATE_SHIFT) | state.modemDelta;
    state.modemDelta = 0;
    this.#settle();
    return status;
  }

  /** Modem lines as the chip sees them; in loopback its outputs are its inputs. */
  #modem(): number {
    const { mcr } = this.#state;
    if (!(mcr & bits.MCR_LOOP)) return this.#inputs;
    return (
      (mcr & bits.MCR_RTS ? bits.MODEM_CTS : 0) |
      (mcr & bits.MCR_DTR ? bits.MODEM_DSR : 0) |
      (mcr & bits.MCR_OUT1 ? bits.MODEM_RI : 0) |
      (mcr & bits.MCR_OUT2 ? bits.MODEM_DCD : 0)
    );
  }

  #modemChanged(): void {
    const now = this.#modem();
    const changed = now ^ this.#modemSeen;
    // Of RI only the trailing edge counts (TERI).
    this.#state.modemDelta |= changed & ~(now & bits.MODEM_RI);
    this.#modemSeen = now;
  }

  /** Automatic flow control is on, which takes the FIFOs. */
  #autoFlow(): boolean {
    return (this.#state.mcr & bits.MCR_AUTO_FLOW) !== 0 && this.#state.fifos;
  }

  /** A sender that waited may go on. */
  #flowChanged(): void {
    const state = this.#state;
    if (!this.#autoFlow() || state.received.length === 0) state.rtsHeld = false;
    this.#wire.run();
    this.#feedShifter();
  }

  #dataMask(): number {
    return 2 ** (5 + (this.#state.lcr & bits.LCR_WORD_LENGTH)) - 1;
  }

  #characterNs(): number {
    const { lcr, divisor } = this.#state;
    const dataBits = 5 + (lcr & bits.LCR_WORD_LENGTH);
    const parityBits = lcr & bits.LCR_PARITY ? 1 : 0;
    const longStop = dataBits === 5 ? 1.5 : 2;
    const stopBits = lcr & bits.LCR_STOP ? longStop : 1;
    const bitNs = (16 * Math.max(1, divisor) * 1e9) / this.#options.clockHz;
    return (1 + dataBits + parityBits + stopBits) * bitNs;
  }

  #depth(): number {
    return this.#state.fifos ? this.#options.fifoDepth : 1;
  }

  #receiveLevel(): number {
    const { fifos, trigger } = this.#state;
    return fifos ? (this.#options.triggerLevels[trigger] as number) : 1;
  }

  #send(byte: number): void {
    const state = this.#state;
    if (!state.fifos) state.transmit = [byte];
    else if (state.transmit.length < this.#options.fifoDepth) state.transmit.push(byte);
    state.transmitPending = false;
    this.#feedShifter();
  }

  /** Moves the next character into the empty shift register. @returns whether there was one */
  #loadShifter(): boolean {
    const state = this.#state;
    if (state.shifting !== undefined || state.transmit.length === 0) return false;
    if (this.#autoFlow() && !(this.#modem() & bits.MODEM_CTS)) return false;
    state.shifting = state.transmit.shift() as number;
    if (state.transmit.length === 0) state.transmitPending = true;
    return true;
  }

  #feedShifter(): void {
    if (!this.#loadShifter()) return;
    const { clock } = this.#board();
    const characterNs = this.#characterNs();
    const dueNs = clock.nowNs() + characterNs;
    this.#shiftTimer = clock.setTimer(characterNs, () => this.#shifted(dueNs));
  }

  /** Characters have left, as many as should have by now if the clock comes late. */
  #shifted(firstDueNs: number): void {
    const state = this.#state;
    const nowNs = this.#board().clock.nowNs();
    const loop = (state.mcr & bits.MCR_LOOP) !== 0;
    const sent: number[] = [];
    let dueNs = firstDueNs;
    do {
      const byte = (state.shifting as number) & this.#dataMask();
      state.shifting = undefined;
      if (loop) this.#arrive(byte);
      else sent.push(byte);
      dueNs += this.#characterNs();
    } while (
      dueNs <= nowNs &&
      !(loop && state.received.length >= this.#depth()) &&
      this.#loadShifter()
    );
    this.#feedShifter();
    this.#settle();
    for (const byte of sent) this.#options.onTransmit?.(byte);
  }

  /** A character has been received completely. */
  #arrive(word: number): void {
    const state = this.#state;
    const character = (word & this.#dataMask()) | (word & ~0xff);
    if (character >> bits.ERROR_SHIFT !== 0) state.errorsSeen = true;
    if (state.fifos && state.received.length >= this.#options.fifoDepth) {
      // The FIFO keeps what it has; the character in the shift register is lost.
      state.lineErrors |= bits.LSR_OE;
    } else if (state.fifos) {
      state.received.push(character);
      if (state.received.length === 1) this.#revealErrors();
    } else {
      if (state.received.length > 0) state.lineErrors |= bits.LSR_OE;
      state.received = [character];
      this.#revealErrors();
    }
    if (this.#autoFlow() && state.received.length >= this.#receiveLevel()) state.rtsHeld = true;
    this.#restartTimeout();
  }

  /** Errors show in LSR when their character gets to the top of the FIFO. */
  #revealErrors(): void {
    const top = this.#state.received[0];
    if (top !== undefined) this.#state.lineErrors |= top >> bits.ERROR_SHIFT;
  }

  #takeReceived(): number {
    const state = this.#state;
    const word = state.received.shift();
    if (word === undefined) return 0;
    this.#revealErrors();
    this.#receiverTouched();
    if (state.received.length === 0) this.#flowChanged();
    this.#settle();
    return word & 0xff;
  }

  #receiverTouched(): void {
    this.#state.timedOut = false;
    this.#restartTimeout();
  }

  /** Called for each character: the timer is only set again when it comes too early. */
  #restartTimeout(): void {
    const { fifos, received } = this.#state;
    if (!fifos || received.length === 0) {
      this.#timeoutTimer?.cancel();
      this.#timeoutTimer = undefined;
      return;
    }
    const nowNs = this.#board().clock.nowNs();
    this.#timeoutDueNs = nowNs + TIMEOUT_CHARACTERS * this.#characterNs();
    if (this.#timeoutTimer === undefined) this.#awaitTimeout(nowNs);
  }

  #awaitTimeout(nowNs: number): void {
    const dueNs = this.#timeoutDueNs;
    this.#timeoutTimer = this.#board().clock.setTimer(dueNs - nowNs, () => {
      this.#timeoutTimer = undefined;
      if (dueNs < this.#timeoutDueNs) {
        this.#awaitTimeout(Math.min(this.#board().clock.nowNs(), this.#timeoutDueNs));
        return;
      }
      this.#state.timedOut = true;
      this.#settle();
    });
  }

  #board(): ModelEnvironment {
    if (!this.#environment) throw new Error('the model is not connected to a board yet');
    return this.#environment;
  }

  #settle(): void {
    const high = this.#cause() !== bits.IIR_NONE;
    if (high === this.#lineHigh) return;
    this.#lineHigh = high;
    this.#board().setLine(0, high);
  }
}
