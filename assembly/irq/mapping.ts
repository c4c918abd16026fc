import {
  EFFECT_MAPPING_OFF,
  EFFECT_MAPPING_ON,
  EFFECT_TIMER_START,
  EFFECT_TIMER_STOP,
} from '../boundary/effects';
import { TRACE_MMAPS } from '../boundary/trace-events';
import { config, deviceStatistics, machine } from '../state/records';
import { push, trace } from './effects';

/** The direct mapping of all regions (spec S4), and the timer that brings it back. */

export function setMapping(on: u32): void {
  trace(TRACE_MMAPS, on, 0, 0);
  if (machine.mappingOn == on) return;
  machine.mappingOn = on;
  deviceStatistics.mappingSwitches++;
  push(on ? EFFECT_MAPPING_ON : EFFECT_MAPPING_OFF);
}

/** (Re)starts the timer, unless the time-out is 'never' or 'on-idle'. */
export function startTimer(): void {
  if (config.mmapTimeoutMs <= 0) return;
  machine.timerRunning = 1;
  push(EFFECT_TIMER_START);
}

export function stopTimer(): void {
  if (machine.timerRunning == 0) return;
  machine.timerRunning = 0;
  push(EFFECT_TIMER_STOP);
}
