/**
 * The part of ACPI Machine Language that declares devices (ACPI 6.5, chapter
 * 20): integers, strings, buffers, packages, names, scopes. What cannot be
 * encoded is a RangeError; callers check what users give them beforehand.
 */

const ZERO_OP = 0x00;
const ONE_OP = 0x01;
const NAME_OP = 0x08;
const BYTE_PREFIX = 0x0a;
const WORD_PREFIX = 0x0b;
const DWORD_PREFIX = 0x0c;
const STRING_PREFIX = 0x0d;
const QWORD_PREFIX = 0x0e;
const SCOPE_OP = 0x10;
const BUFFER_OP = 0x11;
const PACKAGE_OP = 0x12;
const EXT_PREFIX = 0x5b;
const DEVICE_OP = 0x82;

/** Largest PkgLength: 28 bits. */
const MAX_PACKAGE_LENGTH = 2 ** 28 - 1;
const MAX_PACKAGE_ELEMENTS = 255;
/** 'NAME' or '\NAME', letters, digits and underscores. */
const NAME_SEGMENT = /^\\?[A-Z_][A-Z0-9_]{3}$/;

/** Encoded AML. */
export type Aml = Uint8Array;

/** One after the other. */
export function concat(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** `value` in `width` bytes, least significant first. */
export function littleEndian(value: number, width: number): Uint8Array {
  const bytes = new Uint8Array(width);
  let rest = value;
  for (let i = 0; i < width; i++) {
    bytes[i] = rest % 256;
    rest = Math.floor(rest / 256);
  }
  return bytes;
}

/** Puts PkgLength, which counts itself, before `body` (20.2.4). */
function withLength(body: Uint8Array): Uint8Array {
  let width = 1;
  // One byte has 6 bits of length; more have 4 there and 8 in each that follows.
  while (width + body.length > (width === 1 ? 0x3f : 2 ** (4 + 8 * (width - 1)) - 1)) width++;
  const length = width + body.length;
  if (length > MAX_PACKAGE_LENGTH) throw new RangeError(`AML package of ${length} bytes`);
  if (width === 1) return concat(Uint8Array.of(length), body);
  const lead = ((width - 1) << 6) | (length & 0xf);
  return concat(Uint8Array.of(lead), littleEndian(Math.floor(length / 16), width - 1), body);
}

function nameString(name: string): Uint8Array {
  if (!NAME_SEGMENT.test(name)) throw new RangeError(`'${name}' is no ACPI name of four letters`);
  return Uint8Array.from(name, (letter) => letter.charCodeAt(0));
}

/** 0 … 2^53 − 1, in the shortest form. */
export function integer(value: number): Aml {
  if (!Number.isSafeInteger(value) || value < 0) {
    throw new RangeError(`${value} is no AML integer of this encoder`);
  }
  if (value === 0) return Uint8Array.of(ZERO_OP);
  if (value === 1) return Uint8Array.of(ONE_OP);
  if (value <= 0xff) return Uint8Array.of(BYTE_PREFIX, value);
  if (value <= 0xffff) return concat(Uint8Array.of(WORD_PREFIX), littleEndian(value, 2));
  if (value <= 0xffffffff) return concat(Uint8Array.of(DWORD_PREFIX), littleEndian(value, 4));
  return concat(Uint8Array.of(QWORD_PREFIX), littleEndian(value, 8));
}

/** ASCII without NUL (20.2.3). */
export function string(text: string): Aml {
  const codes = Uint8Array.from(text, (letter) => letter.charCodeAt(0));
  if (codes.some((code) => code === 0 || code > 0x7f))
    throw new RangeError(`'${text}' is not ASCII`);
  return concat(Uint8Array.of(STRING_PREFIX), codes, Uint8Array.of(0));
}

export function buffer(bytes: Uint8Array): Aml {
  return concat(Uint8Array.of(BUFFER_OP), withLength(concat(integer(bytes.length), bytes)));
}

/** At most 255 elements. */
export function list(elements: readonly Aml[]): Aml {
  if (elements.length > MAX_PACKAGE_ELEMENTS) {
    throw new RangeError(`AML package of ${elements.length} elements`);
  }
  return concat(
    Uint8Array.of(PACKAGE_OP),
    withLength(concat(Uint8Array.of(elements.length), ...elements)),
  );
}

/** Name (`name`, `value`). */
export function named(name: string, value: Aml): Aml {
  return concat(Uint8Array.of(NAME_OP), nameString(name), value);
}

/** Scope (`name`) { … }. */
export function scope(name: string, ...terms: readonly Aml[]): Aml {
  return concat(Uint8Array.of(SCOPE_OP), withLength(concat(nameString(name), ...terms)));
}

/** Device (`name`) { … }. */
export function device(name: string, ...terms: readonly Aml[]): Aml {
  return concat(
    Uint8Array.of(EXT_PREFIX, DEVICE_OP),
    withLength(concat(nameString(name), ...terms)),
  );
}
