import { describe, expect, test } from 'vitest';
import { edges } from '../device/models';
import { openScene, states } from './script';

/** The longest of the scripts below, after which QEMU's device is dead. */
const DEADLOCK = '0 1 2 2 3 a 2 a a a timer';

describe('the queue under policy strict', () => {
  test('D02 a PENDING line that fires again stays queued and is counted', async () => {
    const scene = await openScene(edges(2));
    expect(scene.play('0 1 1')).toEqual(['+0', '', '']);
    expect(states(scene)).toBe('ap');
    expect(scene.device.lines[1]?.statistics.coalesced).toBe(1);
  });

  test('D03 an EOI injects the queued line once and then nothing', async () => {
    const scene = await openScene(edges(2));
    expect(scene.play('0 1 1 a a a')).toEqual(['+0', '', '', '-0 +1', '-1', '']);
  });

  test('D04 a line cannot be queued twice', async () => {
    const scene = await openScene(edges(3));
    expect(scene.play('0 1 2 2 a 2 a a a a')).toEqual([
      ...['+0', '', '', '', '-0 +1', '', '-1 +2', '-2', '', ''],
    ]);
    expect(states(scene)).toBe('iii');
  });

  test('D05 no queued line gets lost', async () => {
    const scene = await openScene(edges(4));
    scene.play('0 1 2 2 3 a 2');
    expect(states(scene)).toBe('iapp');
    expect(scene.play('a a a')).toEqual(['-1 +2', '-2 +3', '-3']);
  });

  test('D06 the device lives on after the eleven events, on a machine that maps it', async () => {
    const mapping: boolean[] = [];
    const scene = await openScene(
      edges(4),
      {},
      { setDirectMapping: (on) => void mapping.push(on) },
    );
    scene.play(DEADLOCK);
    expect(states(scene)).toBe('iiii');
    expect(mapping.at(-1)).toBe(true);
    expect(scene.play('0 a 3 a')).toEqual(['+0', '-0', '+3', '-3']);
  });

  test('D09 an EOI with nothing ACTIVE finds nothing to inject', async () => {
    const scene = await openScene(edges(4), { xNoMmap: true });
    scene.play(DEADLOCK);
    expect(scene.play('a')).toEqual(['']);
    expect(scene.play('0 a')).toEqual(['+0', '-0']);
  });

  test('D10 the timer does not bring the mapping back while a line is PENDING', async () => {
    const mapping: boolean[] = [];
    const scene = await openScene(
      edges(2),
      {},
      { setDirectMapping: (on) => void mapping.push(on) },
    );
    expect(scene.play('0 1 timer')).toEqual(['+0', '', '']);
    expect(mapping).toEqual([false]);
    scene.play('a timer');
    expect(mapping).toEqual([false]);
    scene.play('a timer');
    expect(mapping).toEqual([false, true]);
  });

  test('D39 two lines are never ACTIVE together', async () => {
    const scene = await openScene(edges(3));
    for (const event of '0 1 1 2 0 2 a 1 a 0 a 2 a a a a a a'.split(' ')) {
      scene.play(event);
      expect(states(scene).replace(/[^a]/g, '').length).toBeLessThanOrEqual(1);
    }
    expect(states(scene)).toBe('iii');
  });
});

describe('the queue under policy qemu', () => {
  const qemu = { policy: 'qemu' } as const;

  test('D02 a PENDING line that fires again becomes ACTIVE while it is queued', async () => {
    const scene = await openScene(edges(2), qemu);
    expect(scene.play('0 1 1')).toEqual(['+0', '', '+1']);
    expect(states(scene)).toBe('aa');
  });

  test('D03 the EOI of a line injects the same line again', async () => {
    const scene = await openScene(edges(2), qemu);
    expect(scene.play('0 1 1 a a a')).toEqual(['+0', '', '+1', '-1 +1', '-1', '-0']);
  });

  test('D04 a line that is queued twice is injected once too often', async () => {
    const scene = await openScene(edges(3), qemu);
    expect(scene.play('0 1 2 2 a 2 a a a a')).toEqual([
      ...['+0', '', '', '+2', '-2 +1', '', '-1 +2', '-2 +2', '-2', '-0'],
    ]);
  });

  test('D05 the line behind a re-inserted one is lost', async () => {
    const scene = await openScene(edges(4), qemu);
    scene.play('0 1 2 2 3 a 2');
    expect(scene.play('a a a a a')).toEqual(['-1 +2', '-2', '-0', '', '']);
    expect(states(scene)).toBe('iiip');
  });

  test('D06 after eleven events no interrupt arrives any more', async () => {
    const scene = await openScene(edges(4), qemu);
    scene.play(DEADLOCK);
    expect(scene.device.directMapping).toBe(true);
    expect(scene.play('0 1 2 a a a timer a')).toEqual(Array(8).fill(''));
    expect(states(scene)).toBe('pppp');
  });

  test('D09 an access with nothing ACTIVE injects what is queued', async () => {
    const scene = await openScene(edges(4), { ...qemu, xNoMmap: true });
    // Without a mapping accesses are trapped on, although the timer has fired.
    scene.play(DEADLOCK);
    expect(scene.play('0 a')).toEqual(['', '+0']);
  });

  test('D10 the timer brings the mapping back while a line is PENDING', async () => {
    const scene = await openScene(edges(4), qemu);
    scene.play(DEADLOCK);
    expect(states(scene)).toBe('iiip');
    expect(scene.device.directMapping).toBe(true);
  });

  test('D39 of several ACTIVE lines the highest is completed', async () => {
    const scene = await openScene(edges(3), qemu);
    expect(scene.play('1 0 2 2 a')).toEqual(['+1', '', '', '+2', '-2 +0']);
    expect(states(scene)).toBe('aai');
  });
});
