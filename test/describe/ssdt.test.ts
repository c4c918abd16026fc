import fc from 'fast-check';
import { expect, it, describe as suite } from 'vitest';
import { type DeviceDescription, describe } from '../../host/describe';
import { integer, list, scope, string } from '../../host/describe/aml';
import { disassemble, hasIasl, recompile } from './tools';

const UART: DeviceDescription = {
  name: 'serial',
  compatible: ['snps,dw-apb-uart'],
  regions: [{ base: 0xfea00000, size: 0x100 }],
  lines: [{ input: 5, trigger: 'level' }],
};

const sum = (bytes: Uint8Array) => bytes.reduce((total, byte) => total + byte, 0) & 0xff;
const ascii = (bytes: Uint8Array) => String.fromCharCode(...bytes);

suite('the SSDT', () => {
  it('is a table: signature, length, revision 2 for 64-bit integers, and bytes that add up to 0', () => {
    const { ssdt } = describe(UART);
    const view = new DataView(ssdt.buffer);
    expect(ascii(ssdt.subarray(0, 4))).toBe('SSDT');
    expect(view.getUint32(4, true)).toBe(ssdt.length);
    expect(ssdt[8]).toBe(2);
    expect(sum(ssdt)).toBe(0);
  });

  it('is an exact sequence of bytes for a device without lines and properties', () => {
    const { ssdt } = describe({
      name: 'rom',
      compatible: [],
      hid: 'PNP0C02',
      regions: [{ base: 0x12345678, size: 0x1000 }],
      lines: [],
    });
    const device = [
      ...[0x5b, 0x82, 0x30, ...Buffer.from('V000')],
      ...[0x08, ...Buffer.from('_HID'), 0x0d, ...Buffer.from('PNP0C02'), 0],
      ...[0x08, ...Buffer.from('_UID'), 0x00],
      ...[0x08, ...Buffer.from('_CRS'), 0x11, 0x11, 0x0a, 14],
      ...[0x86, 9, 0, 1, 0x78, 0x56, 0x34, 0x12, 0x00, 0x10, 0, 0, 0x79, 0],
    ];
    expect([...ssdt.subarray(36)]).toEqual([0x10, 0x38, ...Buffer.from('\\_SB_'), ...device]);
  });

  it.skipIf(!hasIasl)('says to iasl what the device is (skipped without acpica-tools)', () => {
    const { ssdt } = describe({ ...UART, properties: { 'reg-shift': 2, 'clock-frequency': 25e6 } });
    const source = disassemble(ssdt);
    expect(source).toContain('Scope (\\_SB)\n{\nDevice (V000)');
    expect(source).toContain('Name (_HID, "PRP0001")');
    expect(source).toContain('Memory32Fixed (ReadWrite,\n0xFEA00000,\n0x00000100,');
    expect(source).toMatch(
      /Interrupt \(ResourceConsumer, Level, ActiveHigh, Exclusive, ,, \)\n\{\n0x00000005,\n\}/,
    );
    expect(source).toContain('ToUUID ("daffd814-6eba-4d8c-8a91-bc9bbf4aa301")');
    expect(source).toContain('"compatible",\n"snps,dw-apb-uart"');
    expect(source).toContain('"reg-shift",\n0x02');
    expect(source).toContain('"clock-frequency",\n0x017D7840');
  });

  it.skipIf(!hasIasl)('leaves the compatible strings out where a hardware id is given', () => {
    const source = disassemble(describe({ ...UART, hid: 'APMC0D08' }).ssdt);
    expect(source).toContain('Name (_HID, "APMC0D08")');
    expect(source).not.toContain('compatible');
    expect(source).not.toContain('_DSD');
  });

  it.skipIf(!hasIasl)(
    'tells edge lines from level lines, each with a descriptor of its own',
    () => {
      const lines = [
        { input: 9, trigger: 'edge' },
        { input: 300, trigger: 'level' },
      ] as const;
      const source = disassemble(describe({ ...UART, lines }).ssdt);
      expect(source).toMatch(/Interrupt \(ResourceConsumer, Edge, ActiveHigh.*\n\{\n0x00000009,/);
      expect(source).toMatch(/Interrupt \(ResourceConsumer, Level, ActiveHigh.*\n\{\n0x0000012C,/);
    },
  );

  it.skipIf(!hasIasl)('uses a 64-bit descriptor for what ends above 4 GiB', () => {
    const at = (base: number) => ({ ...UART, regions: [{ base, size: 0x1000 }] });
    expect(disassemble(describe(at(2 ** 32 - 0x1000)).ssdt)).toContain('Memory32Fixed');
    const high = disassemble(describe(at(2 ** 32)).ssdt);
    expect(high).toContain('QWordMemory (ResourceConsumer, PosDecode, MinFixed, MaxFixed');
    expect(high).toContain('0x0000000100000000,\n0x0000000100000FFF');
  });

  it.skipIf(!hasIasl)('holds several devices, which count from V000', () => {
    const source = disassemble(describe(Array.from({ length: 17 }, () => UART)).ssdt);
    expect(source).toContain('Device (V000)');
    expect(source).toContain('Device (V010)');
    expect(source).toContain('Name (_UID, 0x10)');
  });

  it.skipIf(!hasIasl)(
    'gives every kind of property a value of _DSD, and none to what only a device tree can say',
    () => {
      const source = disassemble(
        describe({
          ...UART,
          properties: {
            'dma-coherent': true,
            cells: [1, 0xffffffff],
            names: ['a', 'b "c"'],
            mac: Uint8Array.of(2, 0, 3),
            empty: [],
            clocks: { dts: '<&clk>' },
          },
        }).ssdt,
      );
      expect(source).toContain('Name (_CCA, One)');
      expect(source).toContain('"dma-coherent",\nOne');
      expect(source).toContain('"cells",\nPackage (0x02)\n{\nOne,\n0xFFFFFFFF\n}');
      expect(source).toContain('"names",\nPackage (0x02)\n{\n"a",\n"b \\"c\\""\n}');
      expect(source).toContain('"mac",\nPackage (0x03)\n{\n0x02,\nZero,\n0x03\n}');
      expect(source).toContain('"empty",\nOne');
      expect(source).not.toContain('clocks');
    },
  );

  const description: fc.Arbitrary<DeviceDescription> = fc.record({
    name: fc.constant('dev'),
    compatible: fc.array(fc.stringMatching(/^[a-z]{1,8},[a-z0-9-]{1,100}$/), {
      minLength: 1,
      maxLength: 5,
    }),
    regions: fc.array(
      fc.record({
        base: fc.integer({ min: 0, max: 2 ** 40 }),
        size: fc.integer({ min: 1, max: 2 ** 33 }),
      }),
      { maxLength: 12 },
    ),
    lines: fc.array(
      fc.record({
        input: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
        trigger: fc.constantFrom('edge' as const, 'level' as const),
      }),
      { maxLength: 20 },
    ),
    properties: fc.dictionary(
      fc.stringMatching(/^[a-z]{1,31}$/),
      fc.oneof(
        fc.constant(true as const),
        fc.integer({ min: 0, max: 2 ** 32 - 1 }),
        fc.array(fc.integer({ min: 0, max: 2 ** 32 - 1 }), { maxLength: 255 }),
        fc.stringMatching(/^[ -~]{0,200}$/),
        fc.array(fc.stringMatching(/^[ -~]{0,20}$/), { maxLength: 60 }),
        fc.uint8Array({ maxLength: 255 }),
      ),
      { maxKeys: 8 },
    ),
  });

  it.skipIf(!hasIasl)(
    'is read by iasl without loss, whatever the device: compiled again it is the same',
    () => {
      fc.assert(
        fc.property(fc.array(description, { minLength: 1, maxLength: 3 }), (devices) => {
          const { ssdt } = describe(devices);
          expect(recompile(ssdt).subarray(36)).toEqual(new Uint8Array(ssdt.subarray(36)));
        }),
        { numRuns: 60 },
      );
    },
  );
});

suite('the AML encoder', () => {
  /** Bytes of PkgLength in a scope that has `bytes` bytes in all behind it. */
  const lead = (content: number) => [...scope('ABCD', new Uint8Array(content)).subarray(1, 5)];

  it('gives a package the shortest length that counts itself', () => {
    // Four bytes of name belong to the length, too.
    expect(lead(58)[0]).toBe(0x3f);
    expect(lead(59).slice(0, 2)).toEqual([0x41, 0x04]);
    expect(lead(4089).slice(0, 2)).toEqual([0x4f, 0xff]);
    expect(lead(4090).slice(0, 3)).toEqual([0x81, 0x00, 0x01]);
    expect(lead(1_048_568).slice(0, 3)).toEqual([0x8f, 0xff, 0xff]);
    expect(lead(1_048_569).slice(0, 4)).toEqual([0xc1, 0x00, 0x00, 0x01]);
  });

  it('writes integers in their shortest form', () => {
    const forms = [0, 1, 2, 0xff, 0x100, 0xffff, 0x10000, 0xffffffff, 2 ** 32].map((value) => [
      ...integer(value),
    ]);
    expect(forms).toEqual([
      [0x00],
      [0x01],
      [0x0a, 2],
      [0x0a, 0xff],
      [0x0b, 0, 1],
      [0x0b, 0xff, 0xff],
      [0x0c, 0, 0, 1, 0],
      [0x0c, 0xff, 0xff, 0xff, 0xff],
      [0x0e, 0, 0, 0, 0, 1, 0, 0, 0],
    ]);
  });

  it('refuses what AML cannot hold', () => {
    expect(() => integer(-1)).toThrow(RangeError);
    expect(() => integer(2 ** 53)).toThrow(RangeError);
    expect(() => string('naïve')).toThrow(RangeError);
    expect(() => string('a\0b')).toThrow(RangeError);
    expect(() => list(Array.from({ length: 256 }, () => integer(0)))).toThrow('256 elements');
    expect(() => scope('abcd')).toThrow("'abcd' is no ACPI name");
    expect(() => scope('ABCD', new Uint8Array(2 ** 28))).toThrow(RangeError);
  });
});
