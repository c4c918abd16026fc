import type {
  ConformanceSubject,
  ConformanceTarget,
  GuestProgram,
} from '../../host/machines/conformance';
import type { Machine } from '../../host/machines/contract';
import { runFor } from '../../host/machines/rp2040js';
import { BusGuest, type GuestSetup, Idle } from './bus-guest';
import { PcBusGuest, type PcGuestSetup } from './pc-bus-guest';

/** Puts itself between a machine and the suite: for machines with a defect. */
export type Wrap = (machine: Machine) => Machine;

function setupOf({
  inputs = [],
  accesses = [],
  repeat = 1,
  idle = 'busy',
}: GuestProgram): PcGuestSetup {
  const clear: Record<number, number> = {};
  for (const each of inputs) if (each.clear !== undefined) clear[each.input] = each.clear;
  const setup: GuestSetup = {
    enable: inputs.map(({ input }) => input),
    idle: idle === 'busy' ? Idle.spin : Idle.sleep,
    accesses,
    repeat,
    clear,
  };
  const edges = inputs.filter(({ trigger }) => trigger === 'edge').map(({ input }) => input);
  return { ...setup, edges };
}

/** 60 ms of guest time are plenty for what the checks do. */
const RP2040_SLICE_NS = 20_000;
const RP2040_SLICES = 3000;

export const rp2040Subject = (wrap: Wrap = (machine) => machine): ConformanceSubject => ({
  base: 0x6000_0000,
  levelInput: 20,
  edgeInput: 26,
  ramAddress: 0x2002_0000,
  create(): ConformanceTarget {
    const guest = new BusGuest();
    return {
      machine: wrap(guest.machine),
      start: (program) => void guest.boot(setupOf(program)),
      async runUntil(condition) {
        for (let slice = 0; slice < RP2040_SLICES; slice++) {
          if (condition()) return true;
          runFor(guest.machine, RP2040_SLICE_NS);
        }
        return condition();
      },
      get finished() {
        return guest.finished;
      },
      result: (index) => guest.result(index),
      handled: (input) => guest.handled(input),
    };
  },
});

export const v86Subject = (
  firmware: 'test-bus-pc' | 'test-bus-ioapic',
  wrap: Wrap = (machine) => machine,
): ConformanceSubject => ({
  base: 0xfea0_0000,
  levelInput: 5,
  edgeInput: 11,
  ramAddress: 0x50_0000,
  async create(): Promise<ConformanceTarget> {
    const guest = await PcBusGuest.create(firmware, { acpi: firmware === 'test-bus-ioapic' });
    return {
      machine: wrap(guest.machine),
      start: (program) => void guest.boot(setupOf(program)),
      runUntil: (condition) =>
        guest.until(condition, 10_000).then(
          () => true,
          () => false,
        ),
      get finished() {
        return guest.done;
      },
      result: (index) => guest.result(index),
      handled: (input) => guest.handled(input),
      reset: () => guest.emulator.restart(),
      save: () => guest.save(),
      restore: (state) => guest.emulator.restore_state(state as ArrayBuffer),
      dispose: () => guest.destroy(),
    };
  },
});
