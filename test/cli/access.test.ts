import { describe, expect, it } from 'vitest';
import { EIO } from '../../assembly/abi/linux';
import type { BoardDevice } from '../../host/cli/simulated/sample-board';
import { MemoryDevice } from '../../host/sim/models';
import { Desk } from './fixture';

const memory = new MemoryDevice({
  compatible: ['example,memory'],
  regions: [{ size: 0x1000 }, { size: 0x100, access: 'ro' }, { size: 0x100, access: 'wo' }],
  lines: ['edge'],
});
const board: readonly BoardDevice[] = [
  {
    name: 'memory',
    bus: 'platform',
    group: 0,
    model: () => memory,
    hostDriver: undefined,
    vfio: true,
  },
];
const rtc = (...args: string[]) => new Desk().run('peek', '9010000.pl031', ...args);

describe('peek', () => {
  it('reads registers by offset, in a row, with their names', async () => {
    expect(await rtc('0xfe0', '--count', '4')).toEqual({
      code: 0,
      out: '0:0xfe0  0x00000031\n0:0xfe4  0x00000010\n0:0xfe8  0x00000004\n0:0xfec  0x00000000\n',
      error: '',
    });
    expect((await rtc('0', '-n', '2')).out).toBe(
      '0:0x000  0x00000000  RTCDR\n0:0x004  0x00000000  RTCMR\n',
    );
  });

  it('reads registers by name, upper or lower case', async () => {
    expect((await rtc('rtcimsc')).out).toBe('0:0x010  0x00000000  RTCIMSC\n');
    const { code, error } = await rtc('RTCIMSX');
    expect(code).toBe(2);
    expect(error).toContain("Did you mean 'RTCIMSC'?");
  });

  it('knows no names of a device without a profile', async () => {
    const { code, error } = await new Desk({ board }).run('peek', 'memory', 'STATUS');
    expect(code).toBe(2);
    expect(error).toContain('[REGION:]OFFSET');
  });

  it.each([
    ['0x1000', [], 'outside region 0 of 0x1000 bytes'],
    ['0xffc', ['--count', '2'], 'outside region 0'],
    ['0xffffffff', ['--width', '1'], 'outside region 0'],
    ['2', [], '0x2 is no multiple of 4'],
    ['3:0', [], 'there is no region 3; it has 3'],
    ['2:0', [], 'region 2 cannot be read'],
    ['1:2:3', [], 'is no [REGION:]OFFSET'],
    ['0x100000000', [], 'OFFSET must be a whole number'],
    ['-1', [], "'-1'"],
  ])('of %s %j never reaches the device: %s', async (place, options, message) => {
    const desk = new Desk({ board });
    const { code, error } = await desk.run('peek', 'memory', place, ...options);
    expect(code).toBe(2);
    expect(error.replaceAll(/\s+/g, ' ')).toContain(message);
  });

  it('tells that the kernel failed the access', async () => {
    const desk = new Desk({ board });
    const { faults } = desk.system.host.kernel;
    faults.inject({ call: 'mmap', errno: EIO });
    faults.inject({ call: 'pread', errno: EIO });
    const { code, data } = await desk.json('peek', 'memory', '0');
    expect(code).toBe(1);
    expect(data.error).toMatchObject({ code: 'ACCESS_FAILED', errno: 'EIO', device: 'memory' });
    expect(desk.system.host.kernel.resources().fds).toBe(0);
  });
});

describe('poke', () => {
  it.each([
    ['1', '0xa5'],
    ['2', '0xa5a5'],
    ['4', '0xdeadbeef'],
    ['8', '0xfedcba9876543210'],
  ])('writes %s bytes, and reads them back', async (width, value) => {
    const desk = new Desk({ board });
    const { code, out } = await desk.run('poke', 'memory', '0x40', value, '-w', width, '--read');
    expect({ code, out }).toEqual({ code: 0, out: `0:0x040  ${value}, reads ${value}\n` });
  });

  it('gives 64-bit values to programs as text, others as numbers', async () => {
    const desk = new Desk({ board });
    const wide = await desk.json('poke', 'memory', '0', '0xffffffffffffffff', '-w', '8', '--read');
    expect(wide.data).toMatchObject({
      value: '0xffffffffffffffff',
      readBack: '0xffffffffffffffff',
    });
    const narrow = await desk.json('poke', 'memory', '0', '7');
    expect(narrow.data).toMatchObject({ value: 7, readBack: null, width: 4, region: 0 });
  });

  it.each([
    ['0', '256', '1', 'VALUE must be from 0 to 0xff'],
    ['0', 'x', '4', "got 'x'"],
    ['1:0', '1', '4', 'region 1 cannot be written'],
    ['0x1000', '1', '4', 'outside region 0'],
    ['4', '1', '8', 'no multiple of 8'],
  ])(
    'of %s with %s and width %s never reaches the device: %s',
    async (place, value, width, message) => {
      const { code, error } = await new Desk({ board }).run(
        'poke',
        'memory',
        place,
        value,
        '-w',
        width,
      );
      expect(code).toBe(2);
      expect(error.replaceAll(/\s+/g, ' ')).toContain(message);
    },
  );

  it('cannot read back what cannot be read, and says so before it writes', async () => {
    const desk = new Desk({ board });
    expect((await desk.run('poke', 'memory', '2:0', '1', '--read')).code).toBe(2);
    expect((await desk.run('poke', 'memory', '2:0', '1')).code).toBe(0);
  });
});

