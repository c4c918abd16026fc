import { describe, expect, test } from 'vitest';
import { IOMMU_IOAS_IOVA_RANGES } from '../../../assembly/abi/iommufd';
import { EBUSY, EIO } from '../../../assembly/abi/linux';
import {
  VFIO_DEVICE_GET_INFO,
  VFIO_DEVICE_GET_IRQ_INFO,
  VFIO_DEVICE_GET_REGION_INFO,
  VFIO_IOMMU_GET_INFO,
} from '../../../assembly/abi/vfio';
import { MemoryDevice } from '../../../host/sim/models/memory';
import { edges, ProbeDevice } from '../device/models';
import { accessProblems, Rig, refusal, refused, warnings } from '../device/rig';

const BIG = 0x8000_0000;
const ENDLESS = 0xffff_ffff;

function probe(regions = 1) {
  const rig = new Rig();
  const size = 0x1000;
  const placed = rig.add(
    new ProbeDevice({ lines: edges(1), regions: Array(regions).fill({ size }) }),
  );
  return { rig, placed };
}

/** What every open has to be after a kernel that lies. */
async function worksAgain(rig: Rig): Promise<void> {
  expect(rig.resources).toMatchObject({ fds: 0, mappings: 0 });
  const { device } = await rig.open();
  expect(device.read(0, 0, 4)).toBe(0x03020100);
}

describe('a kernel that lies about sizes', () => {
  test.each([8193, BIG, ENDLESS])('argsz %i of a region is refused', async (argsz) => {
    const { rig, placed } = probe();
    const lie = placed.faults.lieArgsz(VFIO_DEVICE_GET_REGION_INFO, argsz);
    expect(await refusal(rig.open())).toMatchObject({ code: 'REGION_INFO', device: 'dev' });
    lie.remove();
    await worksAgain(rig);
  });

  test.each([8193, BIG, ENDLESS])('argsz %i of the IOMMU is refused', async (argsz) => {
    const { rig } = probe();
    const lie = rig.host.kernel.faults.lieArgsz(VFIO_IOMMU_GET_INFO, argsz);
    expect(await refusal(rig.open())).toMatchObject({ code: 'IOMMU_INFO', device: 'dev' });
    lie.remove();
    await worksAgain(rig);
  });

  test.each([VFIO_DEVICE_GET_REGION_INFO, VFIO_IOMMU_GET_INFO])(
    'an argsz (request %i) that grows for ever is given up',
    async (request) => {
      const { rig } = probe();
      let size = 32;
      const lie = rig.host.kernel.faults.tamper(
        request,
        ({ view }) => {
          size += 16;
          view.setUint32(0, size, true);
          return undefined;
        },
        { times: Number.POSITIVE_INFINITY },
      );
      const error = await refusal(rig.open());
      expect(error.code).toMatch(/^(REGION_INFO|IOMMU_INFO)$/);
      expect(lie.hits).toBeLessThanOrEqual(8);
      lie.remove();
      await worksAgain(rig);
    },
  );

  test.each([VFIO_DEVICE_GET_INFO, VFIO_DEVICE_GET_IRQ_INFO])(
    'an argsz (request %i) that nothing depends on is ignored',
    async (request) => {
      const { rig, placed } = probe();
      placed.faults.lieArgsz(request, ENDLESS);
      expect((await rig.open()).device.lines).toHaveLength(1);
    },
  );
});

