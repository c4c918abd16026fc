import { describe, expect, test } from 'vitest';
import { levels, ProbeDevice } from '../device/models';
import { connectAll, Rig } from '../device/rig';
import { openScene, states } from './script';

describe('lifecycle', () => {
  test('D25 close gives everything back in the order of the specification', async () => {
    const rig = new Rig();
    rig.add(new ProbeDevice({ lines: levels(2) }));
    const { device } = await rig.start();
    const ram = { bytes: new Uint8Array(0x1000) };
    device.mapGuestRam(ram, 0x1000n);
    rig.takeCalls();
    device.close();
    expect(rig.takeCalls()).toEqual([
      'unwatch',
      'unwatch',
      'VFIO_DEVICE_SET_IRQS 0x21 line 0 start 0 count 0 argsz 20',
      'VFIO_DEVICE_SET_IRQS 0x21 line 1 start 0 count 0 argsz 20',
      'close eventfd',
      'close eventfd',
      'munmap',
      'VFIO_IOMMU_UNMAP_DMA',
      'close device',
      'VFIO_GROUP_UNSET_CONTAINER',
      'close /dev/vfio/0',
      'close /dev/vfio/vfio',
    ]);
  });

  test('D25 a closed device can be opened and used again', async () => {
    const rig = new Rig();
    const placed = rig.add(new ProbeDevice({ lines: levels(1) }));
    for (let round = 0; round < 3; round++) {
      const { device, lines } = await rig.start();
      placed.setLine(0, true);
      device.safePoint();
      expect(lines.take()).toEqual(['+0']);
      device.close();
      expect(lines.take()).toEqual(['-0']);
    }
  });

  test('D26 a machine reset resets the device, its lines and its state', async () => {
    const mapping: boolean[] = [];
    const environment = { setDirectMapping: (on: boolean) => void mapping.push(on) };
    const scene = await openScene(['edge', 'edge', 'level'], {}, environment);
    const { device, placed } = scene;
    scene.play('0 1 0');
    placed.setLine(2, true);
    device.safePoint();
    expect(states(scene)).toBe('app');
    const before = placed.model.resets;
    placed.pulse(1);
    device.reset();
    expect(placed.model.resets).toBe(before + 1);
    expect(scene.lines.take()).toEqual(['-0']);
    expect(states(scene)).toBe('iii');
    expect(placed.line(2)).toMatchObject({ high: false, masked: false });
    expect(mapping).toEqual([false, true]);
    expect(scene.play('a timer')).toEqual(['', '']);
    placed.setLine(2, true);
    expect(scene.play('a')).toEqual(['+2']);
  });

  test('D43 a snapshot carries the state to a fresh device', async () => {
    const scene = await openScene(['edge', 'edge', 'level']);
    scene.play('0 1 0');
    scene.placed.setLine(2, true);
    scene.device.safePoint();
    const snapshot = scene.device.snapshot();
    const rig = new Rig();
    rig.add(new ProbeDevice({ lines: ['edge', 'edge', 'level'] }));
    const fresh = await rig.open();
    connectAll(fresh);
    fresh.device.restore(snapshot);
    expect(states(fresh)).toBe(states(scene));
    expect(fresh.lines.take()).toEqual(['+0']);
    for (let i = 0; i < 5; i++) fresh.device.read(0, 0, 4);
    expect(fresh.lines.take()).toEqual(['-0', '+1', '-1', '+2', '-2', '+0', '-0']);
  });
});
