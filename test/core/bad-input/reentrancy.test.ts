import { describe, expect, test } from 'vitest';
import type { VfioPlatformDevice } from '../../../host/device/device';
import { edges, levels, ProbeDevice } from '../device/models';
import { accessProblems, connectAll, Rig, refused } from '../device/rig';

const DEPTH = 10;

describe('a machine that calls back', () => {
  test('reading the device in up() completes ten lines, each inside the one before', async () => {
    const rig = new Rig();
    const placed = rig.add(new ProbeDevice({ lines: edges(DEPTH) }));
    const { device } = await rig.open();
    const log: string[] = [];
    let depth = 0;
    let deepest = 0;
    for (const { index } of device.lines) {
      device.connectLine(index, {
        up() {
          log.push(`+${index}`);
          depth++;
          deepest = Math.max(deepest, depth);
          device.read(0, 0, 4);
          depth--;
        },
        down: () => void log.push(`-${index}`),
      });
    }
    for (let line = 0; line < DEPTH; line++) placed.pulse(line);
    device.safePoint();
    const order = Array.from({ length: DEPTH }, (_, i) => DEPTH - 1 - i);
    expect(log).toEqual(order.flatMap((line) => [`+${line}`, `-${line}`]));
    expect(deepest).toBe(DEPTH);
    expect(device.lines.every(({ state }) => state === 'inactive')).toBe(true);
  });

  test('accessing the device in down() works', async () => {
    const rig = new Rig();
    const placed = rig.add(new ProbeDevice({ lines: edges(2) }));
    const { device } = await rig.open();
    const log: string[] = [];
    for (const { index } of device.lines) {
      device.connectLine(index, {
        up: () => void log.push(`+${index}`),
        down() {
          log.push(`-${index}`);
          device.write(0, 0, 4, 1);
          device.safePoint();
        },
      });
    }
    placed.pulse(0);
    placed.pulse(1);
    device.safePoint();
    device.read(0, 0, 4);
    // The write in down() comes before line 0 has gone up, so it cannot complete it.
    expect(log).toEqual(['+1', '-1', '+0']);
    device.read(0, 0, 4);
    expect(log.slice(3)).toEqual(['-0']);
  });

  test.each([
    ['windows that the host performs', { xNoMmap: false }],
    ['pread', { xNoMmap: true }],
  ])('a model that reads its own device, ten levels deep, through %s', async (_, options) => {
    const rig = new Rig();
    const placed = rig.add(new ProbeDevice({ lines: edges(1) }));
    const opened = await rig.start(options);
    const { device } = opened;
    let depth = 0;
    const values: number[] = [];
    placed.model.onRead = () => {
      if (depth === DEPTH) return;
      depth++;
      const offset = 4 * depth;
      values.push(device.read(0, offset, 4) - 0x01010101 * offset);
      depth--;
    };
    expect(device.read(0, 0, 4)).toBe(0x03020100);
    const answered = values.filter((value) => value === 0x03020100).length;
    // There are buffers for eight; windows need none.
    expect(answered).toBe(options.xNoMmap ? 7 : DEPTH);
    expect(accessProblems(opened)).toEqual(options.xNoMmap ? ['nested-too-deep'] : []);
    placed.model.onRead = undefined;
    expect(device.read(0, 8, 4)).toBe(0x0b0a0908);
  });

  test('more accesses inside accesses than there are buffers are refused and reported', async () => {
    const rig = new Rig();
    const placed = rig.add(new ProbeDevice());
    const opened = await rig.open({ xNoMmap: true });
    const { device } = opened;
    let depth = 0;
    let deepest = 0;
    placed.model.onRead = () => {
      depth++;
      deepest = Math.max(deepest, depth);
      if (depth < 100) device.read(0, 0, 4);
      depth--;
    };
    expect(device.read(0, 0, 4)).toBe(0x03020100);
    expect(deepest).toBe(8);
    expect(accessProblems(opened)).toEqual(['nested-too-deep']);
    placed.model.onRead = undefined;
    for (let i = 0; i < 20; i++) expect(device.read(0, 0, 4)).toBe(0x03020100);
  });

  test('a model that interrupts in the middle of an access is served after it', async () => {
    const rig = new Rig();
    const placed = rig.add(new ProbeDevice({ lines: levels(1) }));
    const { device, lines } = await rig.start();
    device.onSignal = () => device.safePoint();
    placed.model.onRead = () => placed.setLine(0, true);
    device.read(0, 0, 4);
    // An access that began before the line was up cannot complete it.
    expect(lines.take()).toEqual(['+0']);
    placed.model.onRead = () => placed.setLine(0, false);
    device.read(0, 0, 4);
    expect(lines.take()).toEqual(['-0']);
  });

  test('a pending read keeps its value when an interrupt is taken in between', async () => {
    const rig = new Rig();
    const placed = rig.add(new ProbeDevice({ lines: edges(1) }));
    const { device } = await rig.open();
    device.connectLine(0, { up: () => void device.read64(0, 0x20), down: () => {} });
    device.onSignal = () => device.safePoint();
    placed.model.onRead = (_, offset) => {
      if (offset < 8) placed.pulse(0);
    };
    expect(device.read64(0, 0)).toBe(0x0706050403020100n);
  });
});

