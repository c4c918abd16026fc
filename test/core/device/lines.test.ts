import { describe, expect, test } from 'vitest';
import type { DeviceOptions } from '../../../host/options/options';
import { MemoryDevice } from '../../../host/sim/models/memory';
import { edges, levels, ProbeDevice } from './models';
import { connectAll, Rig, refused } from './rig';

async function start(lines: readonly ('edge' | 'level')[], options: DeviceOptions = {}) {
  const rig = new Rig({ openFileLimit: 4096 });
  const placed = rig.add(new ProbeDevice({ lines }));
  const opened = await rig.start(options);
  return { rig, placed, opened, device: opened.device, lines: opened.lines };
}

describe('masking on request', () => {
  test('keeps a level line quiet until it is unmasked', async () => {
    const { placed, device, lines } = await start(levels(1));
    device.maskLine(0);
    placed.setLine(0, true);
    device.safePoint();
    expect(lines.take()).toEqual([]);
    expect(device.lines[0]?.maskRequested).toBe(true);
    device.unmaskLine(0);
    device.safePoint();
    expect(lines.take()).toEqual(['+0']);
  });

  test('outlives the EOI of the line', async () => {
    const { placed, device, lines } = await start(levels(1));
    placed.setLine(0, true);
    device.safePoint();
    device.maskLine(0);
    device.read(0, 0, 4);
    expect(lines.take()).toEqual(['+0', '-0']);
    device.safePoint();
    expect(placed.line(0).masked).toBe(true);
    expect(lines.take()).toEqual([]);
    device.unmaskLine(0);
    device.safePoint();
    expect(lines.take()).toEqual(['+0']);
  });

  test('that ends while the line is handled leaves the unmask to the EOI', async () => {
    const { placed, device, lines } = await start(levels(1));
    placed.setLine(0, true);
    device.safePoint();
    device.maskLine(0);
    device.unmaskLine(0);
    expect(placed.line(0).masked).toBe(true);
    placed.setLine(0, false);
    device.read(0, 0, 4);
    expect(placed.line(0).masked).toBe(false);
    expect(lines.take()).toEqual(['+0', '-0']);
  });

  test('loses no signal that is on its way', async () => {
    const { placed, device, lines } = await start(levels(1));
    placed.setLine(0, true);
    device.maskLine(0);
    device.unmaskLine(0);
    device.safePoint();
    expect(lines.take()).toEqual(['+0']);
    placed.setLine(0, false);
    device.read(0, 0, 4);
    expect(placed.line(0)).toMatchObject({ masked: false, signals: 1 });
  });

  test('that the kernel refuses is told and changes nothing', async () => {
    const { placed, device } = await start(levels(1));
    placed.faults.inject({ call: 'ioctl', flags: 9, errno: 5 });
    expect(refused(() => device.maskLine(0))).toMatchObject({ code: 'MASK', errno: 5 });
    expect(device.lines[0]?.maskRequested).toBe(false);
    device.maskLine(0);
    placed.faults.inject({ call: 'ioctl', flags: 0x11, errno: 5 });
    expect(refused(() => device.unmaskLine(0))).toMatchObject({ code: 'UNMASK', errno: 5 });
    expect(device.lines[0]?.maskRequested).toBe(true);
  });
});

