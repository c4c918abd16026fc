import { describe, expect, test } from 'vitest';
import { EBUSY, EEXIST, ENOMEM } from '../../../assembly/abi/linux';
import { ProbeDevice } from './models';
import { type Opened, Rig, refusal, refused } from './rig';

const MAP_DMA = 0x3b71;
const UNMAP_DMA = 0x3b72;
const IOAS_MAP = 0x3b85;

function ram(size: number) {
  return { bytes: new Uint8Array(size) };
}

async function open(options = {}) {
  const rig = new Rig();
  const { model, ...placed } = rig.add(new ProbeDevice());
  const opened = await rig.open(options);
  rig.takeCalls();
  const { dma } = model.environment;
  /** Whether the device can write each of these addresses. */
  const reaches = (...addresses: number[]) =>
    addresses.map((address) => dma.write(address, Uint8Array.of(0x77)));
  return { rig, placed, opened, device: opened.device, dma, reaches };
}

describe.each([
  ['group and container', {}],
  ['iommufd', { iommufd: true }],
])('guest RAM through %s', (_, options) => {
  test('is the same bytes for guest and device', async () => {
    const { device, dma } = await open(options);
    const block = ram(0x3000);
    device.mapGuestRam(block, 0x10000n);
    block.bytes[0x1234] = 0x5a;
    const into = new Uint8Array(1);
    expect(dma.read(0x11234, into)).toBe(true);
    expect(into[0]).toBe(0x5a);
    expect(dma.write(0x12fff, Uint8Array.of(9))).toBe(true);
    expect(block.bytes[0x2fff]).toBe(9);
  });

  test('is mapped to the last whole page and not a byte beyond', async () => {
    const { device, reaches } = await open(options);
    device.mapGuestRam(ram(0x2abc), 0x10000n);
    expect(reaches(0x0ffff, 0x10000, 0x11fff, 0x12000, 0x12abb)).toEqual([
      ...[false, true, true, false, false],
    ]);
  });

  test('faults outside the mapping are stopped and noted', async () => {
    const rig = new Rig();
    const placed = rig.add(new ProbeDevice());
    const { device } = await rig.open(options);
    device.mapGuestRam(ram(0x1000), 0x10000n, false);
    const { dma } = placed.model.environment;
    expect(dma.write(0x10000, Uint8Array.of(1))).toBe(false);
    expect(dma.read(0x10000, new Uint8Array(4))).toBe(true);
    expect(dma.read(0x10ffe, new Uint8Array(4))).toBe(false);
    expect(placed.dmaFaults.map(({ reason }) => reason)).toEqual(['permission', 'unmapped']);
  });

  test.each([
    ['an address that is no page boundary', 0x2000, 0x10008n],
    ['less than a page', 0x800, 0x10000n],
    ['nothing', 0, 0x10000n],
  ])('%s is refused with the remedy', async (_case, size, iova) => {
    const { device, rig } = await open(options);
    const error = refused(() => device.mapGuestRam(ram(size), iova));
    expect(error).toMatchObject({ code: 'DMA_UNALIGNED', device: 'dev' });
    expect(error.message).toContain('allocGuestRam()');
    expect(rig.resources.dmaMappings).toBe(0);
  });

  test('RAM whose own address is no page boundary is refused with the remedy', async () => {
    const { device, rig } = await open(options);
    const buffer = new ArrayBuffer(0x4000);
    rig.host.kernel.placeBuffer(buffer, 0x7e00_0000_0010n);
    const error = refused(() => device.mapGuestRam({ bytes: new Uint8Array(buffer) }, 0x10000n));
    expect(error).toMatchObject({ code: 'DMA_UNALIGNED', device: 'dev' });
    expect(error.message).toContain('allocGuestRam()');
  });

  test('RAM that is congruent with its guest address is mapped from its first whole page', async () => {
    const { device, reaches, rig } = await open(options);
    const bytes = new Uint8Array(new ArrayBuffer(0x4000), 0x10, 0x3000);
    device.mapGuestRam({ bytes }, 0x10010n);
    expect(rig.resources.dmaMappings).toBe(1);
    expect(reaches(0x10fff, 0x11000, 0x12fff, 0x13000)).toEqual([false, true, true, false]);
    expect(bytes[0x11000 - 0x10010]).toBe(0x77);
  });

  test('EBUSY unmaps the range and tries once more', async () => {
    const { device, rig, reaches } = await open(options);
    const request = 'iommufd' in options ? IOAS_MAP : MAP_DMA;
    const fault = rig.host.kernel.faults.inject({ call: 'ioctl', request, errno: EBUSY });
    device.mapGuestRam(ram(0x1000), 0x10000n);
    expect(fault.hits).toBe(1);
    expect(rig.takeCalls().map((call) => call.replace(/.*_/, ''))).toEqual([
      ...('iommufd' in options ? ['MAP', 'UNMAP', 'MAP'] : ['DMA', 'DMA', 'DMA']),
    ]);
    expect(reaches(0x10000)).toEqual([true]);
  });

  test('EBUSY twice is an error', async () => {
    const { device, rig } = await open(options);
    const request = 'iommufd' in options ? IOAS_MAP : MAP_DMA;
    rig.host.kernel.faults.inject({ call: 'ioctl', request, errno: EBUSY, times: 2 });
    const error = refused(() => device.mapGuestRam(ram(0x1000), 0x10000n));
    expect(error).toMatchObject({ code: 'DMA_MAP', errno: EBUSY, device: 'dev' });
    expect(rig.resources.dmaMappings).toBe(0);
  });

  test('an overlap is reported and what was mapped before stays', async () => {
    const { device, reaches } = await open(options);
    const first = ram(0x2000);
    device.mapGuestRam(first, 0x10000n);
    const error = refused(() => device.mapGuestRam(ram(0x2000), 0x11000n));
    expect(error).toMatchObject({ code: 'DMA_MAP', errno: EEXIST, device: 'dev' });
    expect(reaches(0x11000, 0x12000)).toEqual([true, false]);
    expect(first.bytes[0x1000]).toBe(0x77);
  });

  test('a limit on locked memory is told with the number that is needed', async () => {
    const { device, rig } = await open(options);
    const request = 'iommufd' in options ? IOAS_MAP : MAP_DMA;
    device.mapGuestRam(ram(0x4000), 0x20000n);
    rig.host.kernel.faults.inject({ call: 'ioctl', request, errno: ENOMEM });
    const error = refused(() => device.mapGuestRam(ram(0x1000), 0x10000n));
    expect(error.message).toContain('(ulimit -l 20,');
  });

  test('unmapping any address of it ends the mapping', async () => {
    const { device, reaches } = await open(options);
    device.mapGuestRam(ram(0x2000), 0x10000n);
    expect(device.unmapGuestRam(0x12000n)).toBe(false);
    expect(device.unmapGuestRam(0x11fffn)).toBe(true);
    expect(reaches(0x10000)).toEqual([false]);
    expect(device.unmapGuestRam(0x10000n)).toBe(false);
    device.mapGuestRam(ram(0x1000), 0x10000n);
    expect(reaches(0x10000)).toEqual([true]);
  });

  test('more blocks than fit are refused, and a freed place is used again', async () => {
    const { device, rig } = await open(options);
    const block = ram(0x1000);
    for (let i = 0n; i < 64n; i++) device.mapGuestRam(block, i * 0x1000n);
    expect(refused(() => device.mapGuestRam(block, 0x100000n)).code).toBe('DMA_FULL');
    expect(rig.resources.dmaMappings).toBe(64);
    device.unmapGuestRam(0x5000n);
    device.mapGuestRam(block, 0x100000n);
  });

  test('close ends all mappings', async () => {
    const { device, rig } = await open(options);
    for (const iova of [0x10000n, 0x20000n]) device.mapGuestRam(ram(0x1000), iova);
    device.close();
    expect(rig.resources.dmaMappings).toBe(0);
  });
});