describe('broken capability chains', () => {
  test.each(['loop', 'outside', 'next-outside', 'truncated', 'endless-list'] as const)(
    "the chain of a region that is '%s' is refused",
    async (how) => {
      const { rig, placed } = probe();
      const lie = placed.faults.breakCapabilities(VFIO_DEVICE_GET_REGION_INFO, how);
      expect(await refusal(rig.open())).toMatchObject({
        code: 'REGION_CAPABILITIES',
        device: 'dev',
      });
      lie.remove();
      await worksAgain(rig);
    },
  );

  test.each(['loop', 'outside', 'next-outside', 'truncated', 'endless-list'] as const)(
    "the chain of the IOMMU that is '%s' is refused",
    async (how) => {
      const { rig } = probe();
      const lie = rig.host.kernel.faults.breakCapabilities(VFIO_IOMMU_GET_INFO, how);
      expect(await refusal(rig.open())).toMatchObject({ code: 'IOMMU_INFO', device: 'dev' });
      lie.remove();
      await worksAgain(rig);
    },
  );

  test.each([33, 34, 35, 49])('a chain that begins at %i, unaligned, is refused', async (at) => {
    const { rig, placed } = probe();
    placed.faults.lieRegion(0, { flags: 0xf, argsz: 32, capOffset: at });
    expect((await refusal(rig.open())).code).toBe('REGION_CAPABILITIES');
  });

  test('capabilities without an offset are none', async () => {
    const { rig, placed } = probe();
    placed.faults.lieRegion(0, { flags: 0xf, argsz: 32, capOffset: 0 });
    expect((await rig.open()).device.regions[0]?.mapped).toHaveLength(1);
  });

  test.each([VFIO_DEVICE_GET_REGION_INFO, VFIO_IOMMU_GET_INFO])(
    'a chain (request %i) that begins inside the structure itself is refused or harmless',
    async (request) => {
      const { rig } = probe();
      rig.host.kernel.faults.breakCapabilities(request, 'inside-header');
      const outcome = await rig.open().then(
        ({ device }) => device.read(0, 0, 4),
        (error: { code: string }) => error.code,
      );
      expect([0x03020100, 'REGION_CAPABILITIES', 'IOMMU_INFO']).toContain(outcome);
    },
  );

  test.each([
    ['outside the region', 0x1000, 0x1000],
    ['longer than the region', 0, 0x3000],
    ['wrapping around', 0xffff_f000, 0x2000],
  ])('a sparse area %s is refused', async (_, offset, size) => {
    const rig = new Rig();
    rig.add(new ProbeDevice({ regions: [{ size: 0x1000, sparse: [{ offset, size }] }] }));
    expect((await refusal(rig.open())).code).toBe('REGION_CAPABILITIES');
  });

  test('an empty list of sparse areas maps nothing', async () => {
    const rig = new Rig();
    rig.add(new ProbeDevice({ regions: [{ size: 0x1000, sparse: [] }] }));
    const { device } = await rig.open();
    expect(device.regions[0]?.mapped).toEqual([]);
    expect(device.read(0, 4, 4)).toBe(0x07060504);
  });

  test('more sparse areas than fit leave the rest to pread, with the warning', async () => {
    const rig = new Rig();
    const sparse = Array.from({ length: 20 }, (_, i) => ({ offset: i * 0x2000, size: 0x1000 }));
    rig.add(new ProbeDevice({ regions: [{ size: 0x28000, sparse }] }));
    const opened = await rig.open();
    expect(opened.device.regions[0]?.mapped.length).toBeLessThanOrEqual(16);
    expect(warnings(opened)).toHaveLength(1);
    expect(opened.device.read(0, 0x26004, 4)).toBe(0x07060504);
  });
});

