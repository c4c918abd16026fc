import type { Sysfs } from '../boundary/kernel';
import type { PropertyValue } from './description';
import { MAX_PROPERTY_BYTES } from './limits';

/** Properties that describe the node itself or its place in the host, which the guest has its own of. */
const OWN = new Set([
  'compatible',
  'reg',
  'reg-names',
  'ranges',
  'name',
  'status',
  'phandle',
  'linux,phandle',
  'interrupts',
  'interrupts-extended',
  'interrupt-names',
  'interrupt-parent',
  'numa-node-id',
  'secure-status',
]);

/** Properties that refer to other nodes of the host's tree, by the names of their bindings. */
const REFERENCES = new Set([
  'clocks',
  'clock-ranges',
  'assigned-clocks',
  'assigned-clock-parents',
  'assigned-clock-rates',
  'resets',
  'power-domains',
  'dmas',
  'iommus',
  'iommu-map',
  'interconnects',
  'mboxes',
  'phys',
  'phy-handle',
  'memory-region',
  'nvmem-cells',
  'nvmem',
  'hwlocks',
  'io-channels',
  'thermal-sensors',
  'operating-points-v2',
  'msi-parent',
  'msi-map',
  'syscon',
  'remote-endpoint',
  'i2c-bus',
  'pwms',
  'leds',
  'sound-dai',
  'access-controllers',
]);
const REFERENCE_SUFFIX = /(^|-)gpios?$|-supply$|^pinctrl-\d+$/;

/** Lists of names that go with the references of another property. */
const NAMES: Readonly<Record<string, string>> = {
  'clock-names': 'clocks',
  'reset-names': 'resets',
  'power-domain-names': 'power-domains',
  'dma-names': 'dmas',
  'iommu-names': 'iommus',
  'interconnect-names': 'interconnects',
  'mbox-names': 'mboxes',
  'phy-names': 'phys',
  'memory-region-names': 'memory-region',
  'nvmem-cell-names': 'nvmem-cells',
  'io-channel-names': 'io-channels',
  'pwm-names': 'pwms',
  'pinctrl-names': 'pinctrl-0',
};

/** What of a host's device-tree node holds in a guest. */
export interface CopiedProperties {
  readonly properties: Readonly<Record<string, PropertyValue>>;
  /** Names of the regions and lines by index; empty where the node has none. */
  readonly regionNames: readonly string[];
  readonly lineNames: readonly string[];
  /** What was left out, in words for the user. */
  readonly notes: readonly string[];
}

/** Strings of printable ASCII, each with its NUL, or undefined. */
function asStrings(bytes: Uint8Array): string[] | undefined {
  if (bytes.at(-1) !== 0) return undefined;
  const texts = String.fromCharCode(...bytes.subarray(0, -1)).split('\0');
  return texts.every((text) => /^[\x20-\x7e]+$/.test(text)) ? texts : undefined;
}

/**
 * A value of sysfs, which does not tell types: strings when it looks like
 * strings, else big-endian cells when it is a whole number of them, else bytes.
 * A device tree encodes each of them back to the same bytes.
 */
export function decodeProperty(bytes: Uint8Array): PropertyValue {
  if (bytes.length === 0) return true;
  const texts = asStrings(bytes);
  if (texts !== undefined) return texts.length === 1 ? (texts[0] as string) : texts;
  if (bytes.length % 4 !== 0) return bytes.slice();
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const cells = Array.from({ length: bytes.length / 4 }, (_, index) => view.getUint32(4 * index));
  return cells.length === 1 ? (cells[0] as number) : cells;
}

function readBytes(sysfs: Sysfs, path: string): Uint8Array | undefined {
  if (sysfs.readBytes !== undefined) return sysfs.readBytes(path);
  const text = sysfs.readText(path);
  // Text that was not UTF-8 has lost its bytes.
  return text === undefined || text.includes('\ufffd') ? undefined : new TextEncoder().encode(text);
}

/** Copies what holds in a guest from the device-tree node at `node`, a path in sysfs. */
export function copyProperties(sysfs: Sysfs, node: string): CopiedProperties {
  const properties: Record<string, PropertyValue> = {};
  const references: string[] = [];
  const notes: string[] = [];
  const listOf = (name: string) => {
    const bytes = readBytes(sysfs, `${node}/${name}`);
    return (bytes === undefined ? undefined : asStrings(bytes)) ?? [];
  };
  const names = sysfs.list(node);
  for (const name of names) {
    if (OWN.has(name)) continue;
    const companion = NAMES[name];
    if (companion !== undefined && names.includes(companion)) continue;
    if (REFERENCES.has(name) || REFERENCE_SUFFIX.test(name)) {
      references.push(name);
      continue;
    }
    const bytes = readBytes(sysfs, `${node}/${name}`);
    if (bytes === undefined) {
      notes.push(`${name} of the host was not copied: a child node, or unreadable`);
    } else if (bytes.length > MAX_PROPERTY_BYTES) {
      notes.push(`${name} of the host was not copied: ${bytes.length} bytes are too many`);
    } else {
      properties[name] = decodeProperty(bytes);
    }
  }
  if (references.length > 0) {
    notes.push(`not copied, for they refer to other nodes of the host: ${references.join(', ')}`);
  }
  return {
    properties,
    regionNames: listOf('reg-names'),
    lineNames: listOf('interrupt-names'),
    notes,
  };
}
