import { expect, it } from 'vitest';
import { openDevice } from '../../host/device/open';
import { MemoryDevice, SimulatedHost, VirtualClock } from '../../host/sim';
import { record, type TraceSink } from '../../host/trace';

it('a recording that ends inside a call leaves the device its clock', async () => {
  const clock = new VirtualClock();
  const host = new SimulatedHost({ clock });
  const placed = host.addDevice({ name: 'dev', model: new MemoryDevice({ lines: ['level'] }) });
  let full = false;
  const sink: TraceSink = {
    write() {
      if (full) throw new Error('no space left');
    },
  };
  const recording = record(host, { uuid: 'stopped', sink });
  const events: string[] = [];
  const device = await openDevice(
    recording,
    { host: 'dev', stallLimitMs: 50 },
    { clock, listener: ({ type }) => events.push(type) },
  );
  device.connectLine(0, {
    up() {
      full = true;
      recording.flush();
    },
    down() {},
  });
  placed.setLine(0, true);
  device.safePoint();
  expect(recording.problem?.code).toBe('TRACE_SINK');
  expect(events).not.toContain('line-stalled');

  // The guest never answers.
  for (let ms = 0; ms < 200; ms += 10) {
    clock.advance(10e6);
    device.safePoint();
  }
  expect(events).toContain('line-stalled');
  device.close();
});
