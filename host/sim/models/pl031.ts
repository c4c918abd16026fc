import type { TimerHandle } from '../../time/clock';
import type { DeviceModel, ModelEnvironment, ModelIrq, ModelRegion } from './model';
import { primeCellId, WordRegisterModel } from './registers';

// ARM DDI 0224, chapter 3.
const RTCDR = 0x000;
const RTCMR = 0x004;
const RTCLR = 0x008;
const RTCCR = 0x00c;
const RTCIMSC = 0x010;
const RTCRIS = 0x014;
const RTCMIS = 0x018;
const RTCICR = 0x01c;

const PERIPHERAL_ID = 0x00041031;

const RTCCR_START = 1;
const RTCINTR = 1;
const WRAP = 2 ** 32;

function powerOn() {
  return {
    enabled: false,
    /** RTCDR while stopped; what to add to the tick count to get it while running. */
    base: 0,
    match: 0,
    load: 0,
    mask: 0,
    raw: 0,
    /** The tick at which RTCDR will next become RTCMR. */
    matchTick: Number.POSITIVE_INFINITY,
  };
}

/** Options of {@link Pl031}. */
export interface Pl031Options {
  /** Period of CLK1HZ in nanoseconds, greater than 0; 10^9 by default. Shorter ones speed up alarms. */
  readonly tickNs?: number;
}

/**
 * ARM PrimeCell Real Time Clock PL031 (ARM DDI 0224), line 0 = RTCINTR.
 *
 * - CLK1HZ runs from power-on and a load does not shift its phase (section
 *   2.2: the counter is free-running, RTCLR sets an offset), so the first
 *   second after a load may be a short one.
 * - RTCDR stands still until RTCCR is written with 1; after that RTCCR cannot
 *   be written until reset (section 3.3.4).
 * - A match is the moment at which RTCDR *becomes* equal to RTCMR, be it by a
 *   tick or by a write of either. So RTCRIS can be cleared within the second of
 *   the match, and starting with both at their reset value is no match.
 * - RTCICR clears by bit 0 (section 3.3.8), not by just any write as the
 *   overview in section 2.1 has it.
 * - The integration test registers (chapter 4) are absent: they read 0.
 */
export class Pl031 extends WordRegisterModel implements DeviceModel {
  readonly compatible: readonly string[] = ['arm,pl031', 'arm,primecell'];
  readonly regions: readonly ModelRegion[] = [{ size: 0x1000 }];
  readonly irqs: readonly ModelIrq[] = [{ trigger: 'level' }];

  readonly #tickNs: number;
  #powerOnNs = 0;
  #state = powerOn();
  #alarm: TimerHandle | undefined;

  constructor(options: Pl031Options = {}) {
    super();
    this.#tickNs = options.tickNs ?? 1e9;
    if (!(this.#tickNs > 0)) {
      throw new RangeError(`tickNs must be greater than 0, got ${this.#tickNs}`);
    }
  }

  override connect(environment: ModelEnvironment): void {
    super.connect(environment);
    this.#powerOnNs = environment.clock.nowNs();
  }

  reset(): void {
    this.#state = powerOn();
    this.#settle();
  }

  protected readWord(offset: number): number {
    if (this.#catchUp()) this.#settle();
    const state = this.#state;
    switch (offset) {
      case RTCDR:
        return this.#seconds();
      case RTCMR:
        return state.match;
      case RTCLR:
        return state.load;
      case RTCCR:
        return state.enabled ? RTCCR_START : 0;
      case RTCIMSC:
        return state.mask;
      case RTCRIS:
        return state.raw;
      case RTCMIS:
        return state.raw & state.mask;
      default:
        return primeCellId(PERIPHERAL_ID, offset);
    }
  }

  protected writeWord(offset: number, value: number, strobes: number): void {
    this.#catchUp();
    const state = this.#state;
    switch (offset) {
      case RTCMR:
        state.match = this.merge(state.match, value, strobes);
        this.#aim(true);
        break;
      case RTCLR:
        state.load = this.merge(state.load, value, strobes);
        state.base = state.enabled ? state.load - this.#tick() : state.load;
        this.#aim(true);
        break;
      case RTCCR:
        if (value & RTCCR_START && !state.enabled) {
          state.base -= this.#tick();
          state.enabled = true;
          this.#aim(false);
        }
        break;
      case RTCIMSC:
        state.mask = this.merge(state.mask, value, strobes) & RTCINTR;
        break;
      case RTCICR:
        state.raw &= ~value;
        break;
    }
    this.#settle();
  }

  /** Rising edges of CLK1HZ since power-on. */
  #tick(): number {
    return Math.floor((this.clock.nowNs() - this.#powerOnNs) / this.#tickNs);
  }

  #seconds(): number {
    const { enabled, base } = this.#state;
    return (enabled ? base + this.#tick() : base) >>> 0;
  }

  /** Works out the next match after RTCMR or RTCDR has changed, or the clock has been started. */
  #aim(equalIsMatch: boolean): void {
    const state = this.#state;
    if (!state.enabled) return;
    const distance = (state.match - this.#seconds()) >>> 0;
    if (distance === 0 && equalIsMatch) state.raw = RTCINTR;
    state.matchTick = this.#tick() + (distance || WRAP);
  }

  /**
   * Latches a match that time has brought. Done at each access, so that no
   * timer is needed while nobody would see the line.
   */
  #catchUp(): boolean {
    const state = this.#state;
    const late = this.#tick() - state.matchTick;
    if (!(late >= 0)) return false;
    state.raw = RTCINTR;
    state.matchTick += WRAP * (Math.floor(late / WRAP) + 1);
    return true;
  }

  #settle(): void {
    const { enabled, mask, raw, matchTick } = this.#state;
    this.#alarm?.cancel();
    this.#alarm = undefined;
    if (enabled && mask && !raw) {
      const dueNs = this.#powerOnNs + matchTick * this.#tickNs;
      // At least 1 ns: where rounding has let the timer fire before the tick, time must go on.
      const delayNs = Math.max(1, dueNs - this.clock.nowNs());
      this.#alarm = this.clock.setTimer(delayNs, () => {
        this.#catchUp();
        this.#settle();
      });
    }
    this.drive(0, (raw & mask) !== 0);
  }
}