describe('unmasking that fails', () => {
  test('is tried again with growing pauses, at most 64 safe points', async () => {
    const { placed, device } = await start(levels(1));
    placed.setLine(0, true);
    device.safePoint();
    placed.setLine(0, false);
    const fault = placed.faults.inject({
      ...{ call: 'ioctl', flags: 0x11, errno: 5, times: Number.POSITIVE_INFINITY },
    });
    device.read(0, 0, 4);
    const at: number[] = [];
    for (let point = 1, hits = fault.hits; fault.hits < 16 && point < 2000; point++) {
      device.safePoint();
      if (fault.hits > hits) at.push(point);
      hits = fault.hits;
    }
    const pauses = at.map((point, i) => point - (at[i - 1] ?? 0));
    expect(pauses).toEqual([1, 2, 4, 8, 16, 32, 64, 64, 64, 64, 64, 64, 64, 64, 64]);
    expect(device.lines[0]).toMatchObject({ stuck: true, retrying: false });
  });

  test('of many lines serves them in turn', async () => {
    const { placed, device, lines } = await start(levels(4), {
      eoi: { lines: { 0: 'irqchip', 1: 'irqchip', 2: 'irqchip', 3: 'irqchip' } },
    });
    for (let line = 0; line < 4; line++) placed.setLine(line, true);
    device.safePoint();
    placed.faults.inject({ call: 'ioctl', flags: 0x11, errno: 5, times: 4 });
    for (let line = 0; line < 4; line++) {
      placed.setLine(line, false);
      device.completeLine(line);
    }
    const masked = () => [0, 1, 2, 3].filter((line) => placed.line(line).masked).length;
    const left = [masked()];
    for (let i = 0; i < 4; i++) {
      device.safePoint();
      left.push(masked());
    }
    expect(left).toEqual([4, 3, 2, 1, 0]);
    expect(lines.levels.get(3)).toBe(false);
  });

  test('is forgotten when the machine is reset', async () => {
    const { placed, opened, device } = await start(levels(1), { unmaskAttempts: 1 });
    placed.setLine(0, true);
    device.safePoint();
    placed.setLine(0, false);
    placed.faults.inject({ call: 'ioctl', flags: 0x11, errno: 5 });
    device.read(0, 0, 4);
    expect(opened.events).toEqual([{ type: 'line-stuck', line: 0 }]);
    device.reset();
    expect(device.lines[0]).toMatchObject({ stuck: false, state: 'inactive' });
    expect(placed.line(0).masked).toBe(false);
  });
});

describe('stalled lines', () => {
  test('are reported once each, independent ones too, with their age', async () => {
    const { rig, placed, opened, device } = await start(edges(3), {
      stallLimitMs: 100,
      eoi: { lines: { 1: 'irqchip', 2: 'irqchip' } },
    });
    const stalls = () =>
      opened.events.flatMap((event) =>
        event.type === 'line-stalled' ? [[event.line, event.ageMs]] : [],
      );
    placed.pulse(0);
    device.safePoint();
    rig.advanceMs(50);
    device.safePoint();
    for (const line of [1, 2]) placed.pulse(line);
    device.safePoint();
    rig.advanceMs(51);
    device.safePoint();
    expect(stalls()).toEqual([[0, 101]]);
    rig.advanceMs(50);
    for (let i = 0; i < 5; i++) device.safePoint();
    expect(stalls()).toEqual([
      [0, 101],
      [2, 101],
      [1, 101],
    ]);
    for (const line of [1, 2]) device.completeLine(line);
    device.read(0, 0, 4);
    placed.pulse(0);
    device.safePoint();
    rig.advanceMs(101);
    device.safePoint();
    expect(stalls()).toHaveLength(4);
    expect(device.lines.map(({ statistics }) => statistics.stalls)).toEqual([2, 1, 1]);
  });

  test('are not reported when the limit is 0', async () => {
    const { rig, placed, opened, device } = await start(edges(1), { stallLimitMs: 0 });
    placed.pulse(0);
    device.safePoint();
    rig.advanceMs(1e6);
    device.safePoint();
    expect(opened.events).toEqual([]);
  });
});

