import { describe, expect, test } from 'vitest';
import { EINVAL, EIO } from '../../../assembly/abi/linux';
import type { DeviceOptions } from '../../../host/options/options';
import { MemoryDevice } from '../../../host/sim/models/memory';
import { edges, ProbeDevice } from '../device/models';
import { accessProblems, Rig, refusal } from '../device/rig';
import { openScene } from './script';

/** The model's accesses for one 8-byte read at 0. */
async function readsOf8(options: DeviceOptions): Promise<string[]> {
  const rig = new Rig();
  const { model } = rig.add(new ProbeDevice());
  const { device } = await rig.open(options);
  expect(device.read64(0, 0)).toBe(0x0706050403020100n);
  return model.take();
}

describe('regions', () => {
  test('D19 a region of size zero is skipped', async () => {
    const rig = new Rig();
    rig.add(new MemoryDevice({ regions: [{ size: 0 }, { size: 4096 }] }));
    const { device, events } = await rig.open();
    expect(device.regions.map(({ size }) => size)).toEqual([0n, 4096n]);
    expect(device.read(0, 0, 4)).toBe(0xffffffff);
    expect(events).toMatchObject([{ problem: 'out-of-bounds' }]);
    device.write(1, 0, 4, 5);
    expect(device.read(1, 0, 4)).toBe(5);
  });

  test('D20 a device with more regions than fit is refused', async () => {
    const rig = new Rig();
    rig.add(new ProbeDevice({ regions: Array(65).fill({ size: 0x1000 }) }));
    const error = await refusal(rig.open());
    expect(error).toMatchObject({ code: 'TOO_MANY_REGIONS', device: 'dev' });
    expect(error.message).toContain('65');
  });

  test('D20 a device with more lines than fit is refused', async () => {
    const rig = new Rig();
    rig.add(new ProbeDevice({ lines: edges(1025) }));
    const error = await refusal(rig.open());
    expect(error).toMatchObject({ code: 'TOO_MANY_LINES', device: 'dev' });
    expect(error.message).toContain('1025');
  });

  test('D29 no trace text ends in a newline or holds one', async () => {
    const scene = await openScene(edges(1), { trace: true, xNoMmap: true });
    scene.play('0 a w');
    const texts = scene.events.flatMap((event) =>
      event.type === 'trace' ? [event.trace.text, event.trace.name] : [],
    );
    expect(texts.length).toBeGreaterThan(10);
    expect(texts.filter((text) => /[\r\n]/.test(text))).toEqual([]);
  });

  test('D31 a guest cannot flood the log', async () => {
    const scene = await openScene(edges(1), { xNoMmap: true });
    scene.placed.faults.inject({ call: 'pread', errno: EIO, times: Infinity });
    for (let i = 0; i < 10_000; i++) scene.device.read(0, 0, 4);
    expect(scene.events.length).toBeLessThanOrEqual(8);
    expect(scene.device.statistics.failed).toBe(10_000);
  });

  test('D32 the region flags are checked before the kernel is asked', async () => {
    const rig = new Rig();
    const regions = (['ro', 'wo', 'none'] as const).map((access) => ({ size: 0x1000, access }));
    const { model } = rig.add(new ProbeDevice({ regions }));
    const opened = await rig.open({ xNoMmap: true });
    const { device } = opened;
    device.write(0, 0, 4, 1);
    expect(device.read(1, 0, 4)).toBe(0xffffffff);
    expect(device.read(2, 0, 4)).toBe(0xffffffff);
    device.write(2, 0, 4, 1);
    expect(accessProblems(opened)).toEqual([
      ...['not-writable', 'not-readable', 'not-readable', 'not-writable'],
    ]);
    expect(model.take()).toEqual([]);
  });

  test('D32 a mappable region that is neither readable nor writable is not mapped', async () => {
    const rig = new Rig();
    const placed = rig.add(new ProbeDevice());
    // 4: VFIO_REGION_INFO_FLAG_MMAP alone
    placed.faults.lieRegion(0, { flags: 4 });
    const opened = await rig.open();
    expect(opened.device.regions[0]?.mapped).toEqual([]);
    expect(rig.resources.mappings).toBe(0);
    expect(opened.device.read(0, 0, 4)).toBe(0xffffffff);
    expect(accessProblems(opened)).toEqual(['not-readable']);
  });

  test('D33 switching the direct mapping makes no DMA mapping', async () => {
    const mapping: boolean[] = [];
    const scene = await openScene(
      edges(1),
      {},
      { setDirectMapping: (on) => void mapping.push(on) },
    );
    scene.rig.host.kernel.faults.inject({ call: 'ioctl', request: 0x3b71, errno: EINVAL });
    scene.rig.takeCalls();
    scene.play('0 a timer 0 a timer');
    expect(mapping).toEqual([false, true, false, true]);
    expect(scene.rig.takeCalls()).toEqual([]);
  });

  test('D34 redundant interrupts switch nothing and cost no system call', async () => {
    const mapping: boolean[] = [];
    const scene = await openScene(
      edges(2),
      {},
      { setDirectMapping: (on) => void mapping.push(on) },
    );
    scene.rig.takeCalls();
    scene.play('0 1 0 1 a a 0 1 a a');
    expect(mapping).toEqual([false]);
    expect(scene.device.statistics.mappingSwitches).toBe(1);
    expect(scene.rig.takeCalls()).toEqual([]);
  });

  test('D35 an 8-byte access is the same two accesses whether the region is mapped or not', async () => {
    const two = ['r0+0:4', 'r0+4:4'];
    expect(await readsOf8({})).toEqual(two);
    expect(await readsOf8({ xNoMmap: true })).toEqual(two);
    expect(await readsOf8({ accessWidths: [1, 2, 4] })).toEqual(two);
  });

  test.each([0, 'never'] as const)(
    'D36 with mmapTimeoutMs %s the direct mapping never comes back',
    async (mmapTimeoutMs) => {
      const mapping: boolean[] = [];
      const environment = { setDirectMapping: (on: boolean) => void mapping.push(on) };
      const scene = await openScene(edges(1), { mmapTimeoutMs }, environment);
      scene.play('0 a timer timer');
      expect(mapping).toEqual([false]);
    },
  );

  test('D36 with mmapTimeoutMs on-idle it comes back as soon as nothing is outstanding', async () => {
    const mapping: boolean[] = [];
    const environment = { setDirectMapping: (on: boolean) => void mapping.push(on) };
    const scene = await openScene(edges(2), { mmapTimeoutMs: 'on-idle' }, environment);
    scene.play('0 1 a');
    expect(mapping).toEqual([false]);
    scene.play('a');
    expect(mapping).toEqual([false, true]);
  });

  test('D36 under policy qemu mmapTimeoutMs 0 means never', async () => {
    const scene = await openScene(edges(1), { policy: 'qemu', mmapTimeoutMs: 0 });
    scene.play('0 a timer timer');
    expect(scene.device.directMapping).toBe(false);
  });
});
