import { CommandError } from '../failure';
import { MAX_TIMEOUT_S } from '../limits';
import type { Values } from './command';

/** A whole number, decimal or with 0x. @throws CommandError USAGE */
export function wholeNumber(text: string, what: string, least: number, most: number): number {
  const value = /^(0x[0-9a-f]+|\d+)$/i.test(text) ? Number(text) : Number.NaN;
  if (Number.isSafeInteger(value) && value >= least && value <= most) return value;
  throw new CommandError(
    'USAGE',
    `${what} must be a whole number from ${least} to ${most} (0x for hexadecimal), got '${text}'`,
  );
}

/** A 64-bit value, decimal or with 0x. @throws CommandError USAGE */
export function bigValue(text: string, what: string, bits: number): bigint {
  const most = (1n << BigInt(bits)) - 1n;
  const value = /^(0x[0-9a-f]{1,16}|\d{1,20})$/i.test(text) ? BigInt(text) : -1n;
  if (value >= 0n && value <= most) return value;
  throw new CommandError(
    'USAGE',
    `${what} must be from 0 to 0x${most.toString(16)} for this width, got '${text}'`,
  );
}

export function flag(values: Values, name: string): boolean {
  return values[name] === true;
}

export function text(values: Values, name: string): string | undefined {
  const value = values[name];
  return typeof value === 'string' ? value : undefined;
}

export function texts(values: Values, name: string): readonly string[] {
  const value = values[name];
  return Array.isArray(value) ? value : [];
}

export function numberOption(
  values: Values,
  name: string,
  { least = 0, most, otherwise }: { least?: number; most: number; otherwise: number },
): number {
  const given = text(values, name);
  return given === undefined ? otherwise : wholeNumber(given, `--${name}`, least, most);
}

/** Seconds, fractions allowed, as milliseconds. @throws CommandError USAGE */
export function seconds(values: Values, name: string): number | undefined {
  const given = text(values, name);
  if (given === undefined) return undefined;
  const value = /^\d+(\.\d+)?$/.test(given) ? Number(given) : Number.NaN;
  if (value <= MAX_TIMEOUT_S) return value * 1000;
  throw new CommandError(
    'USAGE',
    `--${name} must be seconds from 0 to ${MAX_TIMEOUT_S}, got '${given}'`,
  );
}

/** One of a few words. @throws CommandError USAGE */
export function oneOf<T extends string>(
  values: Values,
  name: string,
  known: readonly T[],
  otherwise: T,
): T {
  const given = text(values, name);
  if (given === undefined) return otherwise;
  const found = known.find((each) => each === given);
  if (found !== undefined) return found;
  throw new CommandError('USAGE', `--${name} must be ${known.join(' or ')}, got '${given}'`);
}