describe('counts', () => {
  test.each([65, BIG, ENDLESS])('%i regions are too many', async (count) => {
    const { rig, placed } = probe();
    placed.faults.lieRegionCount(count);
    const error = await refusal(rig.open());
    expect(error).toMatchObject({ code: 'TOO_MANY_REGIONS', device: 'dev' });
    expect(error.message).toContain(`${count}`);
  });

  test.each([1025, BIG, ENDLESS])('%i lines are too many', async (count) => {
    const { rig, placed } = probe();
    placed.faults.lieIrqCount(count);
    const error = await refusal(rig.open());
    expect(error).toMatchObject({ code: 'TOO_MANY_LINES', device: 'dev' });
    expect(error.message).toContain(`${count}`);
  });

  test('a device with no regions and no lines opens and answers ones', async () => {
    const { rig, placed } = probe();
    placed.faults.lieRegionCount(0);
    placed.faults.lieIrqCount(0);
    const opened = await rig.open();
    expect(opened.device.regions).toEqual([]);
    expect(opened.device.read(0, 0, 4)).toBe(0xffffffff);
    expect(accessProblems(opened)).toEqual(['no-region']);
    opened.device.reset();
    expect(refused(() => opened.device.connectLine(0, opened.lines.target(0))).code).toBe(
      'NO_SUCH_LINE',
    );
  });

  test('fewer regions than claimed are an error of the region', async () => {
    const { rig, placed } = probe();
    placed.faults.lieRegionCount(3);
    expect(await refusal(rig.open())).toMatchObject({ code: 'REGION_INFO', errno: 22 });
  });

  test.each([0, 513, ENDLESS])(
    '%i I/O address ranges of an IOAS end the open or none',
    async (count) => {
      const { rig } = probe();
      rig.host.kernel.faults.tamper(
        IOMMU_IOAS_IOVA_RANGES,
        ({ view }) => {
          view.setUint32(8, count, true);
          return 0;
        },
        { times: Number.POSITIVE_INFINITY },
      );
      const opening = rig.open({ iommufd: true });
      if (count === 0) expect((await opening).device.read(0, 0, 1)).toBe(0);
      else expect(await refusal(opening)).toMatchObject({ code: 'IOVA_RANGES', device: 'dev' });
    },
  );

  test('more I/O address ranges than are kept are no error', async () => {
    const iovaRanges = Array.from({ length: 200 }, (_, i) => ({
      first: BigInt(i) << 20n,
      last: (BigInt(i) << 20n) + 0xfffn,
    }));
    const rig = new Rig({ iovaRanges });
    rig.add(new ProbeDevice());
    for (const iommufd of [false, true]) (await rig.open({ iommufd })).device.close();
    expect(rig.calls).toContain('IOMMU_IOAS_IOVA_RANGES');
  });

  test('a flag that says neither platform nor AMBA is refused', async () => {
    const { rig, placed } = probe();
    placed.faults.tamper(VFIO_DEVICE_GET_INFO, ({ view }) => {
      view.setUint32(4, 2, true);
      return undefined;
    });
    const error = await refusal(rig.open());
    expect(error).toMatchObject({ code: 'NOT_PLATFORM_DEVICE', device: 'dev' });
    await worksAgain(rig);
  });

  test.each([1, -5 >>> 0, ENDLESS])('API version %i is refused', async (version) => {
    const { rig } = probe();
    const fault = rig.host.kernel.faults.tamper(0x3b64, () => version | 0);
    expect((await refusal(rig.open())).code).toBe('API_VERSION');
    fault.remove();
    await worksAgain(rig);
  });
});

