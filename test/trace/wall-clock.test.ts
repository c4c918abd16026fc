import { expect, it } from 'vitest';
import { openDevice } from '../../host/device/open';
import { MemoryDevice, SimulatedHost } from '../../host/sim';
import { diffTraces, MemorySink, record, replayCore, Trace } from '../../host/trace';

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
