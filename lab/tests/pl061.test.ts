import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import type { VfioPlatformDevice } from '../../host/index';
import { askBoard } from '../guest/ports';
import { pl061 } from '../guest/registers';
import { prepareDevices, Rig } from '../guest/rig';
import { board } from '../scenarios/scenario';

const PIN = 5;
const BIT = 1 << PIN;

before(prepareDevices);

const pin = (high: boolean) => askBoard({ do: 'pin', pin: PIN, high });

/** Pin 5 is an input, low, and makes interrupts as the settings say. */
async function open(
  settings: readonly (readonly [register: number, value: number])[],
): Promise<Rig> {
  pin(false);
  const hush = (device: VfioPlatformDevice) => {
    device.write(0, pl061.GPIOIE, 1, 0);
    device.write(0, pl061.GPIODIR, 1, 0);
    for (const register of [pl061.GPIOIS, pl061.GPIOIBE, pl061.GPIOIEV])
      device.write(0, register, 1, 0);
    for (const [register, value] of settings) device.write(0, register, 1, value);
    device.write(0, pl061.GPIOIC, 1, 0xff);
    device.write(0, pl061.GPIOIE, 1, BIT);
  };
  return Rig.open(board.gpio, {}, hush);
}

describe('the PL061, its pins driven from outside', () => {
  it('shows their levels', async () => {
    const rig = await open([]);
    for (const high of [true, false, true, false]) {
      pin(high);
      assert.equal(rig.read(pl061.GPIODATA, 1) & BIT, high ? BIT : 0);
    }
    rig.close();
  });

  it('interrupts once for each rising edge, 200 of them', async () => {
    const rig = await open([[pl061.GPIOIEV, BIT]]);
    rig.line.handler = () => {
      assert.equal(rig.read(pl061.GPIOMIS, 1), BIT);
      rig.write(pl061.GPIOIC, BIT, 1);
    };
    for (let edge = 1; edge <= 200; edge++) {
      pin(true);
      await rig.until('interrupt', () => rig.line.downs === edge);
      pin(false);
    }
    await rig.quiet();
    assert.equal(rig.line.ups, 200);
    assert.equal(rig.handledByKernel, 200);
    assert.equal(rig.counted.signals, 200);
    rig.close();
  });

  it('interrupts for both edges', async () => {
    const rig = await open([[pl061.GPIOIBE, BIT]]);
    rig.line.handler = () => rig.write(pl061.GPIOIC, BIT, 1);
    for (let edge = 1; edge <= 20; edge++) {
      pin(edge % 2 === 1);
      await rig.until('interrupt', () => rig.line.downs === edge);
    }
    await rig.quiet();
    assert.equal(rig.line.ups, 20);
    assert.equal(rig.handledByKernel, 20);
    rig.close();
  });

  it('interrupts again and again for as long as a level lasts', async () => {
    const rig = await open([
      [pl061.GPIOIS, BIT],
      [pl061.GPIOIEV, BIT],
    ]);
    await rig.quiet();
    assert.equal(rig.line.ups, 0);
    // A level cannot be cleared; this handler only looks.
    rig.line.handler = () => rig.write(pl061.GPIOIC, BIT, 1);
    pin(true);
    await rig.until('storm', () => rig.line.ups >= 100);
    pin(false);
    await rig.quiet();
    const { ups } = rig.line;
    await rig.quiet();
    assert.equal(rig.line.ups, ups);
    assert.equal(rig.handledByKernel, ups);
    rig.close();
  });

  it('merges edges that come while one is handled, and loses none after it', async () => {
    const rig = await open([[pl061.GPIOIEV, BIT]]);
    askBoard({ do: 'pulses', pin: PIN, times: 50 });
    await rig.until('interrupt', () => rig.line.high);
    assert.equal(rig.line.ups, 1);
    rig.write(pl061.GPIOIC, BIT, 1);
    askBoard({ do: 'pulses', pin: PIN, times: 1 });
    await rig.until('interrupt', () => rig.line.ups === 2);
    rig.write(pl061.GPIOIC, BIT, 1);
    await rig.quiet();
    assert.equal(rig.line.ups, 2);
    assert.equal(rig.handledByKernel, 2);
    rig.close();
  });

  it("hears the board's power button, a pulse on pin 3", async () => {
    const rig = await open([[pl061.GPIOIEV, 8]]);
    rig.write(pl061.GPIOIE, 8, 1);
    // The board does not always pass a press on; one that the pin has seen must interrupt.
    for (let presses = 1; rig.line.ups === 0; presses++) {
      askBoard({ do: 'monitor', command: 'system_powerdown' });
      const heard = rig.until('interrupt', () => rig.line.ups > 0, 5_000);
      await heard.catch((error: unknown) => {
        if (presses === 4 || (rig.read(pl061.GPIORIS, 1) & 8) !== 0) throw error;
      });
    }
    assert.equal(rig.read(pl061.GPIOMIS, 1), 8);
    rig.write(pl061.GPIOIC, 8, 1);
    await rig.quiet();
    assert.equal(rig.line.ups, 1);
    rig.close();
  });
});