describe('reset', () => {
  test('of a device that cannot be reset still puts its lines to rest', async () => {
    const rig = new Rig();
    const model = new MemoryDevice({ lines: ['level', 'edge'], resettable: false });
    const placed = rig.add(model);
    const { device, lines } = await rig.start();
    model.setLevel(0);
    placed.pulse(1);
    device.safePoint();
    rig.takeCalls();
    device.reset();
    expect(rig.takeCalls()).not.toContain('VFIO_DEVICE_RESET');
    // The level line is still high, so unmasking it makes it signal again.
    expect(placed.line(0).pending + Number(device.signalsWaiting)).toBeGreaterThan(0);
    lines.take();
    device.safePoint();
    expect(lines.take()).toEqual(['+0']);
  });

  test('that the device refuses is told after everything else is done', async () => {
    const { placed, device, lines } = await start(levels(1));
    placed.setLine(0, true);
    device.safePoint();
    placed.faults.inject({ call: 'ioctl', request: 0x3b6f, errno: 5 });
    expect(refused(() => device.reset())).toMatchObject({ code: 'DEVICE_RESET', errno: 5 });
    expect(lines.take()).toEqual(['+0', '-0']);
    expect(device.lines[0]?.state).toBe('inactive');
    expect(device.statistics.resets).toBe(1);
  });

  test('throws away signals that wait, also while paused', async () => {
    const { placed, device, lines } = await start(edges(1));
    device.pause();
    placed.pulse(0);
    device.reset();
    device.resume();
    expect(lines.take()).toEqual([]);
  });
});

describe('snapshots', () => {
  const mix = ['edge', 'edge', 'level', 'level', 'level'] as const;

  test('restored on a fresh device give states, masks, latches and lines back', async () => {
    const { placed, device } = await start(mix, { edgeCount: 'replay' });
    placed.pulse(0);
    device.safePoint();
    for (let i = 0; i < 3; i++) placed.pulse(0);
    placed.setLine(2, true);
    device.safePoint();
    device.maskLine(3);
    const fresh = await start(mix, { edgeCount: 'replay' });
    fresh.placed.setLine(4, true);
    fresh.device.restore(device.snapshot());
    expect(fresh.lines.take()).toEqual(['+0']);
    const { lines } = fresh.device;
    expect(lines.map(({ state }) => state[0]).join('')).toBe('aipii');
    expect(lines[0]?.waiting).toBe(3);
    expect(lines[3]?.maskRequested).toBe(true);
    expect([2, 3, 4].map((line) => fresh.placed.line(line).masked)).toEqual([true, true, true]);
    // Line 4 is high on the new board: it was sampled again and has signalled.
    fresh.device.safePoint();
    expect(fresh.device.lines[4]?.state).toBe('pending');
    for (let i = 0; i < 2; i++) fresh.device.read(0, 0, 4);
    expect(fresh.lines.take()).toEqual(['-0', '+2', '-2', '+4']);
    fresh.placed.setLine(3, true);
    fresh.device.safePoint();
    expect(fresh.device.lines[3]?.state).toBe('inactive');
    fresh.device.unmaskLine(3);
    fresh.device.safePoint();
    expect(fresh.device.lines[3]?.state).toBe('pending');
  });

  test('carry independent lines, which can be completed after the restore', async () => {
    const options = { eoi: { lines: { 0: 'irqchip', 2: 'irqchip' } } } as const;
    const { placed, device } = await start(mix, options);
    placed.pulse(0);
    placed.setLine(2, true);
    device.safePoint();
    const fresh = await start(mix, options);
    fresh.device.restore(device.snapshot());
    expect(fresh.lines.take()).toEqual(['+0', '+2']);
    for (const line of [0, 2]) fresh.device.completeLine(line);
    expect(fresh.lines.take()).toEqual(['-0', '-2']);
    expect(fresh.placed.line(2).masked).toBe(false);
  });

  test('restored on the same device lower what is up first', async () => {
    const { placed, device, lines } = await start(mix);
    const idle = device.snapshot();
    placed.pulse(1);
    device.safePoint();
    device.restore(idle);
    expect(lines.take()).toEqual(['+1', '-1']);
    expect(device.lines.every(({ state }) => state === 'inactive')).toBe(true);
  });

  test('carry the direct mapping and its timer', async () => {
    const boards = [];
    for (let i = 0; i < 2; i++) {
      const rig = new Rig();
      const placed = rig.add(new ProbeDevice({ lines: edges(1) }));
      const seen: boolean[] = [];
      const opened = await rig.start({}, { setDirectMapping: (on) => void seen.push(on) });
      boards.push({ rig, placed, seen, device: opened.device });
    }
    const [first, second] = boards;
    if (!first || !second) throw new Error('there are two');
    first.placed.pulse(0);
    first.device.safePoint();
    second.device.restore(first.device.snapshot());
    expect(second.seen).toEqual([false]);
    second.device.read(0, 0, 4);
    second.rig.advanceMs(1100);
    expect(second.seen).toEqual([false, true]);
  });

  test('of the same state are the same bytes', async () => {
    const snapshots = [];
    for (let i = 0; i < 2; i++) {
      const { placed, device } = await start(mix);
      for (const line of [0, 1]) placed.pulse(line);
      device.safePoint();
      snapshots.push([...device.snapshot()]);
    }
    expect(snapshots[0]).toEqual(snapshots[1]);
  });
});

