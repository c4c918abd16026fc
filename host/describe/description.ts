import { VfioError } from '../errors';
import * as limits from './limits';

/** The value of a device-tree property. */
export type PropertyValue =
  /** A property without value, which is set by being there; an empty list is the same. */
  | true
  /** 32-bit cells, 0 … 2^32 − 1. */
  | number
  | readonly number[]
  /** Strings of printable ASCII. */
  | string
  | readonly string[]
  /** Bytes. */
  | Uint8Array
  /** Device-tree source, for what only exists there, such as `<&apb_pclk>`. The SSDT leaves it out. */
  | { readonly dts: string };

/** One device of a machine, as its guest shall find it. */
export interface DeviceDescription {
  /** Name of its device-tree node: letters, digits and `,._+-`, at most 31. */
  readonly name: string;
  /** Compatible strings, most specific first. */
  readonly compatible: readonly string[];
  /** Where the guest sees each region; guest physical address and bytes. */
  readonly regions: readonly { readonly base: number; readonly size: number }[];
  /** Inputs of the guest's interrupt controller; for ACPI these are GSIs. */
  readonly lines: readonly { readonly input: number; readonly trigger: 'edge' | 'level' }[];
  readonly properties?: Readonly<Record<string, PropertyValue>>;
  /** ACPI hardware id, such as 'APMC0D08'; 'PRP0001', which goes by `compatible`, unless given. */
  readonly hid?: string;
  /** What is missing in this description, in words for the user. */
  readonly notes?: readonly string[];
}

const NODE_NAME = /^[A-Za-z][A-Za-z0-9,._+-]{0,30}$/;
/** Devicetree Specification 0.4, section 2.2.4: property names. */
const PROPERTY_NAME = /^[A-Za-z0-9,._+?#-]{1,31}$/;
/** ACPI 6.5, section 6.1.5: 'AAA####' or 'NNNN####'. */
const HID = /^([A-Z]{3}|[A-Z0-9]{4})[0-9A-F]{4}$/;
const PRINTABLE = /^[\x20-\x7e]*$/;
const COMPATIBLE = /^[\x21-\x7e]+$/;

/** The id of ACPI devices that are found by their compatible string. */
export const PRP0001 = 'PRP0001';

function isCell(value: number): boolean {
  return Number.isInteger(value) && value >= 0 && value <= 0xffffffff;
}

/** What is wrong with a property, or undefined. */
function propertyProblem(name: string, value: PropertyValue): string | undefined {
  if (!PROPERTY_NAME.test(name)) return 'has a name that no property can have';
  if (value === true) return undefined;
  if (typeof value === 'object' && 'dts' in value) {
    return value.dts.trim() === '' ? 'is empty device-tree source' : undefined;
  }
  const values: readonly (number | string)[] =
    typeof value === 'object' ? Array.from(value as readonly (number | string)[]) : [value];
  if (values.length > limits.MAX_VALUES) return `has more than ${limits.MAX_VALUES} values`;
  if (values.every((item) => typeof item === 'number' && isCell(item))) return undefined;
  if (values.every((item) => typeof item === 'string' && PRINTABLE.test(item))) return undefined;
  return 'must be cells of 0 … 2^32 − 1 or strings of printable ASCII, not both';
}

function problem(device: DeviceDescription): string | undefined {
  if (!NODE_NAME.test(device.name)) {
    return `its name must start with a letter and have letters, digits and ',._+-', at most 31`;
  }
  const bad = device.compatible.find((entry) => !COMPATIBLE.test(entry));
  if (bad !== undefined) return `'${bad}' is no compatible string`;
  if (device.hid !== undefined && !HID.test(device.hid)) {
    return `'${device.hid}' is no ACPI hardware id; those look like PNP0501 or APMC0D08`;
  }
  if (device.compatible.length === 0 && (device.hid ?? PRP0001) === PRP0001) {
    return 'it has neither a compatible string nor an ACPI hardware id, so no driver can find it; give hid or compatible';
  }
  for (const { base, size } of device.regions) {
    const ok = Number.isSafeInteger(base) && Number.isSafeInteger(size) && base >= 0 && size > 0;
    if (!ok || !Number.isSafeInteger(base + size)) {
      return `a region of ${size} bytes at ${base} is none`;
    }
  }
  const line = device.lines.find(({ input }) => !isCell(input));
  if (line !== undefined) return `there is no interrupt input ${line.input}`;
  const properties = Object.entries(device.properties ?? {});
  if (properties.length > limits.MAX_PROPERTIES) {
    return `it has more than ${limits.MAX_PROPERTIES} properties`;
  }
  for (const [name, value] of properties) {
    const wrong = propertyProblem(name, value);
    if (wrong !== undefined) return `its property '${name}' ${wrong}`;
  }
  return undefined;
}

/** @throws VfioError DESCRIPTION_INVALID */
export function checkDescription(device: DeviceDescription): void {
  const wrong = problem(device);
  if (wrong !== undefined) throw descriptionError(device.name, wrong);
}

/** Says which device cannot be described, and why. */
export function descriptionError(name: string, reason: string): VfioError {
  return new VfioError('DESCRIPTION_INVALID', `${name} cannot be described to a guest: ${reason}`, {
    device: name,
  });
}
