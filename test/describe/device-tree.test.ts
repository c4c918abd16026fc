import { expect, it, describe as suite } from 'vitest';
import { type DeviceDescription, describe } from '../../host/describe';
import { compileTree, hasDtc } from './tools';

const UART: DeviceDescription = {
  name: 'serial',
  compatible: ['snps,dw-apb-uart', 'ns16550a'],
  regions: [{ base: 0x9040000, size: 0x1000 }],
  lines: [{ input: 8, trigger: 'level' }],
  properties: { 'reg-shift': 2, 'reg-io-width': 4 },
};

suite('the device-tree fragment', () => {
  it('is a node for a bus of two address and two size cells behind a GIC', () => {
    expect(describe(UART).deviceTree).toBe(`serial@9040000 {
	compatible = "snps,dw-apb-uart", "ns16550a";
	reg = <0x0 0x9040000 0x0 0x1000>;
	interrupts = <0 8 4>;
	reg-shift = <0x2>;
	reg-io-width = <0x4>;
};
`);
  });

  it('has trigger 4 for level lines (auto-masked), 1 for edges', () => {
    const lines = [
      { input: 1, trigger: 'level' },
      { input: 2, trigger: 'edge' },
    ] as const;
    expect(describe({ ...UART, lines }).deviceTree).toContain('interrupts = <0 1 4>, <0 2 1>;');
  });

  it('fits other parents: cells of addresses and interrupts, the interrupt controller by label', () => {
    const { deviceTree } = describe(UART, {
      addressCells: 1,
      sizeCells: 1,
      interruptCells: 2,
      interruptParent: 'intc',
    });
    expect(deviceTree).toContain('reg = <0x9040000 0x1000>;');
    expect(deviceTree).toContain('interrupt-parent = <&intc>;');
    expect(deviceTree).toContain('interrupts = <8 4>;');
    expect(describe(UART, { interruptCells: 1 }).deviceTree).toContain('interrupts = <8>;');
  });

  it('splits addresses above 4 GiB, and refuses them where there is one cell', () => {
    const high = { ...UART, regions: [{ base: 0x12_3456_7000, size: 0x1000 }] };
    expect(describe(high).deviceTree).toContain('serial@1234567000 {');
    expect(describe(high).deviceTree).toContain('reg = <0x12 0x34567000 0x0 0x1000>;');
    expect(() => describe(high, { addressCells: 1 })).toThrow(
      'serial cannot be described to a guest: 0x1234567000 does not fit into one cell',
    );
  });

  it('quotes strings, writes bytes and empty properties, and takes source as it is', () => {
    const { deviceTree } = describe({
      ...UART,
      properties: {
        label: 'a "b" \\c',
        mac: Uint8Array.of(0, 0xff),
        'dma-coherent': true,
        'gpio-controller': [],
        clocks: { dts: '<&apb_pclk>' },
      },
    });
    expect(deviceTree).toContain('label = "a \\"b\\" \\\\c";');
    expect(deviceTree).toContain('mac = [00 ff];');
    expect(deviceTree).toContain('\n\tdma-coherent;\n\tgpio-controller;\n');
    expect(deviceTree).toContain('clocks = <&apb_pclk>;');
  });

  it('notes in a comment what was not copied, which cannot end the comment', () => {
    const { deviceTree } = describe({ ...UART, notes: ['not copied: */ evil'] });
    expect(deviceTree).toContain('/* not copied: * / evil */');
  });

  it.skipIf(!hasDtc)('compiles without a warning (skipped without device-tree-compiler)', () => {
    const { deviceTree } = describe([
      { ...UART, properties: { ...UART.properties, clocks: { dts: '<&apb_pclk>' } }, notes: ['x'] },
      { ...UART, name: 'rtc', regions: [{ base: 0x1_0000_0000, size: 0x1000 }], lines: [] },
    ]);
    const { tree, warnings } = compileTree(deviceTree);
    expect(warnings).toBe('');
    expect(tree).toContain('interrupts = <0x00 0x08 0x04>;');
    expect(tree).toContain('rtc@100000000');
    expect(tree).toContain('reg = <0x01 0x00 0x00 0x1000>;');
  });
});

suite('a description that is none', () => {
  const wrong = (change: object, message: string) => {
    const act = () => describe({ ...UART, ...change } as DeviceDescription);
    expect(act).toThrow(message);
    expect(act).toThrow(expect.objectContaining({ code: 'DESCRIPTION_INVALID' }));
  };

  it('is refused with the device, what is wrong and what would be right', () => {
    wrong({ name: 'a b' }, 'a b cannot be described to a guest: its name must start with a letter');
    wrong({ compatible: ['a b'] }, "'a b' is no compatible string");
    wrong({ compatible: [] }, 'give hid or compatible');
    wrong({ hid: 'uart' }, "'uart' is no ACPI hardware id; those look like PNP0501");
    wrong({ regions: [{ base: -1, size: 4 }] }, 'a region of 4 bytes at -1 is none');
    wrong({ regions: [{ base: 0, size: 0 }] }, 'a region of 0 bytes at 0 is none');
    wrong({ regions: [{ base: Number.MAX_SAFE_INTEGER, size: 9 }] }, 'is none');
    wrong({ lines: [{ input: 1.5, trigger: 'edge' }] }, 'there is no interrupt input 1.5');
    wrong({ properties: { 'a b': 1 } }, "its property 'a b' has a name that no property can have");
    wrong({ properties: { a: -1 } }, "its property 'a' must be cells of 0 … 2^32 − 1 or strings");
    wrong({ properties: { a: [1, 'x'] } }, 'not both');
    wrong({ properties: { a: 'é' } }, 'printable ASCII');
    wrong({ properties: { a: { dts: ' ' } } }, 'is empty device-tree source');
    wrong({ properties: { a: Array(256).fill(0) } }, 'has more than 255 values');
    const many = Object.fromEntries(Array.from({ length: 129 }, (_, i) => [`p${i}`, i]));
    wrong({ properties: many }, 'it has more than 128 properties');
  });

  it('is refused when there are too many devices for their names, or too much for a table', () => {
    expect(() => describe(Array(257).fill(UART))).toThrow('the limit is 256');
    const big = Object.fromEntries(
      Array.from({ length: 128 }, (_, i) => [`p${i}`, Array(255).fill('twenty characters or so')]),
    );
    const devices = Array(2).fill({ ...UART, properties: big });
    expect(() => describe(devices)).toThrow('more than 1048576');
  });
});
