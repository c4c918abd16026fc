import { VfioError } from '../../errors';
import { MAX_JSON_BYTES, MAX_RAM_BLOCKS } from '../limits';
import { corrupt, unsupported } from './problem';

/** What a recording says about DMA into guest RAM. */
export type DmaMode =
  /** The host could not see it and no guest RAM was mapped. */
  | 'none'
  /** Every write of the device, byte for byte, at its place. */
  | 'exact'
  /** Pages that had changed at named sync points: not exact, and no promise of the same run. */
  | 'at-sync';

/** What was known of the machine into which the device was plugged. */
export interface MachineIdentity {
  readonly name: string;
  /** The same inputs give the same run, bit for bit: machine replay is exact. */
  readonly deterministic: boolean;
  /** The machine can let the guest reach device memory without a trap. */
  readonly directMapping: boolean;
  readonly reportsEoi: boolean;
}

/** The header of a trace: what is known before the first event. */
export interface TraceHeader {
  readonly uuid: string;
  /** What wrote it, and the version of its core's boundary. */
  readonly writer: { readonly name: string; readonly abi: number };
  /** The device as sysfs describes it; no paths. */
  readonly device: {
    readonly name: string;
    readonly compatible: readonly string[];
    /** Number of its IOMMU group, null where that was not known. */
    readonly group: number | null;
    readonly noiommu: boolean;
    /** 'group' (container) or 'cdev' (iommufd). */
    readonly backend: 'group' | 'cdev';
  };
  /** Options with their defaults; those that name a place on the host are left out. */
  readonly options: Readonly<Record<string, unknown>>;
  readonly machine: MachineIdentity | null;
  /** The machine really maps the device into its guest. */
  readonly directMapping: boolean;
  /** The machine has a kernel irqchip. */
  readonly irqchip: boolean;
  readonly dma: DmaMode;
  /** Guest RAM that was mapped while the device was opened. */
  readonly guestRam: readonly {
    readonly guestAddress: number;
    readonly size: number;
    readonly writable: boolean;
  }[];
  /** What is special about the device or the recording, for people. */
  readonly quirks: readonly string[];
  /** Of a trace made from another one: from which, and how. */
  readonly derived?: { readonly uuid: string; readonly how: string };
}

/** What the open device said of itself. */
export interface DeviceDescription {
  readonly bus: 'platform' | 'amba';
  readonly resettable: boolean;
  readonly regions: readonly {
    readonly index: number;
    /** Bytes, decimal: they may be more than a double can count. */
    readonly size: string;
    readonly readable: boolean;
    readonly writable: boolean;
    readonly mapped: readonly { readonly offset: number; readonly size: number }[];
  }[];
  readonly lines: readonly {
    readonly index: number;
    readonly trigger: 'edge' | 'level';
    readonly maskable: boolean;
    readonly usable: boolean;
  }[];
}

/** What the last chunk of a complete recording says. */
export interface TraceTotals {
  readonly events: number;
  readonly accesses: number;
  readonly timeNs: number;
}

/** @param what it is, for messages @throws VfioError OPTION_INVALID when it is longer than readers take */
export function encodeJson(value: unknown, what: string): Uint8Array {
  const bytes = new TextEncoder().encode(JSON.stringify(value));
  if (bytes.length <= MAX_JSON_BYTES) return bytes;
  throw new VfioError(
    'OPTION_INVALID',
    `the ${what} of the recording has ${bytes.length} bytes, more than ${MAX_JSON_BYTES}; give shorter options and quirks`,
  );
}

/** The header as bytes. @throws VfioError OPTION_INVALID when readers would refuse it */
export function encodeHeader(header: TraceHeader): Uint8Array {
  const { length } = header.guestRam;
  if (length <= MAX_RAM_BLOCKS) return encodeJson(header, 'header');
  throw new VfioError(
    'OPTION_INVALID',
    `a recording takes ${MAX_RAM_BLOCKS} blocks of guest RAM, not ${length}; join neighbouring blocks`,
  );
}

