import { sum } from '../checks';
import { type Spread, triggerToEoi } from '../figures';
import type { RecordingOutcome } from '../recordings';
import { registerGroup } from '../registers';
import type { DeviceOutcome, Outcome } from '../run';
import { styleOf } from './intro';
import { heading, microseconds, type Paint, shorten, WIDTH } from './text';

const REGISTER_WIDTH = WIDTH - 25;

/** What came of it, in numbers. */
export function renderSummary(paint: Paint, outcome: Outcome): string[] {
  const { devices, checks } = outcome;
  const other = outcome.policy === 'strict' ? 'qemu' : 'strict';
  return [
    heading(paint, 'Totals'),
    paint('dim', '          host     plugin              guest     trigger to EOI, µs'),
    paint('dim', '          signals  injected completed  handled       min   median      max'),
    ...devices.map((device, index) => totals(paint, device, index)),
    '',
    paint('dim', '          reads  writes  registers (r: read, w: written)'),
    ...devices.map((device, index) => accesses(paint, device, index)),
    '',
    paint('dim', '              recorded    bytes  bytes/event  done again without the device'),
    ...outcome.recordings.map((recording, index) => {
      const label = devices[index]?.spec.label ?? recording.name;
      return recordingLine(paint, recording, label, index);
    }),
    '',
    heading(paint, 'Checks'),
    ...checks.map(({ ok, text }) => {
      const mark = ok ? paint('green', '  ok    ') : paint('red', '  FAILED');
      return `${mark} ${shorten(text, WIDTH - 9)}`;
    }),
    '',
    paint('dim', ` Next: npm start -- --policy ${other}   or --seed 2, --json, --help`),
    verdict(paint, outcome),
  ];
}

function totals(paint: Paint, { spec, record, signals, line }: DeviceOutcome, index: number) {
  const { completions } = line.statistics;
  const [a, b, c, d] = [signals, record.raised, completions, record.entries].map(String);
  return (
    `  ${paint(styleOf(index), spec.label.padEnd(7))}` +
    `${a?.padStart(8)}${b?.padStart(10)}${c?.padStart(10)}${d?.padStart(9)}` +
    times(triggerToEoi(record.interrupts))
  );
}

function recordingLine(
  paint: Paint,
  recording: RecordingOutcome,
  label: string,
  index: number,
): string {
  const { events, bytes, difference, identical } = recording;
  const [first] = difference?.split('\n') ?? [];
  const verdict = first ?? (identical ? 'the same, to the last byte' : 'the bytes differ');
  return (
    `  ${paint(styleOf(index), label.padEnd(7))}` +
    `${`${events} events`.padStart(13)}${String(bytes).padStart(9)}` +
    `${(bytes / events).toFixed(2).padStart(13)}  ${shorten(verdict, WIDTH - 46)}`
  );
}

function times(spread: Spread | undefined): string {
  if (!spread) return '';
  const { min, median, max } = spread;
  const [a, b, c] = [min, median, max].map(microseconds);
  return `${a?.padStart(10)}${b?.padStart(9)} ${c?.padStart(8)}`;
}

function accesses(paint: Paint, { spec, record, statistics }: DeviceOutcome, index: number) {
  const groups = new Map<string, { reads: number; writes: number }>();
  for (const [offset, { reads, writes }] of record.registers) {
    const name = registerGroup(spec.profile, offset);
    const group = groups.get(name) ?? { reads: 0, writes: 0 };
    groups.set(name, { reads: group.reads + reads, writes: group.writes + writes });
  }
  const busiest = [...groups]
    .map(([name, { reads, writes }]) => ({ name, reads, writes, all: reads + writes }))
    .sort((a, b) => b.all - a.all || (a.name < b.name ? -1 : 1));
  const { reads, writes } = statistics;
  return (
    `  ${paint(styleOf(index), spec.label.padEnd(7))}` +
    `${String(reads).padStart(6)}${String(writes).padStart(8)}  ${inOneLine(busiest.map(describe))}`
  );
}

function describe({ name, reads, writes }: { name: string; reads: number; writes: number }) {
  const counts = [reads > 0 ? `${reads}r` : '', writes > 0 ? `${writes}w` : ''];
  return `${name} ${counts.filter((count) => count !== '').join('+')}`;
}

/** As many as fit, and the number of the others. */
function inOneLine(items: readonly string[]): string {
  for (let shown = items.length; ; shown--) {
    const rest = items.length - shown;
    const all = [...items.slice(0, shown), ...(rest > 0 ? [`${rest} others`] : [])].join(', ');
    if (all.length <= REGISTER_WIDTH || shown === 0) return all;
  }
}

function verdict(paint: Paint, { ok, devices, elapsedNs, policy }: Outcome): string {
  const handled = sum(devices, ({ record }) => record.entries);
  const raised = sum(devices, ({ record }) => record.raised);
  const text =
    `${ok ? ' OK ' : ' FAILED '} ${policy}: ${handled} interrupts handled by ${raised} injections ` +
    `in ${(elapsedNs / 1e6).toFixed(1)} ms of guest time`;
  return paint('bold', paint(ok ? 'green' : 'red', shorten(text, WIDTH)));
}
