import { type DeviceDescription, descriptionError, type PropertyValue } from './description';

/** How the node that the fragment goes into reads it. */
export interface DeviceTreeOptions {
  /** #address-cells of the parent node: 1 or 2 (default). */
  readonly addressCells?: 1 | 2;
  /** #size-cells of the parent node: 1 or 2 (default). */
  readonly sizeCells?: 1 | 2;
  /**
   * #interrupt-cells of the interrupt controller. 3 (default) is ARM's GIC: a
   * shared peripheral interrupt (SPI), its number, its trigger. 2: number and
   * trigger. 1: only the number.
   */
  readonly interruptCells?: 1 | 2 | 3;
  /** Label of the interrupt controller, when the node does not inherit it. */
  readonly interruptParent?: string;
}

/** Trigger flags of interrupt specifiers (Linux dt-bindings/interrupt-controller/irq.h). */
const EDGE_RISING = 1;
const LEVEL_HIGH = 4;
/** First cell of a GIC interrupt specifier: shared peripheral interrupt. */
const GIC_SPI = 0;

const hex = (value: number) => `0x${value.toString(16)}`;
const quote = (text: string) => `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;

function splitCells(device: string, value: number, cells: 1 | 2): string {
  const high = Math.floor(value / 2 ** 32);
  if (cells === 2) return `${hex(high)} ${hex(value >>> 0)}`;
  if (high === 0) return hex(value);
  throw descriptionError(device, `${hex(value)} does not fit into one cell; use two`);
}

/** The right-hand side of a property, or undefined for one without value. */
function source(value: PropertyValue): string | undefined {
  if (value === true) return undefined;
  if (value instanceof Uint8Array) {
    return `[${Array.from(value, (byte) => byte.toString(16).padStart(2, '0')).join(' ')}]`;
  }
  if (typeof value === 'object' && 'dts' in value) return value.dts;
  const values = Array.isArray(value) ? value : [value];
  if (values.length === 0) return undefined;
  return typeof values[0] === 'string'
    ? values.map((text) => quote(String(text))).join(', ')
    : `<${values.map((cell) => hex(Number(cell))).join(' ')}>`;
}

function interrupts(device: DeviceDescription, cells: 1 | 2 | 3): string {
  const specifiers = device.lines.map(({ input, trigger }) => {
    const flags = trigger === 'level' ? LEVEL_HIGH : EDGE_RISING;
    if (cells === 1) return `<${input}>`;
    return cells === 2 ? `<${input} ${flags}>` : `<${GIC_SPI} ${input} ${flags}>`;
  });
  return specifiers.join(', ');
}

/**
 * A device-tree node as source text, to be put into the tree of a guest, e.g.
 * with `/include/` (Devicetree Specification 0.4).
 */
export function deviceTreeNode(device: DeviceDescription, options: DeviceTreeOptions = {}): string {
  const { addressCells = 2, sizeCells = 2, interruptCells = 3, interruptParent } = options;
  const [first] = device.regions;
  const unit = first === undefined ? '' : `@${first.base.toString(16)}`;
  const lines: string[] = [];
  const put = (name: string, text: string | undefined) =>
    lines.push(text === undefined ? `\t${name};` : `\t${name} = ${text};`);
  if (device.compatible.length > 0) put('compatible', device.compatible.map(quote).join(', '));
  if (device.regions.length > 0) {
    const ranges = device.regions.map(
      ({ base, size }) =>
        `<${splitCells(device.name, base, addressCells)} ${splitCells(device.name, size, sizeCells)}>`,
    );
    put('reg', ranges.join(', '));
  }
  if (interruptParent !== undefined) put('interrupt-parent', `<&${interruptParent}>`);
  if (device.lines.length > 0) put('interrupts', interrupts(device, interruptCells));
  for (const [name, value] of Object.entries(device.properties ?? {})) put(name, source(value));
  const notes = (device.notes ?? []).map((note) => `\t/* ${note.replaceAll('*/', '* /')} */`);
  return `${[`${device.name}${unit} {`, ...lines, ...notes, '};'].join('\n')}\n`;
}
