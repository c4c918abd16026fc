import { describe, expect, test } from 'vitest';
import { MemoryDevice } from '../../../host/sim/models/memory';
import { edges, ProbeDevice } from './models';
import { Rig, traces } from './rig';

async function openProbe(options = {}) {
  const rig = new Rig();
  const { model } = rig.add(new ProbeDevice());
  const { device } = await rig.open(options);
  model.take();
  return { model, device, rig };
}

/** 'r0+2:2' to [2, 2]. */
function pieces(accesses: string[]): number[][] {
  return accesses.map((text) => (/\+(\d+):(\d)/.exec(text) ?? []).slice(1, 3).map(Number));
}

/** Offset, width, and the accesses that reach a device whose kernel splits 8 into two 4s. */
const table: readonly [offset: number, width: number, chunks: number[][]][] = [
  [0, 1, [[0, 1]]],
  [3, 1, [[3, 1]]],
  [2, 2, [[2, 2]]],
  [
    1,
    2,
    [
      [1, 1],
      [2, 1],
    ],
  ],
  [0, 4, [[0, 4]]],
  [
    2,
    4,
    [
      [2, 2],
      [4, 2],
    ],
  ],
  [
    1,
    4,
    [
      [1, 1],
      [2, 2],
      [4, 1],
    ],
  ],
  [
    3,
    4,
    [
      [3, 1],
      [4, 2],
      [6, 1],
    ],
  ],
  [
    0,
    8,
    [
      [0, 4],
      [4, 4],
    ],
  ],
  [
    4,
    8,
    [
      [4, 4],
      [8, 4],
    ],
  ],
  [
    2,
    8,
    [
      [2, 2],
      [4, 4],
      [8, 2],
    ],
  ],
  [
    1,
    8,
    [
      [1, 1],
      [2, 2],
      [4, 4],
      [8, 1],
    ],
  ],
];

describe.each([
  ['mapped', {}],
  ['not mapped', { xNoMmap: true }],
  ['under policy qemu', { policy: 'qemu' }],
])('splitting, %s', (_, options) => {
  test.each(table)(
    'at +%i a read of %i is made of its aligned parts',
    async (offset, width, chunks) => {
      const { model, device } = await openProbe(options);
      if (width === 8) device.read64(0, offset);
      else device.read(0, offset, width);
      expect(pieces(model.take())).toEqual(chunks);
    },
  );

  test.each(table)(
    'at +%i a write of %i is made of the same parts',
    async (offset, width, chunks) => {
      const { model, device } = await openProbe(options);
      if (width === 8) device.write64(0, offset, 0x8877665544332211n);
      else device.write(0, offset, width, 0x44332211);
      const accesses = model.take();
      expect(pieces(accesses)).toEqual(chunks);
      const bytes = accesses.flatMap((text) => {
        const [, size = '', value = ''] = /:(\d)=(.*)/.exec(text) ?? [];
        return (
          value
            .padStart(Number(size) * 2, '0')
            .match(/../g)
            ?.reverse() ?? []
        );
      });
      expect(bytes.join('')).toBe('1122334455667788'.slice(0, width * 2));
    },
  );
});

describe('accessWidths', () => {
  test.each([
    [
      [1],
      0,
      4,
      [
        [0, 1],
        [1, 1],
        [2, 1],
        [3, 1],
      ],
    ],
    [
      [1, 2],
      0,
      4,
      [
        [0, 2],
        [2, 2],
      ],
    ],
    [
      [2],
      2,
      4,
      [
        [2, 2],
        [4, 2],
      ],
    ],
    [
      [4],
      4,
      8,
      [
        [4, 4],
        [8, 4],
      ],
    ],
    [
      [1, 4],
      2,
      4,
      [
        [2, 1],
        [3, 1],
        [4, 1],
        [5, 1],
      ],
    ],
    [
      [1, 4],
      2,
      8,
      [
        [2, 1],
        [3, 1],
        [4, 4],
        [8, 1],
        [9, 1],
      ],
    ],
  ])(
    '%j: an access at +%i of %i is split to what the device takes',
    async (accessWidths, offset, width, chunks) => {
      const { model, device } = await openProbe({ accessWidths });
      if (width === 8) device.read64(0, offset);
      else device.read(0, offset, width);
      expect(pieces(model.take())).toEqual(chunks);
    },
  );

  test('an access that can only partly be split reaches nothing beyond what fits', async () => {
    const { model, device } = await openProbe({ accessWidths: [2, 4] });
    expect(device.read(0, 1, 2)).toBe(0xffff);
    expect(device.read(0, 0, 1)).toBe(0xff);
    expect(model.take()).toEqual([]);
  });
});