describe('guest RAM', () => {
  test('that iommufd has unmapped already counts as unmapped', async () => {
    const { device, rig } = await open({ iommufd: true });
    device.mapGuestRam(ram(0x1000), 0x10000n);
    rig.host.kernel.faults.inject({ call: 'ioctl', request: 0x3b86, errno: 2 });
    expect(device.unmapGuestRam(0x10000n)).toBe(true);
  });

  test('an unmap that the kernel refuses is told', async () => {
    const { device, rig } = await open();
    device.mapGuestRam(ram(0x1000), 0x10000n);
    rig.host.kernel.faults.inject({ call: 'ioctl', request: UNMAP_DMA, errno: 5 });
    expect(refused(() => device.unmapGuestRam(0x10000n))).toMatchObject({
      ...{ code: 'DMA_UNMAP', errno: 5, device: 'dev' },
    });
  });

  test('that ends at 2^64 is unmapped without its last page where the kernel refuses the whole', async () => {
    const last = 2n ** 64n - 1n;
    const rig = new Rig({ iovaRanges: [{ first: 0n, last }] });
    rig.add(new ProbeDevice());
    const { device } = await rig.open();
    device.mapGuestRam(ram(0x2000), 2n ** 64n - 0x2000n);
    expect(rig.resources.dmaMappings).toBe(1);
    const fault = rig.host.kernel.faults.inject({ call: 'ioctl', request: UNMAP_DMA, errno: 22 });
    const sizes: bigint[] = [];
    rig.host.kernel.faults.tamper(UNMAP_DMA, () => void sizes.push(1n) as undefined);
    rig.takeCalls();
    try {
      device.unmapGuestRam(2n ** 64n - 0x1000n);
    } catch {
      // Version 2 of the IOMMU driver refuses to cut a mapping, old kernels do not.
    }
    expect(fault.hits).toBe(1);
    expect(rig.takeCalls()).toEqual(['VFIO_IOMMU_UNMAP_DMA', 'VFIO_IOMMU_UNMAP_DMA']);
  });

  test('without an IOMMU is refused with the reason', async () => {
    const rig = new Rig({ unsafeNoiommu: true });
    rig.add(new ProbeDevice(), { noiommu: true });
    const { device } = await rig.open({ noiommu: true });
    rig.takeCalls();
    const error = refused(() => device.mapGuestRam(ram(0x1000), 0n));
    expect(error).toMatchObject({ code: 'DMA_UNSUPPORTED', device: 'dev' });
    expect(rig.takeCalls()).toEqual([]);
    const guestRam = [{ ...ram(0x1000), guestAddress: 0, writable: true }];
    device.close();
    const opening = rig.open({ noiommu: true, dma: true }, { guestRam });
    expect((await refusal(opening)).code).toBe('DMA_UNSUPPORTED');
  });

  test('of the machine is mapped when the option says so, and only then', async () => {
    const guestRam = [
      { ...ram(0x1000), guestAddress: 0x10000, writable: true },
      { ...ram(0x2000), guestAddress: 0x20000, writable: false },
    ];
    for (const dma of [false, true]) {
      const rig = new Rig();
      rig.add(new ProbeDevice());
      await rig.open({ dma }, { guestRam });
      expect(rig.resources.dmaMappings).toBe(dma ? 2 : 0);
    }
  });

  test('that fails to map at open leaves nothing behind', async () => {
    const rig = new Rig();
    rig.add(new ProbeDevice());
    rig.host.kernel.faults.inject({ call: 'ioctl', request: MAP_DMA, errno: 12, skip: 1 });
    const guestRam = [0x10000, 0x20000].map((guestAddress) => ({
      ...ram(0x1000),
      guestAddress,
      writable: true,
    }));
    expect((await refusal(rig.open({ dma: true }, { guestRam }))).code).toBe('DMA_MAP');
    expect(rig.resources).toMatchObject({ fds: 0, dmaMappings: 0 });
  });

  describe('of two devices of one container', () => {
    async function pair() {
      const rig = new Rig();
      const models = ['a', 'b'].map((name) => rig.add(new ProbeDevice(), { group: 1 }, name).model);
      const opened: Opened[] = [];
      for (const host of ['a', 'b']) opened.push(await rig.open({ host }));
      const [a, b] = opened.map(({ device }) => device);
      if (!a || !b) throw new Error('there are two');
      const reach = () =>
        models.map(({ environment }) => environment.dma.write(0x10000, Uint8Array.of(1)));
      return { rig, a, b, reach };
    }

    test('is mapped once and stays until the last one lets go', async () => {
      const { rig, a, b, reach } = await pair();
      const block = ram(0x1000);
      for (const device of [a, b]) device.mapGuestRam(block, 0x10000n);
      expect(rig.resources.dmaMappings).toBe(1);
      a.close();
      expect(rig.resources.dmaMappings).toBe(1);
      expect(b.unmapGuestRam(0x10000n)).toBe(true);
      expect(rig.resources.dmaMappings).toBe(0);
      expect(reach()).toEqual([false, false]);
    });

    test('a different block at the same address is an overlap and harms nobody', async () => {
      const { a, b, reach } = await pair();
      a.mapGuestRam(ram(0x1000), 0x10000n);
      expect(refused(() => b.mapGuestRam(ram(0x1000), 0x10000n)).errno).toBe(EEXIST);
      b.close();
      expect(reach()[0]).toBe(true);
    });

    test('the same block with other rights is an overlap', async () => {
      const { a, b } = await pair();
      const block = ram(0x1000);
      a.mapGuestRam(block, 0x10000n, false);
      expect(refused(() => b.mapGuestRam(block, 0x10000n, true)).errno).toBe(EEXIST);
    });

    test('EBUSY for one of them does not take the mapping from the other', async () => {
      const { rig, a, b, reach } = await pair();
      a.mapGuestRam(ram(0x1000), 0x10000n);
      rig.host.kernel.faults.inject({ call: 'ioctl', request: MAP_DMA, errno: EBUSY });
      refused(() => b.mapGuestRam(ram(0x1000), 0x10000n));
      expect(reach()).toEqual([true, true]);
    });
  });
});
