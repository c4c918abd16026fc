import { describe, expect, test } from 'vitest';
import type { DeviceOptions } from '../../../host/options/options';
import { edges, ProbeDevice } from '../device/models';
import { Rig, refusal } from '../device/rig';

/** Options as plain JavaScript might give them. */
function untyped(options: unknown): DeviceOptions {
  return options as DeviceOptions;
}

function ready(): Rig {
  const rig = new Rig();
  rig.add(new ProbeDevice({ lines: edges(2) }));
  return rig;
}

describe('unknown options', () => {
  test.each([
    ['x-no-mamp', 'xNoMmap'],
    ['x-no-map', 'xNoMmap'],
    ['hots', 'host'],
    ['mmapTimeoutMS', 'mmapTimeoutMs'],
    ['xIrqFd', 'xIrqfd'],
    ['edge-cuont', 'edgeCount'],
    ['Policy', 'policy'],
  ])("'%s' is refused with the suggestion '%s'", async (name, suggestion) => {
    const error = await refusal(ready().open(untyped({ [name]: 1 })));
    expect(error.code).toBe('OPTION_UNKNOWN');
    expect(error.message).toContain(`'${name}'`);
    expect(error.message).toContain(`did you mean '${suggestion}'?`);
  });

  test.each(['frobnicate-all', '__proto__x', 'toString', 'constructor'])(
    "'%s', which is near nothing, is refused",
    async (name) => {
      const error = await refusal(ready().open(untyped({ [name]: true })));
      expect(error.code).toBe('OPTION_UNKNOWN');
    },
  );

  test("QEMU's spelling of an option is understood", async () => {
    const { device } = await ready().open(untyped({ 'x-no-mmap': true, 'mmap-timeout-ms': 5 }));
    expect(device.options).toMatchObject({ xNoMmap: true, mmapTimeoutMs: 5 });
  });
});

const wrong: readonly [name: string, value: unknown][] = [
  ...[5, '', null, {}, []].map((value): [string, unknown] => ['host', value]),
  ...[5, '', null].map((value): [string, unknown] => ['sysfsdev', value]),
  ...['3', -1, 1.5, Number.NaN, 2 ** 31].map((value): [string, unknown] => ['fd', value]),
  ...['x-no-mmap', 'x-irqfd', 'iommufd', 'dma', 'noiommu', 'trace'].flatMap(
    (name): [string, unknown][] => [
      [name, 'on'],
      [name, 1],
      [name, null],
    ],
  ),
  ...['1100', -1, 1.5, 2 ** 32, 'idle', Number.POSITIVE_INFINITY].map(
    (value): [string, unknown] => ['mmap-timeout-ms', value],
  ),
  ...['Strict', '', 0, null].map((value): [string, unknown] => ['policy', value]),
  ...['count', true].map((value): [string, unknown] => ['edge-count', value]),
  ...[[], [3], [4, 16], ['4'], 4, '4', null].map((value): [string, unknown] => [
    'accessWidths',
    value,
  ]),
  ...[0, 17, -1, 2.5, '4'].map((value): [string, unknown] => ['unmaskAttempts', value]),
  ...[-1, 0.5, 2 ** 31, '9'].map((value): [string, unknown] => ['stallLimitMs', value]),
  ...[0, 1, -65536, 2 ** 31, '1e6', 1e6 + 0.5].map((value): [string, unknown] => [
    'memoryBytes',
    value,
  ]),
  ...[5, 'pl011', true].map((value): [string, unknown] => ['profile', value]),
  ...[
    5,
    'write',
    null,
    { default: 'register' },
    { default: 'eoi' },
    { deflaut: 'write' },
    { lines: { x: 'write' } },
    { lines: { 0: 'auto' } },
    { lines: { '-1': 'write' } },
    { rules: {} },
    { rules: 'none' },
  ].map((value): [string, unknown] => ['eoi', value]),
];

