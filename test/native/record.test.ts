import { afterEach, beforeEach, expect, test } from 'vitest';
import { openDevice } from '../../host/device/open';
import { divergenceText, MemorySink, record, replayCore, Trace } from '../../host/trace';
import { NativeWorld } from '../conformance/native/native-world';
import { LineLog } from '../support/board';
import { coreModule } from '../support/core';
import { describePlayed } from './describe-played';

/** Rounds in which a line is signalled without a turn of the event loop. */
const ROUNDS = 300;

describePlayed('a recording on the native host', () => {
  let world: NativeWorld;
  beforeEach(() => {
    world = new NativeWorld();
    world.addDevice({ name: 'dev', lines: ['level', 'edge'] });
  });
  afterEach(() => {
    expect(world.resources()).toMatchObject({ fds: 0, eventfds: 0, mappings: 0, watches: 0 });
    world.end();
  });

  test('has every signal that the watching thread brought, and replays without the device', async () => {
    const sink = new MemorySink();
    const recording = record(world.host, { uuid: 'native', sink });
    const device = await openDevice(
      recording,
      { host: 'dev', edgeCount: 'replay' },
      { clock: world.clock, core: coreModule },
    );
    const lines = new LineLog();
    for (const { index } of device.lines) device.connectLine(index, lines.target(index));
    /** A machine that is busy: it only looks at its safe points. */
    const runUntilUp = (count: number) => {
      for (let turns = 0; lines.entries.length < count; turns++) {
        if (turns > 1e7) throw new Error('the interrupt did not come');
        device.safePoint();
      }
    };
    for (let round = 0; round < ROUNDS; round++) {
      const line = round % 2;
      if (line === 0) world.played.setLine('dev', 0, true);
      else world.played.pulse('dev', 1);
      runUntilUp(1);
      if (line === 0) world.played.setLine('dev', 0, false);
      device.write(0, 4 * round, 4, round);
      expect(device.read(0, 4 * round, 4)).toBe(round);
      expect(lines.take()).toEqual([`+${line}`, `-${line}`]);
    }
    const { signals } = device.lines[1]?.statistics ?? {};
    device.close();
    recording.finish();

    expect(signals).toBe(ROUNDS / 2);
    const trace = Trace.open(sink.bytes());
    const again = new MemorySink();
    const report = await replayCore(trace, {
      core: coreModule,
      through: (host) => record(host, { uuid: 'native', sink: again }),
    });
    expect(report.divergence && divergenceText(report.divergence)).toBeUndefined();
    expect(Buffer.compare(again.bytes(), sink.bytes())).toBe(0);
  });
});