describe('values', () => {
  test.each([{}, { xNoMmap: true }])(
    '8 bytes are carried whole and little endian (%o)',
    async (options) => {
      const rig = new Rig();
      const { model } = rig.add(new MemoryDevice());
      const { device } = await rig.open(options);
      device.write64(0, 8, 0xfedcba9876543210n);
      expect(device.read64(0, 8)).toBe(0xfedcba9876543210n);
      expect(device.read(0, 8, 4)).toBe(0x76543210);
      expect(device.read(0, 12, 4)).toBe(0xfedcba98);
      expect([...model.bytes(0).subarray(8, 16)]).toEqual([
        ...[0x10, 0x32, 0x54, 0x76, 0x98, 0xba, 0xdc, 0xfe],
      ]);
    },
  );

  test('only the written width changes', async () => {
    const rig = new Rig();
    const { model } = rig.add(new MemoryDevice());
    const { device } = await rig.open();
    device.write(0, 0, 4, 0xffffffff);
    device.write(0, 1, 1, 0x1234);
    device.write(0, 2, 2, -1);
    expect([...model.bytes(0).subarray(0, 4)]).toEqual([0xff, 0x34, 0xff, 0xff]);
  });
});

describe('windows', () => {
  test('a region of plain memory is really mapped', async () => {
    const rig = new Rig();
    const { model } = rig.add(new MemoryDevice({ regions: [{ size: 0x2000 }], resettable: false }));
    const { device } = await rig.open();
    expect(device.regions[0]?.mapped).toMatchObject([{ offset: 0, size: 0x2000, byHost: false }]);
    device.write(0, 0x1ffc, 4, 0xcafe);
    expect(model.bytes(0)[0x1ffc]).toBe(0xfe);
    model.bytes(0)[4] = 0x5a;
    expect(device.read(0, 4, 1)).toBe(0x5a);
    device.close();
    expect(model.bytes(0)[0x1ffc]).toBe(0xfe);
  });

  test.each([
    ['mapped', {}, true],
    ['not mapped', { xNoMmap: true }, false],
  ])('a register with side effects sees each access once, %s', async (_, options, mapped) => {
    const { model, device } = await openProbe(options);
    expect(device.regions[0]?.mapped.map(({ byHost }) => byHost)).toEqual(mapped ? [true] : []);
    for (let i = 0; i < 3; i++) device.read(0, 4, 4);
    device.write(0, 4, 4, 9);
    expect(model.take()).toEqual(['r0+4:4', 'r0+4:4', 'r0+4:4', 'w0+4:4=9']);
  });

  test('x-no-mmap maps nothing and everything still works', async () => {
    const rig = new Rig();
    const { model } = rig.add(new MemoryDevice());
    const { device, events } = await rig.open({ xNoMmap: true });
    expect(rig.calls).not.toContain('mmap');
    expect(device.regions[0]?.mapped).toEqual([]);
    device.write(0, 0, 4, 77);
    expect(model.bytes(0)[0]).toBe(77);
    expect(events).toEqual([]);
  });

  test('sparse areas are mapped and what lies between goes through pread', async () => {
    const rig = new Rig();
    const sparse = [
      { offset: 0x1000, size: 0x1000 },
      { offset: 0x3000, size: 0 },
      { offset: 0x4000, size: 0x2000 },
    ];
    const { model } = rig.add(new ProbeDevice({ regions: [{ size: 0x6000, sparse }] }));
    const { device, events } = await rig.open();
    expect(device.regions[0]?.mapped.map(({ offset, size }) => [offset, size])).toEqual([
      [0x1000, 0x1000],
      [0x4000, 0x2000],
    ]);
    model.take();
    for (const offset of [0, 0x0ffc, 0x1000, 0x1ffc, 0x2000, 0x3ffc, 0x4000, 0x5ffc]) {
      expect(device.read(0, offset, 4)).toBe(offset % 0x100 === 0 ? 0x03020100 : 0xfffefdfc);
    }
    expect(model.take()).toHaveLength(8);
    // Half in a window, half not.
    expect(device.read(0, 0x0ffe, 4)).toBe(0x0100fffe);
    expect(device.read64(0, 0x1ffc)).toBe(0x03020100fffefdfcn);
    expect(events).toEqual([]);
  });

  test('a region whose size is no multiple of the page is not mapped and not warned about', async () => {
    const rig = new Rig();
    rig.add(new ProbeDevice({ regions: [{ size: 0x104 }] }));
    const { device, events } = await rig.open();
    expect(device.regions[0]?.mapped).toEqual([]);
    expect(device.read(0, 0x100, 4)).toBe(0x03020100);
    expect(events).toEqual([]);
  });

  test('a read-only region is mapped for reading only', async () => {
    const rig = new Rig();
    const { model } = rig.add(new MemoryDevice({ regions: [{ size: 0x1000, access: 'ro' }] }));
    const { device } = await rig.open();
    expect(device.regions[0]).toMatchObject({ readable: true, writable: false });
    device.write(0, 0, 4, 1);
    expect(model.bytes(0)[0]).toBe(0);
    expect(device.statistics.refused).toBe(1);
  });

  test('64 regions are told apart', async () => {
    const rig = new Rig();
    const { model } = rig.add(new ProbeDevice({ regions: Array(64).fill({ size: 0x10 }) }));
    const { device } = await rig.open();
    for (let region = 0; region < 64; region++) device.read(region, 4, 4);
    expect(model.take()).toEqual(Array.from({ length: 64 }, (_, i) => `r${i}+4:4`));
  });

  test('switching the direct mapping needs a change', async () => {
    const rig = new Rig();
    const placed = rig.add(new MemoryDevice({ lines: edges(1) }));
    const seen: boolean[] = [];
    const { device } = await rig.start({}, { setDirectMapping: (on) => void seen.push(on) });
    expect(device.directRead(0, 0, 4)).toBe(0);
    placed.pulse(0);
    device.safePoint();
    expect(seen).toEqual([false]);
    expect(device.directRead(0, 0, 4)).toBe(0xffffffff);
    device.directWrite(0, 0, 4, 3);
    expect(device.read(0, 0, 4)).toBe(0);
    rig.advanceMs(1100);
    device.directWrite(0, 0, 4, 3);
    expect(device.directRead(0, 0, 4)).toBe(3);
    expect(seen).toEqual([false, true]);
    device.reset();
    expect(seen).toEqual([false, true]);
  });
});