describe('options of the wrong type', () => {
  test.each(wrong)('%s must not be %o', async (name, value) => {
    const error = await refusal(ready().open(untyped({ [name]: value })));
    expect(error.code).toBe('OPTION_INVALID');
    expect(error.message).toContain(name);
  });

  test.each([0x50000, 0x60000, 0xf0000])(
    'memoryBytes %d is enough, or refused with the reason',
    async (memoryBytes) => {
      const outcome = await ready()
        .open({ memoryBytes })
        .catch((error: { code?: string }) => error.code ?? error);
      if (typeof outcome !== 'object') expect(outcome).toBe('OPTION_INVALID');
      else expect(outcome).toHaveProperty('device');
    },
  );

  test.each([null, undefined, 5])('options that are %o are refused', async (options) => {
    const rig = ready();
    const { openDevice } = await import('../../../host/device/open');
    const error = await refusal(openDevice(rig.host, untyped(options), { clock: rig.clock }));
    expect(error.code).toMatch(/^OPTION_|^DEVICE_NAME_INVALID$/);
  });

  test.each([
    ['lines', { lines: undefined }],
    ['rules', { rules: undefined }],
    ['default', { default: undefined }],
  ])('policy qemu takes an eoi option whose %s is undefined as left out', async (_, eoi) => {
    const { device } = await ready().open(untyped({ policy: 'qemu', eoi }));
    expect(device.options.policy).toBe('qemu');
  });

  test.each([
    ['default', { default: 'write' }],
    ['lines', { lines: { 0: 'write' } }],
    ['rules', { rules: [{ region: 0, offset: 0, access: 'write', line: 0 }] }],
  ])('policy qemu refuses an eoi option with %s', async (_, eoi) => {
    const error = await refusal(ready().open(untyped({ policy: 'qemu', eoi })));
    expect(error.code).toBe('OPTION_INVALID');
  });

  test("policy qemu refuses mmapTimeoutMs 'on-idle'", async () => {
    const error = await refusal(ready().open({ policy: 'qemu', mmapTimeoutMs: 'on-idle' }));
    expect(error.code).toBe('OPTION_INVALID');
  });
});

const rule = { region: 0, offset: 0, access: 'write', line: 0 };

describe('EOI rules and sources that fit nothing', () => {
  test.each([
    ['no fields', {}],
    ['no line', { ...rule, line: undefined }],
    ['a negative line', { ...rule, line: -1 }],
    ['a line beyond the last', { ...rule, line: 2 }],
    ['a line that is no number', { ...rule, line: Number.NaN }],
    ['a line of 2^32', { ...rule, line: 2 ** 32 }],
    ['a line of 0.5', { ...rule, line: 0.5 }],
    ['a region beyond the last', { ...rule, region: 1 }],
    ['no region', { ...rule, region: undefined }],
    ['a region of 2^32', { ...rule, region: 2 ** 32 }],
    ['an offset outside the region', { ...rule, offset: 0x1000 }],
    ['an unaligned offset', { ...rule, offset: 2 }],
    ['a negative offset', { ...rule, offset: -4 }],
    ['no offset', { ...rule, offset: undefined }],
    ['an offset of 2^32', { ...rule, offset: 2 ** 32 }],
    ['width 3', { ...rule, width: 3 }],
    ['width 8', { ...rule, width: 8 }],
    ['a misspelt access', { ...rule, access: 'wirte' }],
    ['no access', { ...rule, access: undefined }],
    ['null', null],
    ['a text', 'write'],
  ])('a rule with %s is refused', async (_, bad) => {
    const error = await refusal(ready().open(untyped({ eoi: { rules: [bad] } })));
    expect(error.code).toMatch(/^(OPTION_INVALID|RULE_INVALID|NO_SUCH_LINE|NO_SUCH_REGION)$/);
  });

  test.each(['2', '99', '4294967296'])('a source for line %s is refused', async (line) => {
    const error = await refusal(ready().open(untyped({ eoi: { lines: { [line]: 'write' } } })));
    expect(error.code).toMatch(/^(OPTION_INVALID|NO_SUCH_LINE)$/);
  });

  test("source 'register' without a rule is refused", async () => {
    const error = await refusal(ready().open({ eoi: { lines: { 0: 'register' } } }));
    expect(error).toMatchObject({ code: 'OPTION_INVALID', device: 'dev' });
  });

  test('more rules than fit are refused', async () => {
    const rules = Array.from({ length: 2049 }, () => rule);
    const error = await refusal(ready().open(untyped({ eoi: { rules } })));
    expect(error).toMatchObject({ code: 'RULES_FULL', device: 'dev' });
  });

  test('register rules on a machine that maps the device are refused', async () => {
    const opening = ready().open(untyped({ eoi: { rules: [rule] } }), { setDirectMapping() {} });
    expect((await refusal(opening)).code).toBe('OPTION_INVALID');
  });
});