describe('odd regions', () => {
  test('a region larger than the window budget goes through pread, with the warning', async () => {
    const rig = new Rig();
    const size = 0x1000_0000;
    rig.add(new MemoryDevice({ regions: [{ size, memory: false }, { size: 4096 }] }));
    const opened = await rig.open();
    expect(opened.device.regions.map(({ mapped }) => mapped.length)).toEqual([0, 1]);
    expect(warnings(opened)).toEqual([
      'dev: region 0: mmap unsupported (ENOSPC), performance may be slow',
    ]);
    expect(opened.device.read(0, size - 4, 4)).toBe(0);
    expect(opened.events).toHaveLength(1);
  });

  test('regions that exhaust the budget together are mapped as far as it goes', async () => {
    const rig = new Rig();
    const regions = Array(8).fill({ size: 0x80000 });
    rig.add(new ProbeDevice({ regions }));
    const opened = await rig.open();
    const mapped = opened.device.regions.filter((region) => region.mapped.length > 0).length;
    expect(mapped).toBeGreaterThan(0);
    expect(warnings(opened)).toHaveLength(8 - mapped);
    for (let region = 0; region < 8; region++) {
      expect(opened.device.read(region, 0x7fffc, 4)).toBe(0xfffefdfc);
    }
  });

  test('a region of 4 GiB and more is reached through pread up to 2^32', async () => {
    const rig = new Rig();
    const { model } = rig.add(new ProbeDevice({ regions: [{ size: 2 ** 33 }] }));
    const opened = await rig.open();
    expect(opened.device.regions[0]).toMatchObject({ size: 2n ** 33n, mapped: [] });
    // That it is not mapped, and that its upper half is out of reach.
    expect(warnings(opened)).toHaveLength(2);
    opened.device.read(0, 0xffff_fff0, 4);
    expect(model.take()).toEqual(['r0+4294967280:4']);
  });

  test('a sparse area beyond 4 GiB leaves its region to pread', async () => {
    const rig = new Rig();
    const sparse = [{ offset: 5 * 2 ** 30, size: 0x1000 }];
    rig.add(new ProbeDevice({ regions: [{ size: 2 ** 33, sparse }] }));
    const opened = await rig.open();
    expect(opened.device.regions[0]?.mapped).toEqual([]);
    expect(opened.device.read(0, 4, 4)).toBe(0x07060504);
  });

  test('a region whose offset ends at 2^64 fails accesses instead of wrapping', async () => {
    const { rig, placed } = probe();
    placed.faults.lieRegion(0, { offset: 2n ** 64n - 16n, flags: 3 });
    const opened = await rig.open();
    expect(opened.device.read(0, 0, 4)).toBe(0xffffffff);
    expect(accessProblems(opened)).toEqual(['failed']);
  });

  test('mmap that fails leaves the region to pread, with the warning', async () => {
    const { rig, placed } = probe(2);
    placed.faults.inject({ call: 'mmap', region: 1, errno: EIO });
    const opened = await rig.open();
    expect(opened.device.regions.map(({ mapped }) => mapped.length)).toEqual([1, 0]);
    expect(warnings(opened)).toEqual([
      'dev: region 1: mmap unsupported (EIO), performance may be slow',
    ]);
    expect(opened.device.read(1, 4, 4)).toBe(0x07060504);
  });

  test('one sparse area that cannot be mapped unmaps the others of its region', async () => {
    const rig = new Rig();
    const sparse = [0, 0x2000, 0x4000].map((offset) => ({ offset, size: 0x1000 }));
    const placed = rig.add(new ProbeDevice({ regions: [{ size: 0x6000, sparse }] }));
    placed.faults.inject({ call: 'mmap', offset: 0x2000, errno: EIO });
    const opened = await rig.open();
    expect(rig.resources.mappings).toBe(0);
    expect(opened.device.regions[0]?.mapped).toEqual([]);
    expect(warnings(opened)).toHaveLength(1);
  });

  test.each([0, 1, 2, 3])('a read that transfers %i of 4 bytes failed', async (bytes) => {
    const { rig, placed } = probe();
    const opened = await rig.open({ xNoMmap: true });
    placed.faults.inject({ call: 'pread', bytes });
    expect(opened.device.read(0, 0, 4)).toBe(0xffffffff);
    placed.faults.inject({ call: 'pwrite', bytes });
    opened.device.write(0, 0, 4, 1);
    expect(accessProblems(opened)).toEqual(['short', 'short']);
    expect(opened.device.read(0, 0, 4)).toBe(0x03020100);
  });

  test('a split read of which the second part fails reads as ones altogether', async () => {
    const { rig, placed } = probe();
    const opened = await rig.open({ xNoMmap: true });
    placed.faults.inject({ call: 'pread', skip: 1, errno: EIO });
    expect(opened.device.read(0, 2, 4)).toBe(0xffffffff);
    expect(opened.events).toMatchObject([{ problem: 'failed', errno: EIO }]);
  });
});

describe('odd lines', () => {
  test('a deferred request_irq error refuses the line and leaves the device', async () => {
    const { rig, placed } = probe();
    placed.faults.failRequestIrq(0, EBUSY);
    const { device, lines } = await rig.open();
    for (let i = 0; i < 2; i++) {
      const error = refused(() => device.connectLine(0, lines.target(0)));
      expect(error).toMatchObject({ code: 'SET_TRIGGER', errno: EBUSY, device: 'dev' });
      expect(error.message).toContain('unbind');
    }
    expect(rig.resources).toMatchObject({ eventfds: 0, watches: 0 });
    expect(device.read(0, 0, 4)).toBe(0x03020100);
  });

  test.each([-1, 1, 1024, 2 ** 32, 2 ** 32 + 0.5, 0.5, Number.NaN, Number.POSITIVE_INFINITY])(
    'line %d, which does not exist, is refused in every call',
    async (line) => {
      const { rig } = probe();
      const { device, lines } = await rig.open();
      const calls = [
        () => device.connectLine(line, lines.target(0)),
        () => device.disconnectLine(line),
        () => device.maskLine(line),
        () => device.unmaskLine(line),
        () => device.completeLine(line),
        () => device.signal(line, 1),
        () => device.setEoiSource(line, 'write'),
      ];
      for (const call of calls) expect(refused(call).code).toBe('NO_SUCH_LINE');
      expect(device.lines[0]?.armed).toBe('no');
    },
  );

  test.each(['maskLine', 'unmaskLine'] as const)('%s of an edge line is refused', async (call) => {
    const { rig } = probe();
    const { device } = await rig.start();
    expect(refused(() => device[call](0)).code).toBe('LINE_NOT_MASKABLE');
  });
});
