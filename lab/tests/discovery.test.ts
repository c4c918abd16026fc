import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { before, describe, it } from 'node:test';
import { prepareDevices, Rig } from '../guest/rig';
import { board } from '../scenarios/scenario';

/** Cells of a device-tree property: big-endian words. */
function cells(device: string, property: string): number[] {
  const bus = existsSync(`/sys/bus/amba/devices/${device}`) ? 'amba' : 'platform';
  const bytes = readFileSync(`/sys/bus/${bus}/devices/${device}/of_node/${property}`);
  return Array.from({ length: bytes.length / 4 }, (_, index) => bytes.readUInt32BE(4 * index));
}

const LEVEL_HIGH = 4;

before(prepareDevices);

describe('what the package finds is what the device tree says', () => {
  for (const name of Object.values(board)) {
    it(name, async () => {
      const rig = await Rig.open(name);
      const { device } = rig;
      // Two cells each for address and size; three for an interrupt.
      const reg = cells(name, 'reg');
      assert.equal(device.regions.length, reg.length / 4);
      assert.equal(device.regions[0]?.size, (BigInt(reg[2] ?? 0) << 32n) | BigInt(reg[3] ?? 0));
      const interrupts = cells(name, 'interrupts');
      assert.equal(device.lines.length, interrupts.length / 3);
      const trigger = interrupts[2] === LEVEL_HIGH ? 'level' : 'edge';
      assert.equal(device.lines[0]?.trigger, trigger);
      assert.equal(device.lines[0]?.maskable, trigger === 'level');
      assert.equal(device.bus, existsSync(`/sys/bus/amba/devices/${name}`) ? 'amba' : 'platform');
      const bus = `/sys/bus/${device.bus}/devices/${name}/of_node/compatible`;
      assert.deepEqual(
        device.compatible,
        readFileSync(bus, 'utf8')
          .split('\0')
          .filter((entry) => entry !== ''),
      );
      // No driver can reset these, and whole pages are mapped.
      assert.equal(device.resettable, false);
      const whole = Number(device.regions[0]?.size) % 4096 === 0;
      assert.equal(device.regions[0]?.mapped.length, whole ? 1 : 0);
      assert.equal(device.regions[0]?.mapped[0]?.byHost, whole ? false : undefined);
      rig.close();
    });
  }
});
