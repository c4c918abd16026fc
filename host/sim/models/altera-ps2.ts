import type { TimerHandle } from '../../time/clock';
import type { DeviceModel, ModelIrq, ModelRegion } from './model';
import { WordRegisterModel } from './registers';

// PS/2 Core for Altera DE-Series Boards, May 2012, section 4.1.
const DATA = 0x0;
const CONTROL = 0x4;

const DATA_BITS = 0xff;
const DATA_RVALID = 1 << 15;
const DATA_RAVAIL_SHIFT = 16;
const CONTROL_RE = 1 << 0;
const CONTROL_RI = 1 << 8;
const CONTROL_CE = 1 << 10;

const FIFO_DEPTH = 256;

/** What is plugged into a PS/2 port. */
export interface Ps2Peripheral {
  /** Called once, with what sends bytes to the host. */
  connect?(send: (bytes: Iterable<number>) => void): void;
  /** Called with each byte that the host sends. @returns the answer, byte by byte */
  command(byte: number): readonly number[];
}

/** Options of {@link AlteraPs2}. */
export interface AlteraPs2Options {
  /** What is plugged in; without it what the host sends is not acknowledged, a command error. */
  readonly peripheral?: Ps2Peripheral;
  /** Time of one byte on the wire in nanoseconds, greater than 0; 1 000 000 (11 bits at 11 kHz) by default. */
  readonly byteNs?: number;
}

/**
 * The PS/2 core of Altera's DE boards, line 0 = interrupt: high while received
 * data waits and RE is set.
 *
 * - A read of DATA takes a byte; RAVAIL counts it.
 * - CE comes when the peripheral does not take a command, or one is still on its
 *   way; writing it as 0 clears it.
 * - A byte that finds the FIFO of 256 full is lost.
 */
export class AlteraPs2 extends WordRegisterModel implements DeviceModel {
  readonly compatible: readonly string[] = ['altr,ps2-1.0'];
  readonly regions: readonly ModelRegion[] = [{ size: 8 }];
  readonly irqs: readonly ModelIrq[] = [{ trigger: 'level' }];

  readonly #peripheral: Ps2Peripheral | undefined;
  readonly #byteNs: number;
  #fifo: number[] = [];
  #interruptEnabled = false;
  #commandError = false;
  /** Bytes that the peripheral sends, the first of them under way. */
  #wire: number[] = [];
  #wireTimer: TimerHandle | undefined;
  #commandTimer: TimerHandle | undefined;

  constructor(options: AlteraPs2Options = {}) {
    super();
    const { peripheral, byteNs = 1e6 } = options;
    if (!(byteNs > 0)) throw new RangeError(`byteNs must be greater than 0, got ${byteNs}`);
    this.#peripheral = peripheral;
    peripheral?.connect?.((bytes) => this.send(bytes));
    this.#byteNs = byteNs;
  }

  /** The peripheral sends bytes; they arrive one after the other. */
  send(bytes: Iterable<number>): void {
    for (const byte of bytes) this.#wire.push(byte & DATA_BITS);
    this.#startByte();
  }

  reset(): void {
    this.#cutWire();
    this.#commandTimer?.cancel();
    this.#commandTimer = undefined;
    this.#fifo = [];
    this.#interruptEnabled = false;
    this.#commandError = false;
    this.#settle();
  }

  protected readWord(offset: number): number {
    if (offset === DATA) return this.#take();
    if (offset !== CONTROL) return 0;
    return (
      (this.#interruptEnabled ? CONTROL_RE : 0) |
      (this.#interruptEnabled && this.#fifo.length > 0 ? CONTROL_RI : 0) |
      (this.#commandError ? CONTROL_CE : 0)
    );
  }

  protected writeWord(offset: number, value: number, strobes: number): void {
    if (offset === DATA) {
      if (strobes & DATA_BITS) this.#command(value & DATA_BITS);
      return;
    }
    if (offset !== CONTROL) return;
    if (strobes & CONTROL_RE) this.#interruptEnabled = (value & CONTROL_RE) !== 0;
    if (strobes & CONTROL_CE && !(value & CONTROL_CE)) this.#commandError = false;
    this.#settle();
  }

  #take(): number {
    const available = this.#fifo.length;
    const byte = this.#fifo.shift();
    if (byte === undefined) return 0;
    this.#settle();
    return byte | DATA_RVALID | (available << DATA_RAVAIL_SHIFT);
  }

  #command(byte: number): void {
    if (this.#commandTimer) {
      this.#commandError = true;
      return;
    }
    this.#commandTimer = this.clock.setTimer(this.#byteNs, () => {
      this.#commandTimer = undefined;
      if (this.#peripheral === undefined) {
        this.#commandError = true;
        return;
      }
      // A command makes a peripheral forget what it was about to send.
      this.#cutWire();
      this.send(this.#peripheral.command(byte));
    });
  }

  #startByte(): void {
    if (this.#wireTimer || this.#wire.length === 0) return;
    this.#wireTimer = this.clock.setTimer(this.#byteNs, () => {
      this.#wireTimer = undefined;
      const byte = this.#wire.shift() as number;
      if (this.#fifo.length < FIFO_DEPTH) this.#fifo.push(byte);
      this.#startByte();
      this.#settle();
    });
  }

  #cutWire(): void {
    this.#wireTimer?.cancel();
    this.#wireTimer = undefined;
    this.#wire = [];
  }

  #settle(): void {
    this.drive(0, this.#interruptEnabled && this.#fifo.length > 0);
  }
}
