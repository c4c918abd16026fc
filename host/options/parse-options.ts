import {
  DEFAULT_MEMORY_BYTES,
  MAX_LINES,
  MAX_MEMORY_BYTES,
  MAX_UNMASK_ATTEMPTS,
} from '../../assembly/limits';
import { VfioError } from '../errors';
import type { EoiRule } from '../profiles/profile';
import type { DeviceOptions, EoiOptions, ResolvedOptions } from './options';

const defaults: ResolvedOptions = {
  xNoMmap: false,
  mmapTimeoutMs: 1100,
  xIrqfd: true,
  iommufd: false,
  policy: 'strict',
  eoi: { default: 'access', lines: {}, rules: [] },
  edgeCount: 'coalesce',
  accessWidths: [1, 2, 4, 8],
  dma: false,
  noiommu: false,
  unmaskAttempts: MAX_UNMASK_ATTEMPTS,
  stallLimitMs: 1000,
  memoryBytes: DEFAULT_MEMORY_BYTES,
  trace: false,
};

const sources = ['irqchip', 'register', 'write', 'access'];

type Check = (value: unknown) => string | undefined;

const isBoolean: Check = (value) => (typeof value === 'boolean' ? undefined : 'true or false');

function oneOf(...values: readonly unknown[]): Check {
  return (value) => (values.includes(value) ? undefined : values.map((v) => `'${v}'`).join(' or '));
}

function integer(least: number, most: number): Check {
  return (value) =>
    Number.isInteger(value) && (value as number) >= least && (value as number) <= most
      ? undefined
      : `a whole number from ${least} to ${most}`;
}

const isText: Check = (value) =>
  typeof value === 'string' && value !== '' ? undefined : 'a text that is not empty';

const isObject: Check = (value) =>
  typeof value === 'object' && value !== null ? undefined : 'an object';

function timeout(value: unknown): string | undefined {
  if (value === 'never' || value === 'on-idle') return undefined;
  return integer(0, 0xffffffff)(value) && `milliseconds (0 to 4294967295), 'never' or 'on-idle'`;
}

function widths(value: unknown): string | undefined {
  const fine =
    Array.isArray(value) &&
    value.length > 0 &&
    value.every((width) => [1, 2, 4, 8].includes(width));
  return fine ? undefined : 'a list of widths, each 1, 2, 4 or 8';
}

function eoi(value: unknown): string | undefined {
  if (isObject(value)) return 'an object {default, lines, rules}';
  const { default: source, lines, rules, ...others } = value as EoiOptions;
  const unknown = Object.keys(others)[0];
  if (unknown !== undefined) return `an object {default, lines, rules} without '${unknown}'`;
  if (source !== undefined && !['irqchip', 'write', 'access'].includes(source)) {
    return `one whose default is 'irqchip', 'write' or 'access'`;
  }
  for (const [line, of] of Object.entries(lines ?? {})) {
    if (!/^\d+$/.test(line) || Number(line) >= MAX_LINES || !sources.includes(of)) {
      return `one whose lines map a line number to 'irqchip', 'register', 'write' or 'access'`;
    }
  }
  if (rules === undefined) return undefined;
  if (!Array.isArray(rules)) return 'one whose rules are a list';
  for (const [index, each] of rules.entries()) {
    const expected = ruleProblem(each);
    if (expected !== undefined) return `one whose rule ${index} ${expected}`;
  }
  return undefined;
}

const isWord = integer(0, 0xffffffff);

/** Fields of an EOI rule: those that it must have, and those that it may have. */
const ruleFields: Readonly<Record<keyof EoiRule, { check: Check; optional?: true }>> = {
  region: { check: isWord },
  offset: { check: isWord },
  width: { check: oneOf(1, 2, 4), optional: true },
  access: { check: oneOf('read', 'write') },
  mask: { check: isWord, optional: true },
  value: { check: isWord, optional: true },
  line: { check: isWord },
};

