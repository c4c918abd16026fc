import assert from 'node:assert/strict';
import { afterEach, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type DeviceOptions, openDevice, type VfioPlatformDevice } from '../../host/index';
import { NativeHost } from '../../host/native/index';
import { MemorySink, record, Trace } from '../../host/trace/index';
import { askBoard } from '../guest/ports';
import { RealClock } from '../guest/real-clock';
import { pl011, pl031, pl061, sources } from '../guest/registers';
import { GuestLine, prepareDevices } from '../guest/rig';
import type { Replayed } from '../protocol';
import { board } from '../scenarios/scenario';

const PATIENCE_MS = 20_000;

before(prepareDevices);
// Other files expect the pins to be low.
afterEach(lowerPins);

/** A device whose whole life is recorded. */
interface Session {
  readonly device: VfioPlatformDevice;
  readonly line: GuestLine;
  /** Waits until there have been so many interrupts. */
  interrupts(count: number): Promise<void>;
}

/** Opens a device of the board, does something with it, closes it: the bytes of the recording. */
async function recordSession(
  name: string,
  options: DeviceOptions,
  run: (session: Session) => Promise<void>,
): Promise<Uint8Array> {
  const sink = new MemorySink();
  const native = new NativeHost();
  const uuid = `${name} in the lab`;
  const quirks = ["a real device: QEMU's virt board, Linux's VFIO driver"];
  const host = record(native, { uuid, sink, quirks });
  const source = sources.find((each) => each.name === name);
  const clock = new RealClock();
  const device = await openDevice(host, { host: name, noiommu: true, ...options }, { clock });
  native.keepAlive(true);
  try {
    const line = new GuestLine();
    source?.hush(device);
    device.connectLine(0, line);
    device.onSignal = () => device.safePoint();
    device.safePoint();
    const interrupts = async (count: number) => {
      for (let ms = 0; line.ups < count; ms++) {
        if (ms > PATIENCE_MS) throw new Error(`${line.ups} of ${count} interrupts`);
        await sleep(1);
      }
    };
    await run({ device, line, interrupts });
  } finally {
    device.close();
    native.keepAlive(false);
  }
  host.finish();
  assert.equal(native.kernel.resources().fds, 0);
  return sink.bytes();
}

/** Has the other computer replay it, without the device: byte for byte the same recording again. */
function replayOutside(name: string, bytes: Uint8Array): void {
  const trace = Trace.open(bytes);
  assert.equal(trace.finalised, true);
  assert.equal(trace.verify(), undefined);
  const { machine, events, identical, divergence } = askBoard({
    do: 'replay',
    keepAs: name,
    trace: Buffer.from(bytes).toString('base64'),
  }) as Replayed;
  assert.equal(divergence, undefined);
  assert.notEqual(machine, process.arch);
  assert.equal(events, trace.totals.events);
  assert.ok(identical, 'the recording of the replay has other bytes');
  const average = (bytes.length / events).toFixed(2);
  console.log(`${name}: ${events} events, ${bytes.length} bytes (${average} an event)`);
}

function lowerPins(): void {
  for (let pin = 0; pin < 8; pin++) askBoard({ do: 'pin', pin, high: false });
}

