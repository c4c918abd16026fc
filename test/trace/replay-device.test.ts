import { describe, expect, it } from 'vitest';
import type { VfioHost } from '../../host/boundary/host';
import { openDevice } from '../../host/device/open';
import { Pl031, SimulatedHost, VirtualClock } from '../../host/sim';
import { MemorySink, record, replayDevice, Trace } from '../../host/trace';

const DATA = 0x00;
const MATCH = 0x04;
const LOAD = 0x08;
const CONTROL = 0x0c;
const MASK = 0x10;
const STATUS = 0x18;
const CLEAR = 0x1c;

/** A driver of the RTC: sets an alarm and handles its interrupt. */
async function drive(
  host: VfioHost,
  clock: VirtualClock,
  { polls = 0, alarm = 5 } = {},
): Promise<string[]> {
  const log: string[] = [];
  const device = await openDevice(host, { host: 'rtc', memoryBytes: 0x200000 }, { clock });
  device.connectLine(0, {
    up: () => log.push(`alarm at ${clock.nowNs()}`),
    down: () => log.push('handled'),
  });
  device.write(0, CONTROL, 4, 1);
  device.write(0, LOAD, 4, 1000);
  device.write(0, MATCH, 4, 1000 + alarm);
  device.write(0, MASK, 4, 1);
  for (let i = 0; i < 20 && log.length === 0; i++) {
    clock.advance(1e6);
    device.safePoint();
  }
  for (let i = 0; i <= polls; i++) log.push(`status ${device.read(0, STATUS, 4)}`);
  log.push(`time ${device.read(0, DATA, 4)}`);
  device.write(0, CLEAR, 4, 1);
  device.safePoint();
  device.close();
  return log;
}

async function recorded() {
  const clock = new VirtualClock();
  const host = new SimulatedHost({ clock });
  host.addDevice({ name: 'rtc', model: new Pl031({ tickNs: 1e6 }) });
  const sink = new MemorySink();
  const log = await drive(record(host, { uuid: 'rtc', sink }), clock);
  return { trace: Trace.open(sink.bytes()), log };
}

function hostWith(trace: Trace, matching: 'strict' | 'tolerant') {
  const clock = new VirtualClock();
  const host = new SimulatedHost({ clock });
  const model = replayDevice(trace, { matching });
  host.addDevice({ name: 'rtc', model });
  return { clock, host, model };
}

describe('a device made from a recording', () => {
  it.each(['strict', 'tolerant'] as const)(
    '%s: answers the driver as the board did',
    async (matching) => {
      const { trace, log } = await recorded();
      expect(log.join()).toMatch(/alarm.*status.*time 1005/);
      const { host, clock, model } = hostWith(trace, matching);
      expect(await drive(host, clock)).toEqual(log);
      expect(model.remaining).toBe(0);
    },
  );

  it('tolerant: takes a driver that looks more often', async () => {
    const { trace, log } = await recorded();
    const { host, clock } = hostWith(trace, 'tolerant');
    const more = await drive(host, clock, { polls: 3 });
    const [status] = log.filter((line) => line.startsWith('status'));
    expect(more.filter((line) => line === status)).toHaveLength(4);
    expect(more.at(-1)).toBe(log.at(-1));
  });

  it('strict: names the first access that differs', async () => {
    const { trace } = await recorded();
    const { host, clock } = hostWith(trace, 'strict');
    await expect(drive(host, clock, { alarm: 6 })).rejects.toMatchObject({
      code: 'TRACE_DIVERGED',
      message: expect.stringContaining('write of 4 bytes at 0x4 of region 0 = 0x3ee'),
    });
  });
});
