import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { askBoard } from '../guest/ports';
import { pl011, sources } from '../guest/registers';
import { prepareDevices, Rig } from '../guest/rig';
import type { UartTaken } from '../protocol';
import { board } from '../scenarios/scenario';

const source = sources.find(({ name }) => name === board.uart);
const TRANSMITTED = 100_000;
const RECEIVED = 5_000;

before(prepareDevices);

describe('the PL011', () => {
  it(`interrupts for each of ${TRANSMITTED} characters that it sends, and none is lost or comes twice`, async () => {
    assert.ok(source);
    const rig = await Rig.open(source.name, {}, source.hush);
    const { device, line } = rig;
    askBoard({ do: 'uart-taken' });
    let sent = 0;
    line.handler = () => {
      source.clear(device);
      if (sent === TRANSMITTED) return;
      sent++;
      device.write(0, pl011.UARTDR, 2, 0x20 + (sent % 64));
    };
    const start = performance.now();
    sent++;
    device.write(0, pl011.UARTDR, 2, 0x21);
    await rig.until('last interrupt', () => line.ups === TRANSMITTED, 220_000);
    const seconds = (performance.now() - start) / 1000;
    await rig.quiet();
    console.log(`${Math.round(TRANSMITTED / seconds)} interrupts a second into JavaScript`);
    assert.equal(line.ups, TRANSMITTED);
    assert.equal(rig.handledByKernel, TRANSMITTED);
    const { signals, injections, completions, coalesced, spurious, unexpected } = rig.counted;
    assert.deepEqual([signals, injections, completions], [TRANSMITTED, TRANSMITTED, TRANSMITTED]);
    assert.deepEqual([coalesced, spurious, unexpected], [0, 0, 0]);
    // The other end of the wire has counted, too.
    const { count, wrong } = askBoard({ do: 'uart-taken' }) as UartTaken;
    assert.deepEqual({ count, wrong }, { count: TRANSMITTED, wrong: 0 });
    rig.close();
  });

  it(`receives ${RECEIVED} characters from outside by interrupts`, async () => {
    const rig = await Rig.open(board.uart, {}, (device) => {
      device.write(0, pl011.UARTIMSC, 2, 0);
      // Without FIFO: an interrupt for each character.
      device.write(0, pl011.UARTLCR_H, 2, 0x60);
      device.write(0, pl011.UARTCR, 2, 0x301);
      while ((device.read(0, pl011.UARTFR, 2) & pl011.RXFE) === 0) device.read(0, pl011.UARTDR, 2);
      device.write(0, pl011.UARTICR, 2, 0x7ff);
      device.write(0, pl011.UARTIMSC, 2, pl011.RX);
    });
    const { device, line } = rig;
    const bytes: number[] = [];
    line.handler = () => {
      // Cleared before the data is taken: a character that comes in between interrupts again.
      device.write(0, pl011.UARTICR, 2, pl011.RX);
      while ((device.read(0, pl011.UARTFR, 2) & pl011.RXFE) === 0) {
        bytes.push(device.read(0, pl011.UARTDR, 2) & 0xff);
      }
    };
    const sent = Array.from({ length: RECEIVED }, (_, index) => (index * 7) & 0xff);
    askBoard({ do: 'uart-send', bytes: sent });
    await rig.until('characters', () => bytes.length >= RECEIVED, 60_000);
    await rig.quiet();
    assert.deepEqual(bytes, sent);
    assert.equal(rig.handledByKernel, line.ups);
    assert.equal(rig.counted.completions, line.ups);
    assert.equal(line.high, false);
    rig.close();
  });
});
