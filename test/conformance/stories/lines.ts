import { describe, expect, test } from 'vitest';
import { VFIO_DEVICE_SET_IRQS } from '../../../assembly/abi/vfio';
import { type Opened, type Rig, refused } from '../rig';

const EIO = 5;
const EBUSY = 16;
const EINVAL = 22;
const SET_UNMASK = 0x11;

/** Interrupt lines (spec S7, S8). */
export function lineStories(rig: Rig): void {
  async function start(...lines: ('level' | 'edge')[]): Promise<Opened> {
    rig.world.addDevice({ name: 'dev', lines });
    return rig.start({ host: 'dev' });
  }
  const raise = (line = 0) => rig.world.setLine('dev', line, true);
  const lower = (line = 0) => rig.world.setLine('dev', line, false);
  const pulse = (line = 0) => {
    raise(line);
    lower(line);
  };
  const state = (line = 0) => rig.world.line('dev', line);

  describe('a level line', () => {
    test('is masked by the kernel until the guest completes it', async () => {
      const opened = await start('level');
      raise();
      await rig.moves(opened, ['+0']);
      expect(state()).toMatchObject({ high: true, masked: true, signals: 1 });
      lower();
      raise();
      await rig.quiet(opened);
      expect(state().signals).toBe(1);
      lower();
      opened.device.read(0, 0, 4);
      await rig.moves(opened, ['-0']);
      expect(state()).toMatchObject({ masked: false, signals: 1 });
    });

    test('that is still high comes again after each completion', async () => {
      const opened = await start('level');
      raise();
      await rig.moves(opened, ['+0']);
      for (let round = 1; round < 20; round++) {
        opened.device.read(0, 0, 4);
        await rig.moves(opened, ['-0', '+0']);
        expect(state().signals).toBe(round + 1);
      }
      lower();
      opened.device.read(0, 0, 4);
      await rig.moves(opened, ['-0']);
      await rig.quiet(opened);
    });

    test('that was high before it was connected comes when it is', async () => {
      rig.world.addDevice({ name: 'dev', lines: ['level'] });
      const opened = await rig.open({ host: 'dev' });
      raise();
      expect(state()).toMatchObject({ armed: false, signals: 0 });
      opened.device.connectLine(0, opened.lines.target(0));
      await rig.moves(opened, ['+0']);
    });

    test('masked on request stays quiet until it is unmasked', async () => {
      const opened = await start('level');
      opened.device.maskLine(0);
      raise();
      await rig.quiet(opened);
      expect(state()).toMatchObject({ masked: true, signals: 0 });
      opened.device.unmaskLine(0);
      await rig.moves(opened, ['+0']);
    });

    test('whose unmask fails is unmasked at a later safe point', async () => {
      const opened = await start('level');
      raise();
      await rig.moves(opened, ['+0']);
      rig.world.fail({
        call: 'ioctl',
        request: VFIO_DEVICE_SET_IRQS,
        flags: SET_UNMASK,
        errno: EIO,
        times: 3,
      });
      opened.device.read(0, 0, 4);
      expect(opened.device.lines[0]?.retrying).toBe(true);
      await rig.moves(opened, ['-0', '+0']);
      expect(opened.device.lines[0]).toMatchObject({ retrying: false, stuck: false });
      expect(opened.device.statistics.unmaskRetries).toBe(3);
    });
  });

  describe('an edge line', () => {
    test('comes once for an edge and is never masked', async () => {
      const opened = await start('edge');
      pulse();
      await rig.moves(opened, ['+0']);
      expect(state()).toMatchObject({ masked: false, signals: 1 });
      opened.device.read(0, 0, 4);
      await rig.moves(opened, ['-0']);
      await rig.quiet(opened);
    });

    test('comes again after its completion for edges that came meanwhile', async () => {
      const opened = await start('edge');
      pulse();
      await rig.moves(opened, ['+0']);
      for (let i = 0; i < 5; i++) pulse();
      await rig.quiet(opened);
      opened.device.read(0, 0, 4);
      await rig.moves(opened, ['-0', '+0']);
      opened.device.read(0, 0, 4);
      await rig.moves(opened, ['-0']);
      await rig.quiet(opened);
      expect(state().signals).toBe(6);
    });

    test('counts every edge where the guest wants them all', async () => {
      rig.world.addDevice({ name: 'dev', lines: ['edge'] });
      const opened = await rig.start({ host: 'dev', edgeCount: 'replay' });
      for (let i = 0; i < 7; i++) pulse();
      await rig.moves(opened, ['+0']);
      await rig.quiet(opened);
      for (let i = 1; i < 7; i++) {
        opened.device.read(0, 0, 4);
        await rig.moves(opened, ['-0', '+0']);
      }
      opened.device.read(0, 0, 4);
      await rig.moves(opened, ['-0']);
      expect(opened.device.lines[0]?.statistics).toMatchObject({ signals: 7, injections: 7 });
    });

    test('cannot be masked', async () => {
      const opened = await start('edge');
      expect(refused(() => opened.device.maskLine(0)).code).toBe('LINE_NOT_MASKABLE');
    });

    test('remembers an edge that came before it was connected', async () => {
      rig.world.addDevice({ name: 'dev', lines: ['edge'] });
      const opened = await rig.open({ host: 'dev' });
      pulse();
      opened.device.connectLine(0, opened.lines.target(0));
      await rig.moves(opened, ['+0']);
    });
  });

  describe('several lines', () => {
    test('wait for each other, in their order', async () => {
      const opened = await start('level', 'edge', 'level');
      raise(2);
      await rig.moves(opened, ['+2']);
      pulse(1);
      await rig.quiet(opened);
      raise(0);
      await rig.quiet(opened);
      lower(2);
      opened.device.read(0, 0, 4);
      await rig.moves(opened, ['-2', '+1']);
      opened.device.read(0, 0, 4);
      await rig.moves(opened, ['-1', '+0']);
      lower(0);
      opened.device.read(0, 0, 4);
      await rig.moves(opened, ['-0']);
    });

    test('of several devices do not', async () => {
      rig.world.addDevice({ name: 'one', lines: ['level'] });
      rig.world.addDevice({ name: 'two', lines: ['level'] });
      const one = await rig.start({ host: 'one' });
      const two = await rig.start({ host: 'two' });
      rig.world.setLine('one', 0, true);
      rig.world.setLine('two', 0, true);
      await rig.moves(one, ['+0']);
      await rig.moves(two, ['+0']);
    });

    test('of a device with very many all arrive', async () => {
      const count = 200;
      rig.world.addDevice({ name: 'dev', lines: Array.from({ length: count }, () => 'level') });
      const opened = await rig.open({ host: 'dev', eoi: { default: 'irqchip' } });
      for (let line = 0; line < count; line++) {
        opened.device.connectLine(line, opened.lines.target(line));
      }
      expect(rig.world.resources()).toMatchObject({ eventfds: count, watches: count });
      for (let line = 0; line < count; line++) raise(line);
      const seen = new Set<string>();
      for (let point = 0; point < 2000 && seen.size < count; point++) {
        opened.device.safePoint();
        for (const move of opened.lines.take()) seen.add(move);
        await rig.world.settle();
      }
      expect(seen.size).toBe(count);
    });
  });

  describe('arming', () => {
    test('happens when a line is connected, and ends when it is disconnected', async () => {
      rig.world.addDevice({ name: 'dev', lines: ['level', 'level'] });
      const opened = await rig.open({ host: 'dev' });
      const { device, lines } = opened;
      expect([state(0).armed, state(1).armed]).toEqual([false, false]);
      device.connectLine(1, lines.target(1));
      expect([state(0).armed, state(1).armed]).toEqual([false, true]);
      expect(rig.world.resources()).toMatchObject({ eventfds: 1, watches: 1 });
      device.disconnectLine(1);
      expect([state(0).armed, state(1).armed]).toEqual([false, false]);
      expect(rig.world.resources()).toMatchObject({ eventfds: 0, watches: 0 });
      raise(1);
      await rig.quiet(opened);
    });

    test('again unmasks a line that was left masked', async () => {
      const opened = await start('level');
      raise();
      await rig.moves(opened, ['+0']);
      opened.device.disconnectLine(0);
      expect(opened.lines.take()).toEqual(['-0']);
      expect(state()).toMatchObject({ armed: false, masked: true });
      opened.device.connectLine(0, opened.lines.target(0));
      await rig.moves(opened, ['+0']);
    });

    test.each([
      ['eventfd', { call: 'eventfd', errno: 24 }, 'EVENTFD'],
      ['watch', { call: 'watch', errno: 28 }, 'WATCH'],
      ['trigger', { call: 'ioctl', request: VFIO_DEVICE_SET_IRQS, errno: 22 }, 'SET_TRIGGER'],
    ] as const)(
      'that fails at its %s leaves nothing and can be tried again',
      async (_, fault, code) => {
        rig.world.addDevice({ name: 'dev', lines: ['level'] });
        const opened = await rig.open({ host: 'dev' });
        const connect = () => opened.device.connectLine(0, opened.lines.target(0));
        const before = rig.world.resources();
        rig.world.fail(fault);
        expect(refused(connect)).toMatchObject({ code, errno: fault.errno });
        expect(rig.world.resources()).toEqual(before);
        connect();
        raise();
        await rig.moves(opened, ['+0']);
      },
    );

    test('a line whose interrupt the host refused says so, and the others work', async () => {
      rig.world.addDevice({ name: 'dev', lines: ['level', 'level'] });
      rig.world.failRequestIrq('dev', 0, EBUSY);
      const opened = await rig.open({ host: 'dev' });
      const { device, lines } = opened;
      expect(refused(() => device.connectLine(0, lines.target(0)))).toMatchObject({
        code: 'SET_TRIGGER',
        errno: EBUSY,
      });
      device.connectLine(1, lines.target(1));
      raise(1);
      await rig.moves(opened, ['+1']);
    });
  });

  describe('reset and the end', () => {
    test('a reset puts lines down, forgets what waited and unmasks', async () => {
      const opened = await start('level', 'edge');
      raise(0);
      await rig.moves(opened, ['+0']);
      pulse(1);
      await rig.quiet(opened);
      lower(0);
      opened.device.reset();
      await rig.moves(opened, ['-0']);
      expect(state(0).masked).toBe(false);
      await rig.quiet(opened);
      raise(0);
      await rig.moves(opened, ['+0']);
    });

    test('a failing reset of the device is told, the rest is done all the same', async () => {
      const opened = await start('level');
      raise(0);
      await rig.moves(opened, ['+0']);
      lower(0);
      rig.world.fail({ call: 'ioctl', request: 0x3b6f, errno: EINVAL });
      expect(refused(() => opened.device.reset())).toMatchObject({
        code: 'DEVICE_RESET',
        errno: EINVAL,
      });
      await rig.moves(opened, ['-0']);
      expect(state(0).masked).toBe(false);
    });

    test('while the machine stands still signals wait', async () => {
      const opened = await start('level');
      opened.device.pause();
      raise();
      await rig.quiet(opened);
      opened.device.resume();
      await rig.moves(opened, ['+0']);
    });

    test('a close with lines up puts them down and disarms them', async () => {
      const opened = await start('level', 'edge');
      raise(0);
      await rig.moves(opened, ['+0']);
      opened.device.close();
      expect(opened.lines.take()).toEqual(['-0']);
      expect(state(0)).toMatchObject({ armed: false, masked: false });
      pulse(1);
      await rig.world.settle();
      expect(refused(() => opened.device.read(0, 0, 4)).code).toBe('CLOSED');
    });
  });
}
