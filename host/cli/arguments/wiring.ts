import { MAX_REGIONS } from '../../../assembly/limits';
import type { DeviceOptions } from '../../options/options';
import { CommandError } from '../failure';
import { MAX_LINE } from '../limits';
import { wholeNumber } from './values';

/** Where a device goes in a guest. */
export interface ParsedWiring {
  readonly regions: Readonly<Record<number, number>>;
  readonly lines: Readonly<Record<number, number>>;
}

/** A device for `run`: 'NAME,region0=ADDRESS,line0=INPUT,option=value'. */
export interface DeviceSpec {
  readonly name: string;
  readonly wiring: ParsedWiring;
  readonly options: DeviceOptions;
}

const MAX_ADDRESS = Number.MAX_SAFE_INTEGER;
const MAX_INPUT = 0xffffffff;

/** 'INDEX=NUMBER' for each. @throws CommandError USAGE */
export function parseIndexed(
  assignments: readonly string[],
  option: string,
  most: { readonly index: number; readonly number: number },
): Record<number, number> {
  const result: Record<number, number> = {};
  for (const text of assignments) {
    const [index, number, ...more] = text.split('=');
    if (index === undefined || number === undefined || more.length > 0) {
      throw new CommandError('USAGE', `--${option} wants INDEX=NUMBER, got '${text}'`);
    }
    const at = wholeNumber(index, `the index of --${option}`, 0, most.index);
    result[at] = wholeNumber(number, `--${option} ${at}`, 0, most.number);
  }
  return result;
}

/** Options --region and --line. @throws CommandError USAGE */
export function parseWiring(regions: readonly string[], lines: readonly string[]): ParsedWiring {
  return {
    regions: parseIndexed(regions, 'region', { index: MAX_REGIONS - 1, number: MAX_ADDRESS }),
    lines: parseIndexed(lines, 'line', { index: MAX_LINE, number: MAX_INPUT }),
  };
}

const WORDS: Readonly<Record<string, unknown>> = { on: true, true: true, off: false, false: false };

/** A device option as text: what it is checked for later tells text from number. */
function optionValue(name: string, text: string): unknown {
  if (name === 'eoi') return { default: text };
  if (text in WORDS) return WORDS[text];
  return /^\d+$/.test(text) ? Number(text) : text;
}

/** @throws CommandError USAGE */
export function parseDeviceSpec(text: string): DeviceSpec {
  const [name = '', ...parts] = text.split(',');
  if (name === '' || name.includes('=')) {
    throw new CommandError('USAGE', `--device '${text}' does not begin with the name of a device`);
  }
  const regions: string[] = [];
  const lines: string[] = [];
  const options: Record<string, unknown> = {};
  for (const part of parts) {
    const at = part.indexOf('=');
    const key = at < 0 ? part : part.slice(0, at);
    const value = at < 0 ? 'on' : part.slice(at + 1);
    const wired = /^(region|line)(\d+)$/.exec(key);
    if (wired?.[1] === 'region') regions.push(`${wired[2]}=${value}`);
    else if (wired?.[1] === 'line') lines.push(`${wired[2]}=${value}`);
    else options[key] = optionValue(key, value);
  }
  return { name, wiring: parseWiring(regions, lines), options };
}