/** What is wrong with an EOI rule, as it follows 'the rule'; undefined when nothing is. */
export function ruleProblem(value: unknown): string | undefined {
  if (isObject(value)) return 'is an object {region, offset, access, line}';
  const given = value as Record<string, unknown>;
  for (const name of Object.keys(given)) {
    if (!Object.hasOwn(ruleFields, name)) return `has no field '${name}'`;
  }
  for (const [name, { check, optional }] of Object.entries(ruleFields)) {
    if (given[name] === undefined && optional) continue;
    const expected = check(given[name]);
    if (expected !== undefined) return `has as ${name} ${expected}`;
  }
  return undefined;
}

const checks: Readonly<Record<keyof DeviceOptions, Check>> = {
  host: isText,
  sysfsdev: isText,
  fd: integer(0, 0x7fffffff),
  xNoMmap: isBoolean,
  mmapTimeoutMs: timeout,
  xIrqfd: isBoolean,
  iommufd: isBoolean,
  policy: oneOf('strict', 'qemu'),
  eoi,
  edgeCount: oneOf('coalesce', 'replay'),
  accessWidths: widths,
  dma: isBoolean,
  noiommu: isBoolean,
  unmaskAttempts: integer(1, MAX_UNMASK_ATTEMPTS),
  stallLimitMs: integer(0, 0x7fffffff),
  memoryBytes: integer(1, MAX_MEMORY_BYTES),
  profile: (value) => (value === null ? undefined : isObject(value)),
  trace: isBoolean,
};

/** An option name as QEMU writes it (x-no-mmap), the TypeScript way. */
function camelCase(name: string): string {
  return name.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

/** Letters of `a` that have to change to get `b` (Levenshtein). */
export function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = (row[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(change, (row[j] as number) + 1, (next[j - 1] as number) + 1));
    }
    row = next;
  }
  return row[b.length] as number;
}

function unknownOption(name: string): VfioError {
  const nearest = Object.keys(checks)
    .map((known) => ({ known, far: distance(camelCase(name), known) }))
    .sort((a, b) => a.far - b.far)[0];
  const hint =
    nearest && nearest.far <= 3
      ? `did you mean '${nearest.known}'?`
      : `the options are ${Object.keys(checks).join(', ')}`;
  return new VfioError('OPTION_UNKNOWN', `there is no device option '${name}'; ${hint}`);
}

/**
 * Checks options and fills in the defaults. Names may also be written as QEMU
 * writes them.
 *
 * @throws VfioError OPTION_UNKNOWN, OPTION_INVALID
 */
export function parseOptions(options: DeviceOptions): ResolvedOptions {
  if (isObject(options)) {
    throw new VfioError('OPTION_INVALID', `the options must be an object, got ${show(options)}`);
  }
  const given: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(options)) {
    const key = camelCase(name);
    if (!Object.hasOwn(checks, key)) throw unknownOption(name);
    if (value === undefined) continue;
    const expected = checks[key as keyof DeviceOptions](value);
    if (expected !== undefined) {
      throw new VfioError(
        'OPTION_INVALID',
        `option '${name}' must be ${expected}, got ${show(value)}`,
      );
    }
    given[key] = value;
  }
  const resolved = {
    ...defaults,
    ...given,
    eoi: { ...defaults.eoi, ...withoutUndefined(given.eoi as EoiOptions | undefined) },
  } as ResolvedOptions;
  if (resolved.policy === 'qemu') checkQemu(resolved);
  return resolved;
}

/** A field that is there but undefined must not hide its default. */
function withoutUndefined(options: EoiOptions = {}): EoiOptions {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
}

/** QEMU's behaviour knows one EOI source and numbers for the time-out. */
function checkQemu({ eoi: { default: source, lines, rules }, mmapTimeoutMs }: ResolvedOptions) {
  if (source !== 'access' || Object.keys(lines).length > 0 || rules.length > 0) {
    throw new VfioError(
      'OPTION_INVALID',
      `policy 'qemu' completes lines by any access; leave option 'eoi' out`,
    );
  }
  if (mmapTimeoutMs === 'on-idle') {
    throw new VfioError(
      'OPTION_INVALID',
      `policy 'qemu' has no mmap-timeout-ms 'on-idle'; give milliseconds`,
    );
  }
}

function show(value: unknown): string {
  return typeof value === 'string' ? `'${value}'` : (JSON.stringify(value) ?? String(value));
}
