import type { DeviceOutcome, Outcome } from './run';

/** Something that must hold after a run. */
export interface Check {
  /** For programs. */
  readonly id: string;
  readonly ok: boolean;
  /** What was compared, with the numbers. */
  readonly text: string;
}

type Run = Omit<Outcome, 'checks' | 'ok'>;

export function sum<T>(items: readonly T[], of: (item: T) => number): number {
  return items.reduce((total, item) => total + of(item), 0);
}

/** The line with which the firmware ends; what it says must be what the emulator saw. */
function doneLine(run: Run): string | undefined {
  const lines = run.entries.flatMap((entry) =>
    entry.kind === 'note' && entry.note.from === 'firmware' ? [entry.note.text] : [],
  );
  return lines.filter((line) => line.startsWith('DONE ')).at(-1);
}

function firmwareChecks(run: Run): Check[] {
  const { result, devices } = run;
  if (!result) return [{ id: 'firmware-done', ok: false, text: 'the firmware came to its end' }];
  const entries = devices.map(({ spec, record }) => `${spec.counter}=${record.entries}`);
  const counted = devices.every(({ spec, record }) => result[spec.counter] === record.entries);
  const said = doneLine(run);
  return [
    {
      id: 'firmware-passed',
      ok: result.failures === 0 && result.spurious === 0,
      text: `firmware: ${result.failures} failures, ${result.spurious} spurious interrupts`,
    },
    {
      id: 'firmware-counts',
      ok:
        counted &&
        said ===
          `DONE ${entries.join(' ')} spurious=${result.spurious} failures=${result.failures}`,
      text: `its DONE line tells the emulator's counts: ${entries.join(' ')}`,
    },
  ];
}

function deviceChecks(devices: readonly DeviceOutcome[]): Check[] {
  const odd = sum(devices, ({ line: { statistics } }) => {
    const { coalesced, spurious, unexpected, unmaskFailures, stalls } = statistics;
    return coalesced + spurious + unexpected + unmaskFailures + stalls;
  });
  const bad = sum(devices, ({ statistics }) => statistics.failed + statistics.refused);
  const signals = sum(devices, (device) => device.signals);
  const raised = sum(devices, ({ record }) => record.raised);
  const completions = sum(devices, ({ line }) => line.statistics.completions);
  return [
    {
      id: 'interrupts-match',
      ok: devices.every(interruptsMatch),
      text: `${signals} signals = ${raised} injections = ${completions} completions`,
    },
    {
      id: 'lines-idle',
      ok: devices.every(({ line }) => line.state === 'inactive' && !line.up) && odd === 0,
      text: `all lines idle at the end; ${odd} signals lost, merged, late or stuck`,
    },
    { id: 'accesses', ok: bad === 0, text: `${bad} accesses failed or refused` },
  ];
}

/** The host, the plugin's counters, its trace and the machine have seen the same interrupts. */
function interruptsMatch({ signals, line: { statistics }, record }: DeviceOutcome): boolean {
  return [
    statistics.signals,
    statistics.injections,
    statistics.completions,
    record.raised,
    record.lowered,
    record.interrupts.length,
    record.traced.get('vfio_platform_eoi') ?? 0,
  ].every((count) => count === signals);
}

/** Compares what the device, the guest and the host say about the same run. */
export function checkRun(run: Run): Check[] {
  const problems = run.entries.filter(
    (entry) => entry.kind === 'note' && entry.note.from === 'problem',
  ).length;
  const left = Object.values(run.leftOpen).reduce((total, count) => total + count, 0);
  return [
    ...deviceChecks(run.devices),
    ...firmwareChecks(run),
    {
      id: 'replayed',
      ok: run.recordings.every(
        ({ difference, identical }) => difference === undefined && identical,
      ),
      text: `${sum(run.recordings, ({ events }) => events)} recorded events replayed without the devices, bit for bit`,
    },
    { id: 'no-problems', ok: problems === 0, text: `${problems} warnings or errors on the way` },
    {
      id: 'nothing-open',
      ok: left === 0,
      text: `${left} descriptors, eventfds, mappings, watches left open on the host`,
    },
  ];
}
