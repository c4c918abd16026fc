import { describe, expect, test } from 'vitest';
import { edges, ProbeDevice } from '../device/models';
import { connectAll, Rig } from '../device/rig';
import { openScene, states } from './script';

const qemu = { policy: 'qemu' } as const;

describe('signals', () => {
  test('D01 the first interrupt, access and time-out of a fresh device work', async () => {
    const mapping: boolean[] = [];
    const environment = { setDirectMapping: (on: boolean) => void mapping.push(on) };
    const scene = await openScene(edges(1), {}, environment);
    expect(scene.play('a 0 timer a timer')).toEqual(['', '+0', '', '-0', '']);
    expect(mapping).toEqual([false, true]);
  });

  test('D07 an edge that comes while its line is ACTIVE is injected after the EOI', async () => {
    const scene = await openScene(edges(1));
    expect(scene.play('0 0 a a a')).toEqual(['+0', '', '-0 +0', '-0', '']);
  });

  test('D07 under policy qemu that edge is lost', async () => {
    const scene = await openScene(edges(1), qemu);
    expect(scene.play('0 0 a a a')).toEqual(['+0', '', '-0', '', '']);
  });

  test('D08 edges that came together are counted and injected once', async () => {
    const scene = await openScene(edges(1));
    for (let i = 0; i < 4; i++) scene.placed.pulse(0);
    scene.device.safePoint();
    expect(scene.play('a a a')).toEqual(['+0 -0', '', '']);
    expect(scene.device.lines[0]?.statistics).toMatchObject({ signals: 4, coalesced: 3 });
  });

  test('D08 edgeCount replay injects once for each edge', async () => {
    const scene = await openScene(edges(1), { edgeCount: 'replay' });
    for (let i = 0; i < 4; i++) scene.placed.pulse(0);
    scene.device.safePoint();
    expect(scene.play('a a a a a')).toEqual(['+0 -0 +0', '-0 +0', '-0 +0', '-0', '']);
    expect(scene.device.lines[0]?.statistics).toMatchObject({ signals: 4, injections: 4 });
  });

  test('D08 under policy qemu they are one injection', async () => {
    const scene = await openScene(edges(1), qemu);
    for (let i = 0; i < 4; i++) scene.placed.pulse(0);
    scene.device.safePoint();
    expect(scene.play('a a')).toEqual(['+0 -0', '']);
  });

  test('D37 a wake-up with nothing to drain is counted and injects nothing', async () => {
    const scene = await openScene(edges(1));
    scene.device.signal(0, 0);
    expect(scene.lines.take()).toEqual([]);
    expect(scene.device.lines[0]?.statistics.spurious).toBe(1);
  });

  test('D37 under policy qemu it injects', async () => {
    const scene = await openScene(edges(1), qemu);
    scene.device.signal(0, 0);
    expect(scene.lines.take()).toEqual(['+0']);
  });

  test('D38 a machine that runs guest code inside "line up" completes the line there', async () => {
    const scene = await openScene(edges(2));
    const { device } = scene;
    const seen: string[] = [];
    const target = (line: number) => ({
      up: () => {
        seen.push(`+${line}`);
        device.read(0, 0, 4);
      },
      down: () => void seen.push(`-${line}`),
    });
    for (const line of [0, 1]) {
      device.disconnectLine(line);
      device.connectLine(line, target(line));
    }
    scene.play('0');
    expect(seen.splice(0)).toEqual(['+0', '-0']);
    scene.placed.pulse(0);
    scene.placed.pulse(1);
    device.safePoint();
    expect(seen).toEqual(['+1', '-1', '+0', '-0']);
    expect(states(scene)).toBe('ii');
  });

  test('D44 while the machine is paused signals wait and lines keep their level', async () => {
    const scene = await openScene(edges(2));
    scene.play('0');
    scene.device.pause();
    expect(scene.play('1 0')).toEqual(['', '']);
    expect(states(scene)).toBe('ai');
    scene.device.resume();
    expect(states(scene)).toBe('ap');
    expect(scene.play('a a a')).toEqual(['-0 +1', '-1 +0', '-0']);
  });

  test('D28 independent lines do not wait for one whose guest never completes it', async () => {
    const eoi = { lines: { 0: 'irqchip', 1: 'irqchip' } } as const;
    const scene = await openScene(edges(2), { eoi });
    expect(scene.play('0 1')).toEqual(['+0', '+1']);
    scene.device.completeLine(1);
    expect(scene.lines.take()).toEqual(['-1']);
    expect(states(scene)).toBe('ai');
  });

  test('D28 lines whose EOI source is irqchip by default are independent too', async () => {
    const scene = await openScene(edges(2), { eoi: { default: 'irqchip' } });
    expect(scene.play('0 1')).toEqual(['+0', '+1']);
    scene.device.completeLine(0);
    expect(scene.lines.take()).toEqual(['-0']);
  });

  test('D28 a line that blocks the others is reported as stalled with its age', async () => {
    const scene = await openScene(edges(2), { stallLimitMs: 50 });
    scene.play('0 1');
    scene.rig.advanceMs(51);
    scene.device.safePoint();
    expect(scene.events).toEqual([{ type: 'line-stalled', line: 0, ageMs: 51 }]);
  });

  test('D28 under policy qemu the line blocks the others in silence', async () => {
    const scene = await openScene(edges(2), { ...qemu, stallLimitMs: 50 });
    scene.play('0 1 timer timer');
    expect(states(scene)).toBe('ap');
    expect(scene.events).toEqual([]);
    expect(scene.device.directMapping).toBe(false);
  });

  test('D27 what a line does before it is connected arrives when it is', async () => {
    const rig = new Rig();
    const placed = rig.add(new ProbeDevice({ lines: ['edge', 'level'] }));
    const opened = await rig.open();
    const { device, lines } = opened;
    placed.pulse(0);
    placed.setLine(1, true);
    device.read(0, 0, 4);
    device.safePoint();
    connectAll(opened);
    device.safePoint();
    expect(lines.take()).toEqual(['+1']);
    placed.setLine(1, false);
    device.read(0, 0, 4);
    device.read(0, 0, 4);
    expect(lines.take()).toEqual(['-1', '+0', '-0']);
    expect(device.lines.map(({ statistics }) => statistics.signals)).toEqual([1, 1]);
  });

  test('D27 an unconnected line blocks no other one', async () => {
    const scene = await openScene(edges(2));
    scene.device.disconnectLine(0);
    expect(scene.play('0 1 a')).toEqual(['', '+1', '-1']);
  });
});
