import type { DeviceModel, ModelIrq, ModelRegion } from './model';
import { primeCellId, WordRegisterModel } from './registers';

// ARM DDI 0190, chapter 3.
const GPIODATA_END = 0x400;
const GPIODIR = 0x400;
const GPIOIS = 0x404;
const GPIOIBE = 0x408;
const GPIOIEV = 0x40c;
const GPIOIE = 0x410;
const GPIORIS = 0x414;
const GPIOMIS = 0x418;
const GPIOIC = 0x41c;
const GPIOAFSEL = 0x420;

const PERIPHERAL_ID = 0x00041061;

const PINS = 8;
const ALL_PINS = 0xff;

function powerOn() {
  return {
    data: 0,
    direction: 0,
    levelSensitive: 0,
    bothEdges: 0,
    event: 0,
    enable: 0,
    hardwareControl: 0,
    /** Edges seen and not yet cleared. */
    edges: 0,
  };
}

/** Options of {@link Pl061}. */
export interface Pl061Options {
  /**
   * Called when what the block drives onto pin 0 … 7 changes: high, low, or
   * undefined when it no longer drives the pin.
   */
  readonly onOutput?: (pin: number, high: boolean | undefined) => void;
}

/**
 * ARM PrimeCell GPIO PL061 (ARM DDI 0190), 8 pins, line 0 = GPIOINTR.
 *
 * - GPIODATA: address bits 9:2 say which pins an access is about (section
 *   3.3.1). A pin that is an output reads as what was written to it.
 * - Interrupts look at pins that are inputs. Level detection has no memory:
 *   GPIOIC clears edges only (section 3.3.9).
 * - Edges come from the outside: reprogramming the detection makes none.
 * - There is no other function to hand pins to: a pin under hardware control
 *   (GPIOAFSEL) is not driven by this block.
 */
export class Pl061 extends WordRegisterModel implements DeviceModel {
  readonly compatible: readonly string[] = ['arm,pl061', 'arm,primecell'];
  readonly regions: readonly ModelRegion[] = [{ size: 0x1000 }];
  readonly irqs: readonly ModelIrq[] = [{ trigger: 'level' }];

  readonly #onOutput: Pl061Options['onOutput'];
  #state = powerOn();
  /** What the outside world applies to the pins. */
  #inputs = 0;
  /** What the listener was last told. */
  #shown = { driven: 0, high: 0 };

  constructor(options: Pl061Options = {}) {
    super();
    this.#onOutput = options.onOutput;
  }

  /** Applies a level to pin 0 … 7 from outside; it stays over a reset. */
  setPin(pin: number, high: boolean): void {
    if (!(Number.isInteger(pin) && pin >= 0 && pin < PINS)) {
      throw new RangeError(`pin must be 0 … ${PINS - 1}, got ${pin}`);
    }
    const bit = 1 << pin;
    const state = this.#state;
    if (((this.#inputs & bit) !== 0) === high) return;
    this.#inputs ^= bit;
    const wanted = state.bothEdges | (high ? state.event : ~state.event);
    state.edges |= bit & wanted & ~state.levelSensitive & ~state.direction;
    this.#settle();
  }

  /** What pin 0 … 7 is driven to by the block; undefined when it is not. */
  output(pin: number): boolean | undefined {
    const bit = 1 << pin;
    return this.#driven() & bit ? (this.#state.data & bit) !== 0 : undefined;
  }

  reset(): void {
    this.#state = powerOn();
    this.#settle();
  }

  protected readWord(offset: number): number {
    const state = this.#state;
    if (offset < GPIODATA_END) {
      const levels = (state.data & state.direction) | (this.#inputs & ~state.direction);
      return levels & (offset >> 2);
    }
    switch (offset) {
      case GPIODIR:
        return state.direction;
      case GPIOIS:
        return state.levelSensitive;
      case GPIOIBE:
        return state.bothEdges;
      case GPIOIEV:
        return state.event;
      case GPIOIE:
        return state.enable;
      case GPIORIS:
        return this.#raw();
      case GPIOMIS:
        return this.#raw() & state.enable;
      case GPIOAFSEL:
        return state.hardwareControl;
      default:
        return primeCellId(PERIPHERAL_ID, offset);
    }
  }

  protected writeWord(offset: number, value: number, strobes: number): void {
    const state = this.#state;
    if (offset < GPIODATA_END) {
      const pins = strobes & (offset >> 2);
      state.data = (state.data & ~pins) | (value & pins);
      this.#settle();
      return;
    }
    const held = (old: number) => this.merge(old, value, strobes) & ALL_PINS;
    switch (offset) {
      case GPIODIR:
        state.direction = held(state.direction);
        break;
      case GPIOIS:
        state.levelSensitive = held(state.levelSensitive);
        state.edges &= ~state.levelSensitive;
        break;
      case GPIOIBE:
        state.bothEdges = held(state.bothEdges);
        break;
      case GPIOIEV:
        state.event = held(state.event);
        break;
      case GPIOIE:
        state.enable = held(state.enable);
        break;
      case GPIOIC:
        state.edges &= ~value;
        break;
      case GPIOAFSEL:
        state.hardwareControl = held(state.hardwareControl);
        break;
    }
    this.#settle();
  }

  #raw(): number {
    const { levelSensitive, event, direction, edges } = this.#state;
    const atLevel = ~(this.#inputs ^ event) & levelSensitive & ~direction;
    return (edges | atLevel) & ALL_PINS;
  }

  #driven(): number {
    return this.#state.direction & ~this.#state.hardwareControl;
  }

  #settle(): void {
    this.#showOutputs();
    this.drive(0, (this.#raw() & this.#state.enable) !== 0);
  }

  #showOutputs(): void {
    const before = this.#shown;
    const driven = this.#driven();
    const high = this.#state.data & driven;
    const changed = (before.driven ^ driven) | (before.high ^ high);
    this.#shown = { driven, high };
    for (let pin = 0; pin < PINS; pin++) {
      const bit = 1 << pin;
      if (changed & bit) this.#onOutput?.(pin, driven & bit ? (high & bit) !== 0 : undefined);
    }
  }
}
