import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { pl031, sources } from '../guest/registers';
import { prepareDevices, Rig } from '../guest/rig';
import { board } from '../scenarios/scenario';

const { RTCDR, RTCMR, RTCRIS, RTCICR } = pl031;
const source = sources.find(({ name }) => name === board.rtc);

before(prepareDevices);

/** An open clock without an alarm. */
const open = () => Rig.open(board.rtc, {}, source?.hush);

describe('the PL031', () => {
  it('alarms after a second, once, and is automasked until it is cleared', async () => {
    const rig = await open();
    const start = performance.now();
    rig.write(RTCMR, (rig.read(RTCDR) + 1) >>> 0);
    await rig.interrupt();
    const took = performance.now() - start;
    assert.ok(took < 2500, `the alarm took ${took} ms`);
    await rig.quiet();
    assert.equal(rig.read(RTCRIS), 1);
    assert.equal(rig.line.high, true);
    assert.equal(rig.handledByKernel, 1);
    rig.write(RTCICR, 1);
    assert.equal(rig.line.high, false);
    await rig.quiet();
    const { signals, injections, completions, spurious, unexpected } = rig.counted;
    assert.deepEqual(
      { signals, injections, completions, spurious, unexpected },
      { signals: 1, injections: 1, completions: 1, spurious: 0, unexpected: 0 },
    );
    assert.deepEqual(rig.events, []);
    rig.close();
  });

  it('alarms again and again', async () => {
    const rig = await open();
    for (let alarm = 1; alarm <= 3; alarm++) {
      rig.write(RTCMR, (rig.read(RTCDR) + 1) >>> 0);
      await rig.interrupt();
      rig.write(RTCICR, 1);
      assert.equal(rig.counted.completions, alarm);
    }
    rig.close();
  });
});
