import type { Interrupt } from './recording';

/**
 * What the guest knows as one interrupt: a visit of its handler. When an EOI
 * is noticed before the handler has satisfied the device, the kernel signals
 * again, so that one visit may take several interrupts of the plugin.
 */
export interface Visit {
  readonly device: number;
  /** Counts from 1 for each device. */
  readonly number: number;
  /** At least one. */
  readonly interrupts: readonly [Interrupt, ...Interrupt[]];
}

/** Puts the interrupts of one device together into visits. */
export function visitsOf(interrupts: readonly Interrupt[]): Visit[] {
  const visits: (Visit & { interrupts: [Interrupt, ...Interrupt[]] })[] = [];
  for (const interrupt of interrupts) {
    const visit = visits.at(-1);
    const goesOn = interrupt.cause === 'still high' && interrupt.takenNs === undefined;
    if (visit && goesOn) visit.interrupts.push(interrupt);
    else
      visits.push({ device: interrupt.device, number: visits.length + 1, interrupts: [interrupt] });
  }
  return visits;
}
