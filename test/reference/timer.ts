import type { Output, ReferenceState } from './state';

/** (Re)starts the timer; without a timeout there is none. */
export function armTimer(state: ReferenceState, out: Output[]): void {
  const ms = state.options.timeoutMs;
  if (typeof ms === 'number' && ms > 0) {
    state.timerArmed = true;
    out.push({ kind: 'timer', ms });
  }
}
