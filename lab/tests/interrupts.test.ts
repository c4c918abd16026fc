import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import type { DeviceOptions } from '../../host/index';
import { edu, type Source, sources } from '../guest/registers';
import { prepareDevices, Rig } from '../guest/rig';
import { board } from '../scenarios/scenario';

before(prepareDevices);

/** The edu device has no profile: this is what one would say. */
const EDU_RULE = { region: 0, offset: edu.ACKNOWLEDGE, access: 'write', line: 0 } as const;

/** What completes a line (spec S7), as options. */
function eoiOptions(source: Source, eoi: 'register' | 'write' | 'access'): DeviceOptions {
  if (eoi !== 'register') return { eoi: { lines: { 0: eoi } } };
  return source.name === board.edu ? { eoi: { rules: [EDU_RULE] } } : {};
}

/** Nothing was lost, nothing came twice: here, in the core and in the kernel. */
function assertExactly(rig: Rig, times: number): void {
  const { signals, injections, completions, coalesced, spurious, unexpected, unmaskFailures } =
    rig.counted;
  assert.deepEqual(
    { signals, injections, completions, coalesced, spurious, unexpected, unmaskFailures },
    {
      ...{ signals: times, injections: times, completions: times },
      ...{ coalesced: 0, spurious: 0, unexpected: 0, unmaskFailures: 0 },
    },
  );
  assert.equal(rig.line.ups, times);
  assert.equal(rig.line.downs, times);
  assert.equal(rig.handledByKernel, times);
  assert.deepEqual(rig.events, []);
}

for (const source of sources) {
  describe(`interrupts of ${source.name}`, () => {
    for (const eoi of ['register', 'write', 'access'] as const) {
      it(`are completed by ${eoi}`, async () => {
        const rig = await Rig.open(source.name, eoiOptions(source, eoi), source.hush);
        const { device, line } = rig;
        assert.equal(device.lines[0]?.eoi, eoi);
        for (let round = 1; round <= 3; round++) {
          source.raise(device);
          await rig.until('interrupt', () => line.ups === round);
          assert.equal(line.high, true);
          // The kernel has masked the line, which is still high: nothing more comes.
          await rig.quiet();
          assert.equal(line.ups, round);
          assert.equal(rig.handledByKernel, round);
          source.clear(device);
          assert.equal(line.high, false);
        }
        await rig.quiet();
        assertExactly(rig, 3);
        rig.close();
      });
    }

    it('come again while the device still asks for one', async () => {
      // Any read completes the line here, and clears nothing.
      const rig = await Rig.open(source.name, { eoi: { lines: { 0: 'access' } } }, source.hush);
      const { device, line } = rig;
      source.raise(device);
      for (let round = 1; round <= 3; round++) {
        await rig.until('interrupt', () => line.ups === round);
        device.read(0, 0xff0, 4);
      }
      await rig.until('interrupt', () => line.ups === 4);
      source.clear(device);
      await rig.quiet();
      assertExactly(rig, 4);
      rig.close();
    });

    it('wait while the line is masked on request', async () => {
      const rig = await Rig.open(source.name, eoiOptions(source, 'register'), source.hush);
      const { device, line } = rig;
      device.maskLine(0);
      source.raise(device);
      await rig.quiet();
      assert.equal(line.ups, 0);
      assert.equal(rig.handledByKernel, 0);
      device.unmaskLine(0);
      await rig.until('interrupt', () => line.ups === 1);
      source.clear(device);
      await rig.quiet();
      assertExactly(rig, 1);
      rig.close();
    });

    it('start afresh after a reset of the machine', async () => {
      const rig = await Rig.open(source.name, eoiOptions(source, 'register'), source.hush);
      const { device, line } = rig;
      source.raise(device);
      await rig.until('interrupt', () => line.high);
      // The handler never ran. VFIO cannot reset this device: its line is high as before, and unmasked.
      device.reset();
      assert.equal(device.resettable, false);
      await rig.until('interrupt', () => line.ups === 2);
      source.clear(device);
      await rig.quiet();
      assert.equal(line.high, false);
      assert.equal(rig.handledByKernel, 2);
      rig.close();
    });

    it('start afresh after the device was closed in the middle of one', async () => {
      for (let times = 0; times < 3; times++) {
        const rig = await Rig.open(source.name, eoiOptions(source, 'register'), source.hush);
        source.raise(rig.device);
        await rig.until('interrupt', () => rig.line.high);
        assert.equal(rig.line.ups, 1);
        rig.close();
        assert.equal(rig.line.high, false);
        const left = rig.host.kernel.resources();
        assert.deepEqual(left, { fds: 0, eventfds: 0, mappings: 0, dmaMappings: 0, watches: 0 });
      }
    });
  });
}
