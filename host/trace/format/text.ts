import { requestTable } from '../../boundary/request-table';
import type { RecordedEvent } from './event';
import { opShape } from './ops';

/** An event as plain data, for JSON. */
export interface EventData {
  readonly event: number;
  readonly access: number;
  readonly timeNs: number;
  readonly depth: number;
  readonly name: string;
  readonly phase: RecordedEvent['phase'];
  readonly args: Readonly<Record<string, number>>;
  /** Bytes that went in, hexadecimal, or text. */
  readonly input?: string;
  readonly results?: Readonly<Record<string, number>>;
  readonly output?: string;
  /** Code of the error with which it ended; '' where it was none of this package. */
  readonly thrown?: string;
}

const DECIMAL: ReadonlySet<string> = new Set([
  'line',
  'count',
  'region',
  'width',
  'result',
  'handle',
  'window',
  'ram',
  'length',
  'size',
  'node',
  'index',
  'delayNs',
  'found',
  'on',
  'gsiPlusOne',
  'writable',
]);

export function hex(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += byte.toString(16).padStart(2, '0');
  return text;
}

/** The event as plain data. */
export function eventData(event: RecordedEvent): EventData {
  const shape = opShape(event.op);
  const whole = event.phase === 'whole';
  const starts = whole || event.phase === 'begin';
  const ends = (whole || event.phase === 'end') && shape?.frame === true;
  const pick = (names: readonly { readonly name: string }[], values: readonly number[]) =>
    Object.fromEntries(names.map(({ name }, i) => [name, values[i] ?? 0]));
  return {
    event: event.ordinal,
    access: event.access,
    timeNs: event.timeNs,
    depth: event.depth,
    name: event.name,
    phase: event.phase,
    args: starts ? pick(shape?.args ?? [], event.args) : {},
    ...(starts &&
      shape?.input !== undefined && {
        input: shape.input === 'text' ? event.text : hex(event.input),
      }),
    ...(ends &&
      (shape?.results.length ?? 0) > 0 && { results: pick(shape?.results ?? [], event.results) }),
    ...(ends && shape?.output && { output: hex(event.output) }),
    ...(event.phase === 'thrown' && { thrown: event.text }),
  };
}

function value(name: string, number: number): string {
  return DECIMAL.has(name) || number < 10 ? String(number) : `0x${number.toString(16)}`;
}

function list(values: Readonly<Record<string, number>>): string {
  return Object.entries(values)
    .map(([name, number]) => `${name}=${value(name, number)}`)
    .join(' ');
}

function shortened(text: string): string {
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}

/** The event in one line, without its place. */
export function eventText(data: EventData): string {
  const { name, phase, args, input, results, output, thrown } = data;
  const parts: string[] = [];
  if (phase === 'end' || phase === 'thrown') parts.push('end of');
  parts.push(name);
  const request = args.request;
  const ioctl = name === 'ioctl' && request !== undefined ? requestTable.get(request)?.name : '';
  if (ioctl) parts.push(ioctl);
  const shown = ioctl ? { handle: args.handle ?? 0 } : args;
  if (Object.keys(shown).length > 0) parts.push(list(shown));
  if (input) parts.push(shortened(input));
  if (results !== undefined) parts.push(`-> ${list(results)}`);
  if (output) parts.push(`[${shortened(output)}]`);
  if (thrown !== undefined) parts.push(`!! ${thrown === '' ? 'an error' : thrown}`);
  return parts.join(' ');
}

/** The event in one line with its place: number, time in ns, depth as indentation. */
export function placedText(data: EventData): string {
  const number = data.phase === 'end' || data.phase === 'thrown' ? '' : String(data.event);
  const time = `${data.timeNs} ns`;
  return `${number.padStart(8)} ${time.padStart(16)}  ${'  '.repeat(data.depth)}${eventText(data)}`;
}

/** What a comparison can say of an event that did not come from a trace. */
export function actualText(
  op: number,
  args: readonly number[],
  input?: Uint8Array,
  results?: readonly number[],
): string {
  const shape = opShape(op);
  if (shape === undefined) return `operation ${op}`;
  const pick = (names: readonly { readonly name: string }[], values: readonly number[]) =>
    Object.fromEntries(names.map(({ name }, i) => [name, values[i] ?? 0]));
  return eventText({
    event: 0,
    access: 0,
    timeNs: 0,
    depth: 0,
    name: shape.name,
    phase: results === undefined ? 'begin' : 'whole',
    args: pick(shape.args, args),
    ...(input &&
      input.length > 0 && {
        input: shape.input === 'text' ? new TextDecoder().decode(input) : hex(input),
      }),
    ...(results && shape.results.length > 0 && { results: pick(shape.results, results) }),
  });
}
