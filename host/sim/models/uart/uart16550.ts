import type { DeviceModel, ModelEnvironment, ModelIrq, ModelRegion, ModelWidth } from '../model';
import * as bits from './bits';
import { characterNs, dataMask, type Framing } from './framing';
import { Modem, type UartModemInputs } from './modem';
import { Receiver } from './receiver';
import { Transmitter } from './transmitter';
import { Wire } from './wire';

export type { UartModemInputs } from './modem';

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
  readonly #receiver: Receiver;
  readonly #transmitter: Transmitter;
  readonly #modem = new Modem();
  #environment: ModelEnvironment | undefined;
  #lineHigh = false;
  #divisor = 0;
  #ier = 0;
  #lcr = 0;
  #scratch = 0;
  #fifos = false;
  /** Automatic flow control has taken RTS away until the receiver is empty. */
  #rtsHeld = false;

  constructor(options: Uart16550Options) {
    const { clockHz, regShift, fifoDepth, triggerLevels, onTransmit } = options;
    if (!(clockHz > 0)) throw new RangeError(`clockHz must be greater than 0, got ${clockHz}`);
    if (!(Number.isInteger(regShift) && regShift >= 0 && regShift <= 4)) {
      throw new RangeError(`regShift must be 0 … 4, got ${regShift}`);
    }
    this.#options = options;
    this.regions = [{ size: options.regionSize }];
    const framing: Framing = {
      clock: () => this.#board().clock,
      characterNs: () => characterNs(this.#lcr, this.#divisor, clockHz),
      dataMask: () => dataMask(this.#lcr),
    };
    const settle = () => this.settle();
    this.#receiver = new Receiver({ ...framing, fifoDepth, triggerLevels, settle });
    this.#transmitter = new Transmitter({
      ...framing,
      fifoDepth,
      mayStart: () => !this.#autoFlow() || (this.#modem.lines & bits.MODEM_CTS) !== 0,
      loopback: () =>
        this.#modem.mcr & bits.MCR_LOOP
          ? { full: this.#receiver.full, arrive: (word) => this.#arrive(word) }
          : undefined,
      settle,
      onTransmit,
    });
    this.#wire = new Wire({
      ...framing,
      held: () => this.#rtsHeld || (this.#autoFlow() && !(this.#modem.mcr & bits.MCR_RTS)),
      full: () => this.#receiver.full,
      arrive: (word) => {
        if (!(this.#modem.mcr & bits.MCR_LOOP)) this.#arrive(word);
      },
      settle,
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
    this.#modem.set(inputs);
    this.#transmitter.feed();
    this.settle();
  }

  reset(): void {
    this.#wire.cut();
    this.#receiver.reset();
    this.#transmitter.reset();
    this.#modem.reset();
    this.#divisor = 0;
    this.#ier = 0;
    this.#lcr = 0;
    this.#scratch = 0;
    this.#fifos = false;
    this.#rtsHeld = false;
    this.settle();
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

  /** Whether LCR or the divisor takes the write that is being made. */
  protected takesLineWrite(_register: 'control' | 'divisor'): boolean {
    return true;
  }

  /** Anything is being sent or received, or waits to be. */
  protected get busy(): boolean {
    return !this.#transmitter.idle || this.#receiver.length > 0 || this.#wire.busy;
  }

  /** Characters in the FIFOs. */
  protected get levels(): { readonly transmit: number; readonly received: number } {
    return { transmit: this.#transmitter.length, received: this.#receiver.length };
  }

  /** Drives the interrupt line by what is now; the guest may run before this returns. */
  protected settle(): void {
    const high = this.#cause() !== bits.IIR_NONE;
    if (high === this.#lineHigh) return;
    this.#lineHigh = high;
    this.#board().setLine(0, high);
  }

  #registerAt(offset: number): number | undefined {
    const { regShift } = this.#options;
    const register = offset >> regShift;
    return register << regShift === offset && register < bits.REGISTERS ? register : undefined;
  }

  #readRegister(register: number): number {
    const divisorLatch = (this.#lcr & bits.LCR_DLAB) !== 0;
    switch (register) {
      case bits.RBR_THR_DLL:
        return divisorLatch ? this.#divisor & 0xff : this.#takeReceived();
      case bits.IER_DLM:
        return divisorLatch ? this.#divisor >> 8 : this.#ier;
      case bits.IIR_FCR:
        return this.#identify();
      case bits.LCR:
        return this.#lcr;
      case bits.MCR:
        return this.#modem.mcr;
      case bits.LSR:
        return this.#takeLineStatus();
      case bits.MSR: {
        const status = this.#modem.takeStatus();
        this.settle();
        return status;
      }
      default:
        return this.#scratch;
    }
  }

  #writeRegister(register: number, value: number): void {
    const divisorLatch = (this.#lcr & bits.LCR_DLAB) !== 0;
    switch (register) {
      case bits.RBR_THR_DLL:
        if (divisorLatch) this.#setDivisor((this.#divisor & 0xff00) | value);
        else this.#transmitter.send(value, this.#fifos);
        break;
      case bits.IER_DLM:
        if (divisorLatch) this.#setDivisor((this.#divisor & 0x00ff) | (value << 8));
        else this.#setInterruptEnable(value & bits.IER_BITS);
        break;
      case bits.IIR_FCR:
        this.#setFifoControl(value);
        break;
      case bits.LCR:
        if (this.takesLineWrite('control')) this.#lcr = value;
        break;
      case bits.MCR:
        this.#modem.mcr =
          value & (bits.MCR_BITS | (this.#options.autoFlow ? bits.MCR_AUTO_FLOW : 0));
        break;
      case bits.SCR:
        this.#scratch = value;
        break;
    }
    this.#flowChanged();
    this.settle();
  }

  #setDivisor(divisor: number): void {
    if (this.takesLineWrite('divisor')) this.#divisor = divisor;
  }

  /** The interrupt of highest priority, as the low bits of IIR. */
  #cause(): number {
    const ier = this.#ier;
    const receiver = this.#receiver;
    if (ier & bits.IER_LINE && receiver.lineErrors) return bits.IIR_LINE;
    if (ier & bits.IER_RECEIVED && receiver.atLevel) return bits.IIR_RECEIVED;
    if (ier & bits.IER_RECEIVED && receiver.timedOut) return bits.IIR_TIMEOUT;
    if (ier & bits.IER_TRANSMIT && this.#transmitter.pending) return bits.IIR_TRANSMIT;
    if (ier & bits.IER_MODEM && this.#modem.delta) return bits.IIR_MODEM;
    return this.extraCause();
  }

  #identify(): number {
    const cause = this.#cause();
    if (cause === bits.IIR_TRANSMIT) {
      this.#transmitter.pending = false;
      this.settle();
    }
    return cause | (this.#fifos ? bits.IIR_FIFOS : 0);
  }

  #setInterruptEnable(ier: number): void {
    const transmitEnabled = ier & ~this.#ier & bits.IER_TRANSMIT;
    this.#ier = ier;
    if (transmitEnabled && this.#transmitter.length === 0) this.#transmitter.pending = true;
  }

  #setFifoControl(value: number): void {
    const enable = (value & bits.FCR_ENABLE) !== 0;
    const toggled = enable !== this.#fifos;
    this.#fifos = enable;
    // The other bits are not programmed unless bit 0 is written with 1.
    this.#receiver.configure(enable, value >> bits.FCR_TRIGGER_SHIFT);
    if (toggled || (enable && value & bits.FCR_CLEAR_RECEIVER)) this.#receiver.clear();
    if (toggled || (enable && value & bits.FCR_CLEAR_TRANSMITTER)) this.#transmitter.clear();
  }

  #takeLineStatus(): number {
    let status = this.#receiver.takeStatus();
    if (this.#transmitter.length === 0) status |= bits.LSR_THRE;
    if (this.#transmitter.idle) status |= bits.LSR_TEMT;
    this.settle();
    return status;
  }

  #takeReceived(): number {
    const byte = this.#receiver.take();
    if (this.#receiver.length === 0) this.#flowChanged();
    this.settle();
    return byte;
  }

  /** Automatic flow control is on, which takes the FIFOs. */
  #autoFlow(): boolean {
    return (this.#modem.mcr & bits.MCR_AUTO_FLOW) !== 0 && this.#fifos;
  }

  /** A sender that waited may go on. */
  #flowChanged(): void {
    if (!this.#autoFlow() || this.#receiver.length === 0) this.#rtsHeld = false;
    this.#wire.run();
    this.#transmitter.feed();
  }

  #arrive(word: number): void {
    this.#receiver.arrive(word);
    if (this.#autoFlow() && this.#receiver.atLevel) this.#rtsHeld = true;
  }

  #board(): ModelEnvironment {
    if (!this.#environment) throw new Error('the model is not connected to a board yet');
    return this.#environment;
  }
}
