import { triggerToEoi } from './figures';
import type { Access, Interrupt } from './recording';
import { registerGroup, registerName } from './registers';
import type { DeviceOutcome, Outcome } from './run';

/** The outcome for programs, as JSON; demo/README.md describes it. */
export function renderJson(outcome: Outcome): string {
  return JSON.stringify(toJson(outcome), (_, value) => rounded(value), 2);
}

/** Guest time comes in fractions of nanoseconds where a baud rate does; picoseconds are plenty. */
function rounded(value: unknown): unknown {
  return typeof value === 'number' ? Math.round(value * 1000) / 1000 : value;
}

function toJson(outcome: Outcome) {
  const { machine, policy, seed, ok, elapsedNs, devices, entries, result, leftOpen, checks } =
    outcome;
  const { recordings } = outcome;
  const notes = entries.flatMap((entry) => (entry.kind === 'note' ? [entry.note] : []));
  return {
    schema: 'vfio-platform-wasm/demo/1',
    machine,
    policy,
    seed,
    ok,
    elapsedNs,
    devices: devices.map(deviceJson),
    interrupts: entries.flatMap((entry) =>
      entry.kind === 'interrupt' ? [interruptJson(entry.interrupt, devices)] : [],
    ),
    notes: notes.map(({ atNs, from, text }) => ({ atNs, from, text })),
    firmware: result ?? null,
    recordings: recordings.map((recording) => ({
      ...recording,
      difference: recording.difference ?? null,
    })),
    checks,
    leftOpen,
  };
}

function deviceJson({ spec, record, signals, line, statistics }: DeviceOutcome) {
  const registers: Record<string, { reads: number; writes: number }> = {};
  for (const [offset, { reads, writes }] of record.registers) {
    const name = registerGroup(spec.profile, offset);
    const before = registers[name] ?? { reads: 0, writes: 0 };
    registers[name] = { reads: before.reads + reads, writes: before.writes + writes };
  }
  return {
    label: spec.label,
    name: spec.name,
    profile: spec.profile.name,
    base: spec.base,
    input: spec.input,
    hostSignals: signals,
    handlerEntries: record.entries,
    line: { eoi: line.eoi, trigger: line.trigger, ...line.statistics },
    accesses: { reads: statistics.reads, writes: statistics.writes, registers },
    triggerToEoiNs: triggerToEoi(record.interrupts) ?? null,
  };
}

function interruptJson(interrupt: Interrupt, devices: readonly DeviceOutcome[]) {
  const { device, number, cause, triggerNs, upNs, takenNs, eoiNs, eoiAccess, returnNs } = interrupt;
  const spec = devices[device]?.spec;
  const access = ({ direction, offset, width, value }: Access) => ({
    direction,
    register: spec ? registerName(spec.profile, offset) : null,
    offset,
    width,
    value: value ?? null,
  });
  return {
    device: spec?.label ?? null,
    number,
    cause,
    triggerNs,
    upNs: upNs ?? null,
    takenNs: takenNs ?? null,
    eoiNs: eoiNs ?? null,
    eoiBy: eoiAccess ? access(eoiAccess) : null,
    returnNs: returnNs ?? null,
  };
}