describe('trace events', () => {
  test('have the names and formats of QEMU', async () => {
    const rig = new Rig();
    const placed = rig.add(new ProbeDevice({ lines: ['edge', 'level'] }), {
      compatible: ['v,d', 'd'],
    });
    const opened = await rig.start({ trace: true }, { setDirectMapping() {} });
    placed.pulse(0);
    opened.device.safePoint();
    placed.setLine(1, true);
    opened.device.safePoint();
    rig.advanceMs(1100);
    placed.setLine(1, false);
    opened.device.read(0, 4, 4);
    opened.device.write(0, 8, 4, 0x2a);
    const told = opened.events.flatMap((event) =>
      event.type === 'trace'
        ? [
            [
              event.trace.name,
              event.trace.text.replace(/fd ?= ?\d+/g, (fd) => fd.replace(/\d+/, 'N')),
            ],
          ]
        : [],
    );
    expect(told).toEqual([
      ['vfio_platform_realize', 'vfio device dev, compat = v,d,d'],
      ['vfio_platform_base_device_init', 'dev belongs to group #0'],
      ['vfio_platform_populate_interrupts', '- IRQ index 0: count 1, flags=0x1'],
      ['vfio_platform_populate_interrupts', '- IRQ index 1: count 1, flags=0x7'],
      ['vfio_region_mmap', 'region 0 mapped at 0x0, 0x1000 bytes'],
      ['vfio_platform_intp_interrupt', 'Inject IRQ #0 (fd = N)'],
      ['vfio_platform_mmaps_set_enabled', 'direct mapping off'],
      ['vfio_intp_interrupt_set_pending', 'irq 1 is set PENDING'],
      ['vfio_platform_intp_mmap_enable', 'IRQ #0 still active, stay in slow path'],
      ['vfio_region_read', 'region 0 read at 0x4: 0x7060504'],
      ['vfio_platform_eoi', 'EOI IRQ pin 0 (fd=N)'],
      ['vfio_platform_intp_inject_pending_lockheld', 'Inject pending IRQ #1 (fd = N)'],
      ['vfio_region_write', 'region 0 write at 0x8: 0x2a'],
      ['vfio_platform_eoi', 'EOI IRQ pin 1 (fd=N)'],
    ]);
  });

  test('of irqfd lines have the names and formats of QEMU', async () => {
    const rig = new Rig();
    rig.add(new ProbeDevice({ lines: ['edge', 'level'] }));
    const vm = rig.host.createVm();
    const opened = await rig.open({ trace: true }, { vmFd: vm.fd });
    opened.events.length = 0;
    for (const line of [0, 1]) opened.device.connectLine(line, opened.lines.target(line), line);
    expect(traces(opened)).toEqual([
      expect.stringMatching(/^IRQ index=0, fd = \d+$/),
      expect.stringMatching(/^IRQ index=1, fd = \d+, resamplefd = \d+$/),
    ]);
    opened.device.close();
    vm.close();
  });

  test('of a region that cannot be mapped say what QEMU says', async () => {
    const rig = new Rig();
    const placed = rig.add(new ProbeDevice());
    placed.faults.inject({ call: 'mmap', errno: 5 });
    const opened = await rig.open({ trace: true });
    expect(traces(opened)).toContain('region 0: mmap unsupported, performance may be slow');
  });

  test('are not produced unless asked for', async () => {
    const rig = new Rig();
    const placed = rig.add(new ProbeDevice({ lines: edges(1) }));
    const opened = await rig.start();
    placed.pulse(0);
    opened.device.safePoint();
    opened.device.read(0, 0, 4);
    expect(opened.events).toEqual([]);
  });
});
