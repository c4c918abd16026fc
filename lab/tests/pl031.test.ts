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
  it('alarms when its time has come, once, and is automasked until it is cleared', async () => {
    const rig = await open();
    const due = (rig.read(RTCDR) + 1) >>> 0;
    rig.write(RTCMR, due);
    await rig.interrupt();
    assert.ok((rig.read(RTCDR) - due) >>> 0 < 0x80000000, 'the alarm was early');
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
