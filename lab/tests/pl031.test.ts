import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { prepareDevices, Rig } from '../guest/rig';
import { board } from '../scenarios/scenario';

const RTCDR = 0x00;
const RTCMR = 0x04;
const RTCIMSC = 0x10;
const RTCRIS = 0x14;
const RTCICR = 0x1c;

before(prepareDevices);

/** An open clock without an alarm. */
async function open(options: Parameters<typeof Rig.open>[1] = {}): Promise<Rig> {
  const rig = await Rig.open(board.rtc, options);
  rig.write(RTCIMSC, 0);
  rig.write(RTCICR, 1);
  rig.write(RTCIMSC, 1);
  return rig;
}

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
