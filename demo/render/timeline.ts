import { deviceSpecsOf } from '../devices';
import type { Access, Note } from '../recording';
import { registerName } from '../registers';
import type { Outcome } from '../run';
import { type Visit, visitsOf } from '../visits';
import { styleOf } from './intro';
import { heading, hex, microseconds, milliseconds, type Paint, shorten, WIDTH, wrap } from './text';

/** Rows of a kind that are shown before the rest is counted. */
const SHOWN = 2;
const TEXT_COLUMN = 18;
const TEXT_WIDTH = WIDTH - TEXT_COLUMN;
/** Labels and profiles are the same on every machine. */
const deviceSpecs = deviceSpecsOf('rp2040js');

const LEGEND = [
  ' R G U  the lines of RTC, GPIO and UART: · low; 1 raised; 2 and more: raised',
  '        again, because the wire was still high after a completion',
  ' up, taken, EOI, back  µs from the trigger at the device until: line up, handler',
  '        entered, last completion (by the access on the right), handler left',
  ' " "    what the firmware prints on the UART -> what the outside does, and when',
];

type Row =
  | { readonly kind: 'visit'; readonly atNs: number; readonly visit: Visit }
  | { readonly kind: 'note'; readonly atNs: number; readonly note: Note; readonly answer?: Note };

/** Everything in order: what the firmware says, what the outside does, every interrupt. */
export function renderTimeline(paint: Paint, outcome: Outcome): string[] {
  const lines = [
    heading(paint, 'Timeline'),
    ...LEGEND.map((line) => paint('dim', line)),
    '',
    paint('bold', '       ms   R G U                up  taken    EOI   back  completed by'),
  ];
  const rows = rowsOf(outcome);
  for (let at = 0; at < rows.length; ) {
    const row = rows[at] as Row;
    if (row.kind === 'note') {
      lines.push(...noteLines(paint, row));
      at++;
      continue;
    }
    const end = endOfRun(rows, at);
    const shown = end - at > SHOWN + 1 ? SHOWN : end - at;
    for (const each of rows.slice(at, at + shown)) {
      if (each.kind === 'visit') lines.push(visitLine(paint, each.visit));
    }
    if (at + shown < end) lines.push(moreLine(paint, row.visit, rows.slice(at + shown, end)));
    at = end;
  }
  lines.push('');
  return lines;
}

function rowsOf({ entries, devices }: Outcome): Row[] {
  const visits = new Map(
    devices.flatMap(({ record }) =>
      visitsOf(record.interrupts).map((visit) => [visit.interrupts[0], visit] as const),
    ),
  );
  const notes = entries.flatMap((entry) => (entry.kind === 'note' ? [entry.note] : []));
  const answers = notes.filter(({ from }) => from === 'outside');
  const rows: Row[] = [];
  for (const entry of entries) {
    if (entry.kind === 'interrupt') {
      const visit = visits.get(entry.interrupt);
      if (visit) rows.push({ kind: 'visit', atNs: entry.interrupt.triggerNs, visit });
    } else if (entry.note.from !== 'outside') {
      const { note } = entry;
      // The firmware asks for one thing at a time.
      const answer = note.text.startsWith('? ') ? answers.shift() : undefined;
      rows.push({ kind: 'note', atNs: note.atNs, note, ...(answer && { answer }) });
    }
  }
  return rows;
}

/** Microseconds in at most six columns, up to a second: '0.184', '123.4', '12953'. */
function fewMicroseconds(ns: number): string {
  if (ns < 1e5) return microseconds(ns);
  return (ns / 1e3).toFixed(ns < 1e7 ? 1 : 0);
}

/** What makes two visits alike: the same accesses have completed the same line. */
function shape({ device, interrupts }: Visit): string {
  return JSON.stringify([device, interrupts.map(({ eoiAccess }) => eoiAccess)]);
}

/** The index after the last of the visits from `start` on that are alike. */
function endOfRun(rows: readonly Row[], start: number): number {
  const first = rows[start] as Row;
  let end = start + 1;
  for (; end < rows.length; end++) {
    const row = rows[end] as Row;
    if (first.kind !== 'visit' || row.kind !== 'visit') break;
    if (shape(row.visit) !== shape(first.visit)) break;
  }
  return end;
}

function lanes(paint: Paint, device: number | undefined, mark: string): string {
  return deviceSpecs
    .map((_, lane) => (lane === device ? paint(styleOf(lane), mark) : paint('dim', '·')))
    .join(' ');
}

function start(paint: Paint, atNs: number, device?: number, mark = '·'): string {
  return `${milliseconds(atNs).padStart(9)}   ${lanes(paint, device, mark)} `;
}

function visitLine(paint: Paint, visit: Visit): string {
  const { device, interrupts } = visit;
  const spec = deviceSpecs[device] as (typeof deviceSpecs)[number];
  const [first] = interrupts;
  const last = interrupts.at(-1) ?? first;
  const after = (ns: number | undefined) =>
    (ns === undefined ? '-' : fewMicroseconds(ns - first.triggerNs)).padStart(7);
  const times = [first.upNs, first.takenNs, last.eoiNs, first.returnNs].map(after).join('');
  const label = `${spec.label.padEnd(4)} #${visit.number}`.padEnd(9);
  const by = completedBy(visit, (access) => registerName(spec.profile, access.offset));
  return (
    start(paint, first.triggerNs, device, String(interrupts.length)) +
    paint(styleOf(device), label) +
    times +
    `  ${shorten(by, TEXT_WIDTH - label.length - times.length - 2)}`
  );
}

function completedBy({ interrupts }: Visit, name: (access: Access) => string): string {
  const accesses = interrupts.flatMap(({ eoiAccess }) => (eoiAccess ? [eoiAccess] : []));
  const [only] = accesses;
  if (accesses.length < interrupts.length || !only) return '-';
  if (accesses.length === 1) return `${only.direction} ${name(only)} ${hex(only.value)}`;
  const last = accesses.at(-1) ?? only;
  if (accesses.length > 2) return `${accesses.length} accesses, last ${name(last)}`;
  const names = [...new Set(accesses.map(name))];
  const directions = new Set(accesses.map(({ direction }) => direction));
  return `${directions.size === 1 ? only.direction : 'access'} ${names.join(', ')}`;
}

function moreLine(paint: Paint, { device }: Visit, rest: readonly Row[]): string {
  const untilNs = rest.at(-1)?.atNs ?? 0;
  return (
    `${' '.repeat(12)}${lanes(paint, device, '⋮')} ` +
    paint('dim', `… ${rest.length} more like these, the last at ${milliseconds(untilNs)} ms`)
  );
}

function noteLines(paint: Paint, { note, answer }: Row & { kind: 'note' }): string[] {
  const from = start(paint, note.atNs);
  if (note.from === 'problem') {
    return wrap(`! ${note.text}`.split(' '), TEXT_WIDTH).map((text, at) => {
      return (at === 0 ? from : ' '.repeat(TEXT_COLUMN)) + paint('red', shorten(text, TEXT_WIDTH));
    });
  }
  const did = answer
    ? ` -> ${answer.text}, after ${((answer.atNs - note.atNs) / 1e3).toFixed(1)} µs`
    : '';
  const said = shorten(printable(note.text), TEXT_WIDTH - did.length - 2);
  const style = note.text.startsWith('FAIL') ? 'red' : 'cyan';
  return [`${from}${paint(style, `"${said}"`)}${did}`];
}

/** A guest shall not send control codes to the terminal of the host. */
function printable(text: string): string {
  return text.replace(/[^ -~]/g, '?');
}