function parse(bytes: Uint8Array, what: string): Record<string, unknown> {
  if (bytes.length > MAX_JSON_BYTES) throw corrupt(`the ${what} is too long`);
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    throw corrupt(`the ${what} is no JSON text`);
  }
  if (!isObject(value)) throw corrupt(`the ${what} is no object`);
  return value;
}

type Check = (value: unknown) => boolean;

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const isText: Check = (value) => typeof value === 'string';
const isBoolean: Check = (value) => typeof value === 'boolean';
const isCount: Check = (value) => Number.isSafeInteger(value) && (value as number) >= 0;
const isTime: Check = (value) => typeof value === 'number' && Number.isFinite(value);
const oneOf =
  (...values: unknown[]): Check =>
  (value) =>
    values.includes(value);
const listOf =
  (check: Check): Check =>
  (value) =>
    Array.isArray(value) && value.every(check);
const shape =
  (fields: Readonly<Record<string, Check>>): Check =>
  (value) =>
    isObject(value) && Object.entries(fields).every(([name, check]) => check(value[name]));
const orNull =
  (check: Check): Check =>
  (value) =>
    value === null || check(value);

function required(what: string, value: Record<string, unknown>, fields: Record<string, Check>) {
  for (const [name, check] of Object.entries(fields)) {
    if (!check(value[name])) throw corrupt(`the ${what} has no usable '${name}'`);
  }
}

const headerFields: Record<keyof Omit<TraceHeader, 'derived'>, Check> = {
  uuid: isText,
  writer: shape({ name: isText, abi: isCount }),
  device: shape({
    name: isText,
    compatible: listOf(isText),
    group: orNull(isCount),
    noiommu: isBoolean,
    backend: oneOf('group', 'cdev'),
  }),
  options: isObject,
  machine: orNull(
    shape({
      name: isText,
      deterministic: isBoolean,
      directMapping: isBoolean,
      reportsEoi: isBoolean,
    }),
  ),
  directMapping: isBoolean,
  irqchip: isBoolean,
  dma: isText,
  guestRam: (value) =>
    listOf(shape({ guestAddress: isCount, size: isCount, writable: isBoolean }))(value) &&
    (value as unknown[]).length <= MAX_RAM_BLOCKS,
  quirks: listOf(isText),
};

/** @throws VfioError TRACE_CORRUPT, TRACE_UNSUPPORTED */
export function decodeHeader(bytes: Uint8Array): TraceHeader {
  const value = parse(bytes, 'header');
  required('header', value, headerFields);
  const { derived } = value;
  if (derived !== undefined && !shape({ uuid: isText, how: isText })(derived)) {
    throw corrupt("the header has no usable 'derived'");
  }
  if (!oneOf('none', 'exact', 'at-sync')(value.dma)) throw unsupported(`its DMA is '${value.dma}'`);
  return value as unknown as TraceHeader;
}

const deviceFields: Record<keyof DeviceDescription, Check> = {
  bus: oneOf('platform', 'amba'),
  resettable: isBoolean,
  regions: listOf(
    shape({
      index: isCount,
      size: (value) => typeof value === 'string' && /^\d{1,20}$/.test(value),
      readable: isBoolean,
      writable: isBoolean,
      mapped: listOf(shape({ offset: isCount, size: isCount })),
    }),
  ),
  lines: listOf(
    shape({
      index: isCount,
      trigger: oneOf('edge', 'level'),
      maskable: isBoolean,
      usable: isBoolean,
    }),
  ),
};

/** @throws VfioError TRACE_CORRUPT */
export function decodeDevice(bytes: Uint8Array): DeviceDescription {
  const value = parse(bytes, 'device description');
  required('device description', value, deviceFields);
  return value as unknown as DeviceDescription;
}

/** @throws VfioError TRACE_CORRUPT */
export function decodeTotals(bytes: Uint8Array): TraceTotals {
  const value = parse(bytes, 'end');
  required('end', value, { events: isCount, accesses: isCount, timeNs: isTime });
  return value as unknown as TraceTotals;
}
