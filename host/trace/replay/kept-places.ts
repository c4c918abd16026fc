import type { KeptState, Machine } from '../../machines/contract';
import { MACHINE_INTERVAL_NS, MAX_KEPT_STATES } from '../limits';
import type { MachineReplay } from './machine-replay';

/** A place that a machine can go back to. */
export interface KeptPlace {
  /** Number of the next event there. */
  readonly event: number;
  /** Steps of the guest since the start. */
  readonly step: number;
  /** Goes there. @returns false where that cannot be done */
  restore(): boolean;
}

/** The states that a machine has kept, with its devices, at intervals. */
export class KeptPlaces {
  readonly #machine: Machine;
  readonly #replays: readonly MachineReplay[];
  #interval: number;
  #intervalNs = MACHINE_INTERVAL_NS;
  #places: KeptPlace[] = [];
  #nextEvent = 0;
  #nextNs = 0;
  /** The last place in time; what is before it has been kept. */
  #lastStep = -1;

  constructor(machine: Machine, replays: readonly MachineReplay[], interval: number) {
    this.#machine = machine;
    this.#replays = replays;
    this.#interval = interval;
    if (machine.keepState === undefined) this.#nextEvent = this.#nextNs = Number.POSITIVE_INFINITY;
  }

  /** The last place for which `fits` is true. */
  before(fits: (place: KeptPlace) => boolean): KeptPlace | undefined {
    return this.#places.filter(fits).at(-1);
  }

  isDue(event: number): boolean {
    return event >= this.#nextEvent || this.#machine.clock.nowNs() >= this.#nextNs;
  }

  /** Keeps the state between two instructions, where it is time to. */
  keepIfDue(event: number, step: number): void {
    if (!this.isDue(event)) return;
    const nowNs = this.#machine.clock.nowNs();
    this.#nextEvent = event + this.#interval;
    this.#nextNs = nowNs + this.#intervalNs;
    if (step <= this.#lastStep) return;
    this.#lastStep = step;
    let state: KeptState | undefined;
    try {
      state = this.#machine.keepState?.();
    } catch {
      // Not now; the way back is longer then.
      return;
    }
    if (state === undefined) return;
    const kept = state;
    const devices = this.#replays.map(({ tap }) => tap?.keep());
    this.#places.push({
      event,
      step,
      restore: () => {
        kept.restore();
        return devices.every((restore) => restore?.());
      },
    });
    if (this.#places.length < MAX_KEPT_STATES) return;
    this.#places = this.#places.filter((_, index) => index % 2 === 0);
    this.#interval *= 2;
    this.#intervalNs *= 2;
  }
}
