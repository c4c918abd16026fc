/** A pending timer of a {@link Clock}. */
export interface TimerHandle {
  /** Idempotent; also allowed after the timer has fired. */
  cancel(): void;
}

/**
 * The only source of time in this package. A machine brings its own; tests and
 * the simulated host can use {@link VirtualClock}.
 */
export interface Clock {
  /** Time since the machine started, in nanoseconds (a double, never negative, never going back). */
  nowNs(): number;
  /** Calls `fire` once, `delayNs` (≥ 0) from now. */
  setTimer(delayNs: number, fire: () => void): TimerHandle;
}
