import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { pl031 } from '../guest/registers';
import { prepareDevices, Rig } from '../guest/rig';
import { board } from '../scenarios/scenario';

/** The identification registers of a PrimeCell, the same on every read. */
const IDS = [0xfe0, 0xfe4, 0xfe8, 0xfec, 0xff0, 0xff4, 0xff8, 0xffc];

before(prepareDevices);

describe('accesses', () => {
  for (const [name, part] of [
    [board.rtc, 0x31],
    [board.gpio, 0x61],
    [board.uart, 0x11],
  ] as const) {
    it(`${name} answers in the same way mapped and unmapped, at every width`, async () => {
      const read = async (xNoMmap: boolean) => {
        const rig = await Rig.open(name, { xNoMmap });
        assert.equal(rig.device.regions[0]?.mapped.length, xNoMmap ? 0 : 1);
        const values = IDS.flatMap((offset) => [1, 2, 4].map((width) => rig.read(offset, width)));
        const wide = rig.device.read64(0, 0xfe0);
        const { reads, failed, refused } = rig.device.statistics;
        rig.close();
        assert.deepEqual([reads, failed, refused], [IDS.length * 3 + 1, 0, 0]);
        return { values, wide };
      };
      const mapped = await read(false);
      assert.deepEqual(await read(true), mapped);
      assert.equal(mapped.values[0], part);
      // B105F00D, the mark of a PrimeCell.
      assert.deepEqual(
        [12, 15, 18, 21].map((index) => mapped.values[index]),
        [0x0d, 0xf0, 0x05, 0xb1],
      );
      assert.equal(mapped.wide, (0x10n << 32n) | BigInt(part));
    });
  }

  for (const xNoMmap of [false, true]) {
    it(`of the guest go no further than the region, ${xNoMmap ? 'unmapped' : 'mapped'}`, async () => {
      const rig = await Rig.open(board.rtc, { xNoMmap });
      for (const [offset, width] of [
        [0x1000, 4],
        [0xffe, 4],
        [0xffffffff, 1],
        [0, 3],
        [-4, 4],
      ] as const) {
        assert.equal(rig.read(offset, width), width === 1 ? 0xff : 0xffffffff);
        rig.write(offset, 0, width);
      }
      assert.equal(rig.device.statistics.refused, 10);
      assert.ok(rig.events.some((event) => event.type === 'access-failed'));
      rig.close();
    });

    it(`write registers that keep their value, ${xNoMmap ? 'unmapped' : 'mapped'}`, async () => {
      const rig = await Rig.open(board.rtc, { xNoMmap });
      rig.write(pl031.RTCIMSC, 0);
      for (const value of [0xffffffff, 0, 0x12345678, 0x80000000]) {
        rig.write(pl031.RTCMR, value);
        assert.equal(rig.read(pl031.RTCMR), value);
      }
      rig.close();
    });
  }

  it('a region of less than a page is served by pread and pwrite', async () => {
    const rig = await Rig.open(board.slot);
    assert.equal(rig.device.regions[0]?.size, 0x200n);
    assert.deepEqual(rig.device.regions[0]?.mapped, []);
    // "virt"
    assert.equal(rig.read(0), 0x74726976);
    assert.equal(rig.read(0x200), 0xffffffff);
    rig.close();
  });
});