describe('many lines', () => {
  test('1024 lines are all served, in the order in which they fired', async () => {
    const count = 1024;
    const { placed, device, lines } = await start(edges(count));
    const order = Array.from({ length: count }, (_, i) => (i * 389) % count);
    for (const line of order) {
      placed.pulse(line);
      device.safePoint();
    }
    for (let i = 0; i < count; i++) device.read(0, 0, 4);
    expect(lines.take()).toEqual(order.flatMap((line) => [`+${line}`, `-${line}`]));
  });

  test('1024 signals that wait together are handled from the highest line down', async () => {
    const { placed, device, lines } = await start(edges(1024));
    for (let line = 0; line < 1024; line++) placed.pulse(line);
    device.safePoint();
    for (let i = 0; i < 1024; i++) device.read(0, 0, 4);
    const ups = lines.take().filter((entry) => entry.startsWith('+'));
    expect(ups).toEqual(Array.from({ length: 1024 }, (_, i) => `+${1023 - i}`));
  });

  test('1024 level lines are masked and unmasked each on its own', async () => {
    const { placed, device, lines } = await start(levels(1024), {
      eoi: { lines: Object.fromEntries(Array.from({ length: 1024 }, (_, i) => [i, 'irqchip'])) },
    });
    for (let line = 0; line < 1024; line += 3) placed.setLine(line, true);
    device.safePoint();
    expect(lines.take()).toHaveLength(342);
    for (let line = 0; line < 1024; line++) {
      expect(placed.line(line).masked).toBe(line % 3 === 0);
      placed.setLine(line, false);
      device.completeLine(line);
      expect(placed.line(line).masked).toBe(false);
    }
    expect(lines.take()).toHaveLength(342);
  });

  test('a signal wakes the machine once while none waits', async () => {
    const { placed, device } = await start(edges(40));
    let woken = 0;
    device.onSignal = () => woken++;
    for (const line of [39, 3, 3]) placed.pulse(line);
    expect(woken).toBe(1);
    expect(device.signalsWaiting).toBe(true);
    device.safePoint();
    expect(device.signalsWaiting).toBe(false);
    placed.pulse(7);
    expect(woken).toBe(2);
  });
});

describe('connecting', () => {
  test('a line again changes where it goes', async () => {
    const { placed, device, lines } = await start(edges(1));
    const others: string[] = [];
    device.connectLine(0, { up: () => others.push('up'), down: () => others.push('down') });
    placed.pulse(0);
    device.safePoint();
    device.read(0, 0, 4);
    expect(lines.take()).toEqual([]);
    expect(others).toEqual(['up', 'down']);
  });

  test('and disconnecting an active line lets the next one in', async () => {
    const { placed, device, lines } = await start(edges(2));
    placed.pulse(0);
    device.safePoint();
    placed.pulse(1);
    device.safePoint();
    device.disconnectLine(0);
    expect(lines.take()).toEqual(['+0', '-0', '+1']);
  });

  test('again a level line that was disconnected while it was handled', async () => {
    const { placed, opened, device, lines } = await start(levels(1));
    placed.setLine(0, true);
    device.safePoint();
    device.disconnectLine(0);
    expect(placed.line(0)).toMatchObject({ masked: true, armed: false });
    lines.take();
    connectAll(opened);
    device.safePoint();
    expect(lines.take()).toEqual(['+0']);
    placed.setLine(0, false);
    device.read(0, 0, 4);
    expect(placed.line(0).masked).toBe(false);
  });
});