describe('a device that cannot be opened', () => {
  it('says without VFIO which module is missing', async () => {
    const { code, error } = await new Desk({ vfio: false }).run('peek', 'pl031', '0');
    expect(code).toBe(6);
    expect(error).toContain('modprobe vfio-amba');
  });

  it('says with another driver how to bind it', async () => {
    const { code, error } = await new Desk().run('peek', '9030000.pl061', '0');
    expect(code).toBe(6);
    expect(error.replaceAll(/\s+/g, ' ')).toContain('belongs to the driver pl061_gpio');
    expect(error).toContain('vfio-wasm bind 9030000.pl061');
  });

  it('says without permission which node it takes', async () => {
    const { code, error } = await new Desk({ root: false }).run('peek', 'pl031', '0');
    expect(code).toBe(4);
    expect(error.replaceAll(/\s+/g, ' ')).toContain('chown $USER /dev/vfio/1');
  });

  it('says of a group that is not viable which device makes it so', async () => {
    const { code, error } = await new Desk().run('peek', '9070000.crypto', '0');
    expect(code).toBe(6);
    expect(error.replaceAll(/\s+/g, ' ')).toContain('9071000.rng (example-rng) must be bound');
    const desk = new Desk();
    await desk.run('bind', '9071000.rng');
    expect((await desk.run('peek', '9070000.crypto', '0')).code).toBe(0);
  });

  it('says of a device in use which process has it', async () => {
    const { code, error } = await new Desk().run('peek', '9060000.pl061', '0');
    expect(code).toBe(5);
    expect(error).toContain('process 4242 (qemu-system-aar)');
  });

  it('leaves nothing open, whatever stops it', async () => {
    const desk = new Desk();
    const before = desk.system.host.kernel.resources();
    for (const name of ['9070000.crypto', '9060000.pl061', '9030000.pl061']) {
      await desk.run('peek', name, '0');
    }
    await desk.run('peek', 'pl031', '0x9999');
    await desk.run('info', 'pl031', '--iommufd');
    expect(desk.system.host.kernel.resources()).toEqual(before);
  });
});

describe('info', () => {
  it('shows regions, lines, group and reset', async () => {
    const { code, out } = await new Desk().run('info', 'pl031');
    expect(code).toBe(0);
    expect(out.split('\n')).toEqual([
      '9010000.pl031  ARM PL031 real time clock',
      '  compatible  arm,pl031, arm,primecell',
      '  bus         amba, driver vfio-amba',
      '  group       1, /dev/vfio/devices/vfio0',
      '  reset       yes, at open, at close and on request',
      '  region 0    0x1000 (4 KiB), rw, mapped',
      '  line 0      level, maskable, auto-masked; EOI by register',
      '  registers   RTCDR RTCMR RTCLR RTCCR RTCIMSC RTCRIS RTCMIS RTCICR',
      '',
    ]);
  });

  it('gives the same to programs', async () => {
    const { data } = await new Desk({ board }).json('info', 'memory');
    expect(data).toMatchObject({
      schema: 'vfio-platform-wasm/cli/info/1',
      name: 'memory',
      bus: 'platform',
      group: 0,
      profile: null,
      regions: [
        { index: 0, size: 4096, readable: true, writable: true },
        { index: 1, size: 256, readable: true, writable: false, mapped: [] },
        { index: 2, size: 256, readable: false, writable: true },
      ],
      lines: [{ index: 0, trigger: 'edge', maskable: false, usable: true, eoi: 'access' }],
    });
  });

  it('opens the device through iommufd where that is asked for', async () => {
    expect((await new Desk().run('info', 'pl031', '--iommufd')).code).toBe(0);
    const { code, error } = await new Desk({ iommufd: false }).run('info', 'pl031', '--iommufd');
    expect(code).toBe(6);
    expect(error).toContain('CONFIG_VFIO_DEVICE_CDEV');
  });
});
