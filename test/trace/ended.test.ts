import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, it } from 'vitest';
import { openDevice } from '../../host/device/open';
import { MemoryDevice, SimulatedHost, VirtualClock } from '../../host/sim';
import { type Recording, record } from '../../host/trace';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

it('a recording keeps nothing of devices that are gone but their counts', async () => {
  const clock = new VirtualClock();
  const host = new SimulatedHost({ clock });
  host.addDevice({ name: 'dev', model: new MemoryDevice() });
  const sinks: WeakRef<object>[] = [];
  const recording: Recording = record(host, {
    uuid: 'ended',
    sink() {
      const sink = { write() {} };
      sinks.push(new WeakRef(sink));
      return sink;
    },
  });
  const life = async () => {
    const device = await openDevice(recording, { host: 'dev', memoryBytes: 0x200000 }, { clock });
    device.write(0, 0, 4, 7);
    device.close();
  };
  for (let i = 0; i < 4; i++) await life();
  const { events } = recording;
  expect(events).toBeGreaterThan(4);
  for (let i = 0; i < 10 && sinks.slice(0, 3).some((sink) => sink.deref()); i++) {
    await new Promise((resolve) => setTimeout(resolve, 0));
    collectGarbage();
  }
  // The last one may still be on the stack of this test.
  expect(sinks.slice(0, 3).map((sink) => sink.deref())).toEqual([undefined, undefined, undefined]);
  expect(recording.events).toBe(events);
  recording.finish();
});