/** Control calls that may not run inside one another. */
const controls: readonly [name: string, call: (device: VfioPlatformDevice) => void][] = [
  ['connectLine', (device) => device.connectLine(0, { up() {}, down() {} })],
  ['disconnectLine', (device) => device.disconnectLine(0)],
  ['maskLine', (device) => device.maskLine(0)],
  ['unmaskLine', (device) => device.unmaskLine(0)],
  ['reset', (device) => device.reset()],
  ['pause', (device) => device.pause()],
  ['resume', (device) => device.resume()],
  ['restore', (device) => device.restore(device.snapshot())],
  ['close', (device) => device.close()],
];

describe.each(controls)('%s from inside another control call', (_, call) => {
  test('is refused, and the outer call goes on', async () => {
    const rig = new Rig();
    const placed = rig.add(new ProbeDevice({ lines: levels(2) }));
    const opened = await rig.start();
    const { device } = opened;
    const seen: string[] = [];
    // The kernel resets the device while it carries out the control call.
    const reset = placed.model.reset.bind(placed.model);
    placed.model.reset = () => {
      reset();
      seen.push(refused(() => call(device)).code);
    };
    device.reset();
    placed.model.reset = reset;
    expect(seen).toEqual(['REENTRANT']);
    expect(device.closed).toBe(false);
    placed.setLine(0, true);
    device.safePoint();
    expect(opened.lines.take()).toEqual(['+0']);
    call(device);
  });
});

describe('accesses and signals from inside a control call', () => {
  test('are legal', async () => {
    const rig = new Rig();
    const placed = rig.add(new ProbeDevice({ lines: edges(2) }));
    const opened = await rig.start();
    const { device } = opened;
    const reset = placed.model.reset.bind(placed.model);
    let value: number | undefined;
    placed.model.reset = () => {
      reset();
      value = device.read(0, 0, 4);
      placed.pulse(0);
      device.safePoint();
    };
    device.reset();
    placed.model.reset = reset;
    expect(value).toBe(0x03020100);
    // The reset throws away what came before it was over.
    expect(opened.lines.take()).toEqual(['+0', '-0']);
    expect(device.lines[0]?.state).toBe('inactive');
  });

  test('a line that is high when it is connected may be served inside the connecting call', async () => {
    const rig = new Rig();
    const placed = rig.add(new ProbeDevice({ lines: levels(1) }));
    const opened = await rig.open();
    opened.device.onSignal = () => opened.device.safePoint();
    placed.setLine(0, true);
    connectAll(opened);
    expect(opened.lines.take()).toEqual(['+0']);
  });
});

describe('closing from a callback', () => {
  test('close() inside up() gives everything back', async () => {
    const rig = new Rig();
    const placed = rig.add(new ProbeDevice({ lines: edges(2) }));
    const { device } = await rig.open();
    const log: string[] = [];
    const target = (line: number) => ({
      up() {
        log.push(`+${line}`);
        device.close();
      },
      down: () => void log.push(`-${line}`),
    });
    for (const line of [0, 1]) device.connectLine(line, target(line));
    placed.pulse(0);
    placed.pulse(1);
    device.safePoint();
    expect(log).toEqual(['+1', '-1']);
    expect(device.closed).toBe(true);
    expect(rig.resources.fds).toBe(0);
  });

  test('close() inside down() gives everything back', async () => {
    const rig = new Rig();
    const placed = rig.add(new ProbeDevice({ lines: edges(2) }));
    const { device } = await rig.open();
    const log: string[] = [];
    for (const line of [0, 1]) {
      device.connectLine(line, {
        up: () => void log.push(`+${line}`),
        down() {
          log.push(`-${line}`);
          device.close();
        },
      });
    }
    placed.pulse(0);
    placed.pulse(1);
    device.safePoint();
    device.read(0, 0, 4);
    // The effect that waited is still told before that of the close.
    expect(log.filter((entry) => entry.startsWith('+')).length).toBe(
      log.filter((entry) => entry.startsWith('-')).length,
    );
    expect(rig.resources.fds).toBe(0);
  });

  test.each([
    ['windows that the host performs', {}],
    ['pread', { xNoMmap: true }],
  ])('close() inside an access through %s ends it with a defined value', async (_, options) => {
    const rig = new Rig();
    const placed = rig.add(new ProbeDevice({ lines: edges(1) }));
    const { device } = await rig.open(options);
    placed.model.onRead = () => {
      placed.model.onRead = undefined;
      device.close();
    };
    expect([0x03020100, 0xffffffff]).toContain(device.read(0, 0, 4));
    expect(refused(() => device.read(0, 0, 4)).code).toBe('CLOSED');
    expect(rig.resources.fds).toBe(0);
  });

  test('close() inside a listener gives everything back', async () => {
    const rig = new Rig();
    rig.add(new ProbeDevice({ lines: edges(1) }));
    const { device } = await rig.start();
    device.listen(() => device.close());
    expect(device.read(7, 0, 4)).toBe(0xffffffff);
    expect(rig.resources.fds).toBe(0);
  });
});
