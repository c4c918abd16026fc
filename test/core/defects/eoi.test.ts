import { describe, expect, test } from 'vitest';
import { EIO } from '../../../assembly/abi/linux';
import type { DeviceOptions } from '../../../host/options/options';
import type { EoiRule } from '../../../host/profiles/profile';
import { edges, levels } from '../device/models';
import { openScene, type Scene, states } from './script';

const qemu: DeviceOptions = { policy: 'qemu' };
/** Without windows every access goes through pread, which can be made to fail. */
const piped: DeviceOptions = { xNoMmap: true };

/** Status reads while a level line stays high, then the acknowledging write. */
async function pollThenAcknowledge(options: DeviceOptions) {
  const scene = await openScene(levels(1), { ...piped, ...options });
  const { placed, device } = scene;
  placed.setLine(0, true);
  device.safePoint();
  const before = placed.line(0).signals;
  for (let i = 0; i < 5; i++) scene.play('a');
  const storm = placed.line(0).signals - before;
  placed.model.onWrite = () => placed.setLine(0, false);
  scene.play('w');
  return { scene, storm };
}

describe('EOI', () => {
  test('D11 with EOI source write a status read completes nothing', async () => {
    const { scene, storm } = await pollThenAcknowledge({ eoi: { default: 'write' } });
    expect(storm).toBe(0);
    expect(states(scene)).toBe('i');
    expect(scene.placed.line(0)).toMatchObject({ masked: false, signals: 1 });
  });

  test('D11 with a register rule only the right write completes the line', async () => {
    const rule: EoiRule = { region: 0, offset: 0, access: 'write', mask: 1, line: 0 };
    const { scene, storm } = await pollThenAcknowledge({ eoi: { rules: [rule] } });
    expect(storm).toBe(0);
    expect(states(scene)).toBe('i');
  });

  test('D11 under policy qemu each status read is one more host interrupt', async () => {
    const { scene, storm } = await pollThenAcknowledge(qemu);
    expect(storm).toBe(5);
    expect(states(scene)).toBe('i');
  });

  test.each([
    ['8 bytes', 0, 8],
    ['4 bytes at an odd offset', 1, 4],
  ])('D12 one access of %s completes one line', async (_, offset, width) => {
    const scene = await openScene(edges(4), piped);
    scene.play('0 1 2 3');
    access(scene, offset, width);
    expect(scene.lines.take()).toEqual(['-0', '+1']);
    expect(states(scene)).toBe('iapp');
  });

  test('D12 under policy qemu a split access completes one line a chunk', async () => {
    const scene = await openScene(edges(4), { ...qemu, ...piped });
    scene.play('0 1 2 3');
    access(scene, 1, 4);
    expect(scene.lines.take()).toEqual(['-0', '+1', '-1', '+2', '-2', '+3']);
    expect(states(scene)).toBe('iiia');
  });

  test('D18 a failed unmask is tried again', async () => {
    const scene = await openScene(levels(1));
    const { placed, device } = scene;
    placed.setLine(0, true);
    device.safePoint();
    placed.setLine(0, false);
    placed.faults.inject({ call: 'ioctl', flags: 0x11, errno: EIO, times: 3 });
    device.read(0, 0, 4);
    expect(placed.line(0).masked).toBe(true);
    expect(device.lines[0]).toMatchObject({ retrying: true, stuck: false });
    for (let i = 0; i < 20; i++) device.safePoint();
    expect(placed.line(0).masked).toBe(false);
    expect(device.lines[0]?.statistics.unmaskFailures).toBe(3);
    expect(scene.events).toEqual([]);
  });

  test('D18 a line that cannot be unmasked is reported as stuck and can be saved', async () => {
    const scene = await openScene(levels(1), { unmaskAttempts: 4 });
    const { placed, device } = scene;
    placed.setLine(0, true);
    device.safePoint();
    placed.setLine(0, false);
    const fault = placed.faults.inject({ call: 'ioctl', flags: 0x11, errno: EIO, times: Infinity });
    device.read(0, 0, 4);
    for (let i = 0; i < 40; i++) device.safePoint();
    expect(fault.hits).toBe(4);
    expect(scene.events).toEqual([{ type: 'line-stuck', line: 0 }]);
    fault.remove();
    device.unmaskLine(0);
    expect(device.lines[0]).toMatchObject({ stuck: false, state: 'inactive' });
    expect(placed.line(0).masked).toBe(false);
  });

  test('D18 under policy qemu the line stays masked for ever and nobody is told', async () => {
    const scene = await openScene(levels(1), { ...qemu, ...piped });
    const { placed, device } = scene;
    placed.setLine(0, true);
    device.safePoint();
    placed.faults.inject({ call: 'ioctl', flags: 0x11, errno: EIO });
    device.read(0, 0, 4);
    for (let i = 0; i < 40; i++) scene.play('a');
    expect(placed.line(0).masked).toBe(true);
    expect(scene.events).toEqual([]);
  });

  test.each(['pread', 'pwrite'] as const)('D30 a failed %s completes nothing', async (call) => {
    const scene = await openScene(edges(1), piped);
    scene.play('0');
    scene.placed.faults.inject({ call, errno: EIO });
    expect(scene.play(call === 'pread' ? 'a' : 'w')).toEqual(['']);
    expect(scene.events).toMatchObject([{ type: 'access-failed', problem: 'failed', errno: EIO }]);
    expect(scene.play('a')).toEqual(['-0']);
  });

  test('D30 under policy qemu a failed write completes the line and a failed read does not', async () => {
    const scene = await openScene(edges(1), { ...qemu, ...piped });
    scene.play('0');
    scene.placed.faults.inject({ call: 'pread', errno: EIO });
    scene.placed.faults.inject({ call: 'pwrite', errno: EIO });
    expect(scene.play('a w')).toEqual(['', '-0']);
  });
});

function access({ device }: Scene, offset: number, width: number): void {
  if (width === 8) device.read64(0, offset);
  else device.read(0, offset, width);
}
