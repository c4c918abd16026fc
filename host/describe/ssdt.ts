import {
  type Aml,
  buffer,
  concat,
  device,
  integer,
  list,
  littleEndian,
  named,
  scope,
  string,
} from './aml';
import {
  type DeviceDescription,
  descriptionError,
  PRP0001,
  type PropertyValue,
} from './description';
import { MAX_TABLE_BYTES } from './limits';
import { resourceTemplate } from './resources';

/** Device Properties UUID daffd814-6eba-4d8c-8a91-bc9bbf4aa301, as ToUUID encodes it. */
const DEVICE_PROPERTIES = Uint8Array.of(
  ...[0x14, 0xd8, 0xff, 0xda, 0xba, 0x6e, 0x8c, 0x4d],
  ...[0x8a, 0x91, 0xbc, 0x9b, 0xbf, 0x4a, 0xa3, 0x01],
);

/** Bytes of a system description table header (ACPI 6.5, section 5.2.6). */
const HEADER_BYTES = 36;
const CHECKSUM = 9;
/** 2 or more: integers are 64 bits wide. */
const REVISION = 2;

const ascii = (text: string) => Uint8Array.from(text, (letter) => letter.charCodeAt(0));

/** A value of a _DSD property, or undefined for what only a device tree can say. */
function propertyValue(value: PropertyValue): Aml | undefined {
  if (value === true) return integer(1);
  if (typeof value === 'number') return integer(value);
  if (typeof value === 'string') return string(value);
  if (value instanceof Uint8Array) return list(Array.from(value, integer));
  if ('dts' in value) return undefined;
  if (value.length === 0) return integer(1);
  return list(value.map((item) => (typeof item === 'number' ? integer(item) : string(item))));
}

function properties(description: DeviceDescription, byCompatible: boolean): Aml[] {
  const pairs: Aml[] = [];
  const put = (name: string, value: Aml) => pairs.push(list([string(name), value]));
  const { compatible } = description;
  if (byCompatible) {
    const [only] = compatible;
    put(
      'compatible',
      only !== undefined && compatible.length === 1 ? string(only) : list(compatible.map(string)),
    );
  }
  for (const [name, value] of Object.entries(description.properties ?? {})) {
    const encoded = propertyValue(value);
    if (encoded !== undefined) put(name, encoded);
  }
  if (pairs.length === 0) return [];
  return [named('_DSD', list([buffer(DEVICE_PROPERTIES), list(pairs)]))];
}

function declaration(description: DeviceDescription, index: number): Aml {
  const { hid = PRP0001, properties: own = {} } = description;
  return device(
    `V${index.toString(16).toUpperCase().padStart(3, '0')}`,
    named('_HID', string(hid)),
    named('_UID', integer(index)),
    // Without it Linux takes DMA on ARM to be impossible (ACPI 6.5, section 6.2.17).
    ...('dma-coherent' in own ? [named('_CCA', integer(1))] : []),
    named('_CRS', buffer(resourceTemplate(description))),
    ...properties(description, hid === PRP0001),
  );
}

/**
 * A secondary system description table (SSDT) that puts the devices into \_SB,
 * as V000, V001, …: _HID, _UID, _CRS, _DSD.
 */
export function ssdt(devices: readonly DeviceDescription[]): Uint8Array<ArrayBuffer> {
  const body = scope('\\_SB_', ...devices.map(declaration));
  const length = HEADER_BYTES + body.length;
  if (length > MAX_TABLE_BYTES) {
    throw descriptionError(
      devices.map(({ name }) => name).join(', '),
      `the table would have ${length} bytes, more than ${MAX_TABLE_BYTES}`,
    );
  }
  const table = concat(
    ascii('SSDT'),
    littleEndian(length, 4),
    Uint8Array.of(REVISION, 0),
    ascii('VFIOPW'),
    ascii('VFIODEVS'),
    littleEndian(1, 4),
    ascii('VFPW'),
    littleEndian(1, 4),
    body,
  );
  const sum = table.reduce((total, byte) => total + byte, 0);
  table[CHECKSUM] = -sum & 0xff;
  return table;
}
