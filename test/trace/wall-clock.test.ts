import { expect, it } from 'vitest';
import { openDevice } from '../../host/device/open';
import { MemoryDevice, SimulatedHost } from '../../host/sim';
import { diffTraces, MemorySink, record, replayCore, replayHost, Trace } from '../../host/trace';
import type { TraceHeader } from '../../host/trace/format/header';
import { TraceWriter } from '../../host/trace/format/writer';
import { recordedLife } from './lives';

it('of a machine whose time never stands still replays, and recorded again gives the same bytes', async () => {
  const host = new SimulatedHost();
  const placed = host.addDevice({ name: 'dev', model: new MemoryDevice({ lines: ['level'] }) });
  let now = 0;
  const clock = {
    nowNs: () => {
      now += 1234.5678;
      return now;
    },
    setTimer: () => ({ cancel() {} }),
  };
  const sink = new MemorySink();
  const device = await openDevice(record(host, { uuid: 'wall', sink }), { host: 'dev' }, { clock });
  device.connectLine(0, { up() {}, down() {} });
  for (let round = 0; round < 20; round++) {
    placed.setLine(0, true);
    device.safePoint();
    placed.setLine(0, false);
    device.write(0, 8, 4, round);
  }
  device.close();

  const trace = Trace.open(sink.bytes());
  const again = new MemorySink();
  const report = await replayCore(trace, {
    through: (inner) => record(inner, { uuid: 'wall', sink: again }),
  });
  expect(report.ok).toBe(true);
  expect(diffTraces(trace, Trace.open(again.bytes()))).toBeUndefined();
  expect(Buffer.compare(again.bytes(), sink.bytes())).toBe(0);
});

it('a recording that a machine cannot run again is refused with what can be done, and no more', async () => {
  const { trace } = await recordedLife(3);
  const machine = { name: 'pc', directMapping: false, reportsEoi: false };
  const refusal = (header: Partial<TraceHeader>) => {
    const sink = new MemorySink();
    new TraceWriter(sink, { ...trace.header, ...header }).finish(0);
    try {
      replayHost(Trace.open(sink.bytes()));
    } catch (error) {
      expect(error).toMatchObject({ code: 'TRACE_NOT_DETERMINISTIC' });
      return (error as Error).message;
    }
    throw new Error('it was not refused');
  };
  const ways = 'use replayCore() or replayDevice()';
  const wallClock = refusal({ machine: { ...machine, deterministic: false } });
  expect(wallClock).toContain(ways);
  expect(wallClock).not.toContain('force');
  const part = refusal({ derived: { uuid: 'x', how: 'window' } });
  expect(part).toContain(ways);
  expect(part).not.toContain('force');
  const both = refusal({ dma: 'at-sync', machine: { ...machine, deterministic: false } });
  expect(both).not.toContain('force');
  expect(refusal({ dma: 'at-sync' })).toContain(`${ways}, or set force`);
});