describe('a device that is recorded here and replayed on another computer', () => {
  it('the PL031: alarms, a mask, a refused access', async () => {
    const bytes = await recordSession(board.rtc, {}, async ({ device, line, interrupts }) => {
      const { RTCDR, RTCMR, RTCIMSC, RTCRIS, RTCMIS, RTCICR } = pl031;
      line.handler = () => device.write(0, RTCICR, 4, 1);
      for (let alarm = 1; alarm <= 20; alarm++) {
        device.write(0, RTCMR, 4, device.read(0, RTCDR, 4));
        await interrupts(alarm);
      }
      device.write(0, RTCMR, 4, device.read(0, RTCDR, 4) + 1);
      await interrupts(21);
      device.write(0, RTCIMSC, 4, 0);
      device.write(0, RTCMR, 4, device.read(0, RTCDR, 4));
      assert.equal(device.read(0, RTCRIS, 4), 1);
      assert.equal(device.read(0, RTCMIS, 4), 0);
      device.write(0, RTCICR, 4, 1);
      assert.equal(device.read(0, 0x1000, 4), 0xffff_ffff);
      assert.equal(device.statistics.refused, 1);
      assert.equal(device.lines[0]?.statistics.signals, 21);
    });
    replayOutside(board.rtc, bytes);
  });

  it('the PL061: pins from outside, a line that stays high, completion by a register', async () => {
    const rule = { region: 0, offset: pl061.GPIOIC, access: 'write', line: 0 } as const;
    const options = { eoi: { rules: [rule] } } as const;
    const bytes = await recordSession(board.gpio, options, async ({ device, line, interrupts }) => {
      const { GPIOIS, GPIOIEV, GPIOIBE, GPIOIE, GPIOIC, GPIOMIS } = pl061;
      lowerPins();
      device.write(0, GPIOIE, 1, 0);
      device.write(0, GPIOIS, 1, 0);
      device.write(0, GPIOIBE, 1, 0xff);
      device.write(0, GPIOIC, 1, 0xff);
      device.write(0, GPIOIE, 1, 0xff);
      line.handler = () => device.write(0, GPIOIC, 1, device.read(0, GPIOMIS, 1));
      for (let edge = 1; edge <= 40; edge++) {
        askBoard({ do: 'pin', pin: edge % 4, high: edge % 8 < 4 });
        await sleep(5);
      }
      assert.ok(line.ups > 0 && line.downs === line.ups);
      // A pin that asks for an interrupt as long as it is low, and is.
      device.write(0, GPIOIE, 1, 0);
      device.write(0, GPIOIBE, 1, 0);
      device.write(0, GPIOIS, 1, 0x80);
      device.write(0, GPIOIEV, 1, 0);
      let left = 10;
      const { ups } = line;
      line.handler = () => {
        if (--left === 0) device.write(0, GPIOIE, 1, 0);
        device.write(0, GPIOIC, 1, 0xff);
      };
      device.write(0, GPIOIE, 1, 0x80);
      await interrupts(ups + 10);
    });
    replayOutside(board.gpio, bytes);
  });

  it('the PL011: characters both ways', async () => {
    const text = 'The quick brown fox jumps over the lazy dog. '.repeat(10);
    const bytes = await recordSession(board.uart, {}, async ({ device, line }) => {
      const { UARTDR, UARTFR, UARTIMSC, UARTICR, UARTLCR_H, RX, RXFE, TX } = pl011;
      device.write(0, UARTIMSC, 2, 0);
      device.write(0, UARTLCR_H, 2, 0x60);
      while ((device.read(0, UARTFR, 2) & RXFE) === 0) device.read(0, UARTDR, 2);
      device.write(0, UARTICR, 2, 0x7ff);
      askBoard({ do: 'uart-taken' });
      let heard = '';
      // An echo: what comes in goes out.
      line.handler = () => {
        device.write(0, UARTICR, 2, RX | TX);
        while ((device.read(0, UARTFR, 2) & RXFE) === 0) {
          const character = device.read(0, UARTDR, 2) & 0xff;
          heard += String.fromCharCode(character);
          device.write(0, UARTDR, 2, character);
        }
      };
      device.write(0, UARTIMSC, 2, RX);
      askBoard({ do: 'uart-send', bytes: [...Buffer.from(text)] });
      for (let ms = 0; heard.length < text.length; ms++) {
        if (ms > PATIENCE_MS) throw new Error(`heard ${heard.length} of ${text.length}`);
        await sleep(1);
      }
      assert.equal(heard, text);
      assert.equal((askBoard({ do: 'uart-taken' }) as { text: string }).text, text);
    });
    replayOutside(board.uart, bytes);
  });
});
