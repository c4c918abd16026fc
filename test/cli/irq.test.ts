import { describe, expect, it } from 'vitest';
import type { BoardDevice } from '../../host/cli/simulated/sample-board';
import { MemoryDevice } from '../../host/sim/models';
import { Desk } from './fixture';

const ALARM = ['--set', 'RTCMR=2', '--set', 'RTCLR=0', '--set', 'RTCCR=1', '--set', 'RTCIMSC=1'];
const ACK = ['--ack', 'RTCICR=1'];

function edges(): BoardDevice {
  return {
    name: 'edges',
    bus: 'platform',
    group: 0,
    model: () => new MemoryDevice({ compatible: ['example,edges'], lines: ['edge', 'level'] }),
    hostDriver: undefined,
    vfio: true,
  };
}

describe('irq', () => {
  it('waits for an interrupt that the device makes itself', async () => {
    expect(await new Desk().run('irq', 'pl031', '0', ...ALARM, ...ACK)).toEqual({
      code: 0,
      out: '9010000.pl031 line 0: 1 interrupt in 2000.000 ms\n  first after 2000.000 ms\n',
      error: '',
    });
  });

  it('ends with an exit code of its own when too few came in time', async () => {
    const { code, data } = await new Desk().json(
      'irq',
      'pl031',
      '0',
      ...ALARM,
      ...ACK,
      ...['--count', '2', '--timeout', '5'],
    );
    expect(code).toBe(7);
    expect(data).toMatchObject({
      device: '9010000.pl031',
      line: 0,
      trigger: 'level',
      interrupts: 1,
      firstNs: 2e9,
      elapsedNs: 5e9,
      end: 'timeout',
    });
  });

  it('counts a level line again and again that nothing acknowledges', async () => {
    const { code, data } = await new Desk().json('irq', 'pl031', '0', ...ALARM, '-n', '3000');
    expect(code).toBe(0);
    expect(data).toMatchObject({ interrupts: 3000, end: 'count' });
  });

  it('hears edges, and tells their intervals', async () => {
    const desk = new Desk({ board: [edges()] });
    const { clock } = desk.system.host;
    const pulse = () => {
      desk.system.writer.handle('edges').pulse(0);
      clock.setTimer(3e6, pulse);
    };
    clock.setTimer(1e6, pulse);
    const { code, data } = await desk.json('irq', 'edges', '0', '-n', '5');
    expect(code).toBe(0);
    expect(data).toMatchObject({
      trigger: 'edge',
      interrupts: 5,
      firstNs: 1e6,
      intervalsNs: { min: 3e6, median: 3e6, max: 3e6 },
    });
  });

  it('tells at Ctrl-C what it has seen', async () => {
    const desk = new Desk({ board: [edges()] });
    const { terminal } = desk;
    const { clock } = desk.system.host;
    clock.setTimer(1e6, () => desk.system.writer.handle('edges').pulse(0));
    clock.setTimer(2e6, () => terminal.interrupt());
    const { code, data } = await desk.json('irq', 'edges', '0', '-n', '5');
    expect(code).toBe(130);
    expect(data).toMatchObject({ interrupts: 1, end: 'interrupted' });
  });

  it('takes Ctrl-C for a good end where no count was asked for', async () => {
    const desk = new Desk({ board: [edges()] });
    const { terminal } = desk;
    desk.system.host.clock.setTimer(2e6, () => terminal.interrupt());
    expect((await desk.run('irq', 'edges', '0', '-n', '0', '-t', '0')).code).toBe(0);
  });

  it('does not wait for what cannot come', async () => {
    const { code, out } = await new Desk({ board: [edges()] }).run('irq', 'edges', '1', '-t', '0');
    expect(code).toBe(7);
    expect(out).toContain('nothing more can happen');
  });

  it.each([
    [['9'], 'has no line 9; it has 1'],
    [['0', '--set', 'RTCIMSC'], "'RTCIMSC' is no REGISTER=VALUE"],
    [['0', '--ack', '0x2000=1'], 'outside region 0'],
    [['0', '--set', 'RTCMR=0x100000000'], 'VALUE must be from 0 to 0xffffffff'],
  ])('refuses %j: %s', async (args, message) => {
    const { code, error } = await new Desk().run('irq', 'pl031', ...args);
    expect(code).toBe(2);
    expect(error.replaceAll(/\s+/g, ' ')).toContain(message);
  });

  it('leaves the line and the device as it found them', async () => {
    const desk = new Desk({ board: [edges()] });
    const before = desk.system.host.kernel.resources();
    await desk.run('irq', 'edges', '0', '-t', '0.01');
    expect(desk.system.host.kernel.resources()).toEqual(before);
    expect(desk.system.writer.handle('edges').line(0).armed).toBe(false);
  });
});
