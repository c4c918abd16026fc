import assert from 'node:assert/strict';
import { type Machine, type PluggedDevice, plug } from '../../host/index';
import { NativeHost } from '../../host/native/index';
import { Pl011, Pl031, Pl061, SimulatedHost } from '../../host/sim/index';
import { StoriesOutside } from '../../test/machines/stories-outside';
import { board } from '../scenarios/scenario';
import { askBoard } from './ports';

/** Where the firmware of a machine looks for its devices (firmware/README.md). */
export interface Place {
  readonly name: string;
  readonly base: number;
  readonly input: number;
}

/** In the order of the firmware's counters. */
export const DEVICES = [board.rtc, board.gpio, board.uart] as const;

const MS = 1e6;

/** The devices of the stories, and the world around them. */
export interface StoriesWorld {
  readonly outside: StoriesOutside;
  readonly plugged: readonly PluggedDevice[];
  /** Takes the devices out of the machine. */
  end(): void;
}

/**
 * Plugs the three devices of the stories into a machine. The UART is always
 * simulated, for it is also the firmware's voice; the clock and the GPIO are
 * the simulated host's or the board's own.
 */
export async function storiesWorld(
  machine: Machine,
  places: readonly Place[],
  real: boolean,
): Promise<StoriesWorld> {
  const { clock } = machine;
  const simulated = new SimulatedHost({ clock });
  const gpio = new Pl061();
  const uart = new Pl011({ onTransmit: (byte) => outside.hear(byte) });
  const outside = new StoriesOutside({
    clock,
    setPin: (pin, high) => {
      if (real) askBoard({ do: 'pin', pin, high });
      else gpio.setPin(pin, high);
    },
    sendToUart: (bytes) => uart.receive(bytes),
  });
  simulated.addDevice({ name: board.uart, bus: 'amba', model: uart });
  const native = real ? new NativeHost() : undefined;
  if (native !== undefined) {
    native.keepAlive(true);
    for (let pin = 0; pin < 8; pin++) askBoard({ do: 'pin', pin, high: false });
  } else {
    simulated.addDevice({ name: board.rtc, bus: 'amba', model: new Pl031({ tickNs: MS }) });
    simulated.addDevice({ name: board.gpio, bus: 'amba', model: gpio });
  }
  const plugged: PluggedDevice[] = [];
  for (const { name, base, input } of places) {
    const host = name === board.uart ? simulated : (native ?? simulated);
    plugged.push(
      await plug(host, { host: name, stallLimitMs: 0 }, machine, {
        regions: { 0: base },
        lines: { 0: input },
      }),
    );
  }
  const end = () => {
    for (const { unplug } of plugged) unplug();
    native?.keepAlive(false);
  };
  return { outside, plugged, end };
}

/** What can be seen of a run, but for its timing. */
export interface Seen {
  readonly said: readonly string[];
  readonly failures: number;
  /** Interrupts that the firmware handled: PL031, PL061, PL011. */
  readonly handled: readonly number[];
  readonly spurious: number;
}

/** The words in which the firmware leaves its results, after the first. */
export function seenIn(words: ArrayLike<number>, { outside }: StoriesWorld): Seen {
  const [failures, rtc, pins, serial, spurious] = Array.from(
    { length: 5 },
    (_, at) => words[at + 1],
  ) as [number, number, number, number, number];
  return { said: outside.lines, failures, handled: [rtc, pins, serial], spurious };
}

/** Nothing was lost on the way from the devices into the machine and back. */
export function assertNothingLost({ plugged }: StoriesWorld): void {
  for (const { device } of plugged) {
    const [line] = device.lines;
    assert.ok(line);
    const { signals, injections, completions, spurious, unexpected } = line.statistics;
    assert.deepEqual([injections, completions, spurious, unexpected], [signals, signals, 0, 0]);
    assert.equal(device.statistics.failed, 0);
  }
}

/**
 * The run on the board's devices is that on the simulated ones. Two things may
 * differ. The board's PL031 is a later revision than the model's (bits 23:20 of
 * its id). And a line that is unmasked before its cause is cleared, as by the
 * GPIO handler's write of GPIOIE, signals once more: here that arrives after the
 * cause is gone, so the handler runs and finds nothing.
 */
export function assertSameStories(
  seen: Seen,
  expected: Seen,
  comparable: (line: string) => string = (line) => line,
): void {
  const shown = (line: string) =>
    comparable(line)
      .replace(/^id pl031=00.41031/, 'id pl031=00.41031')
      .replace(/^(DONE .*)spurious=\d+/, '$1spurious=N');
  assert.deepEqual(seen.said.map(shown), expected.said.map(shown));
  assert.equal(expected.spurious, 0);
  const [, pins = 0] = seen.handled;
  assert.ok(seen.spurious <= pins, `${seen.spurious} spurious interrupts`);
  assert.deepEqual(seen.handled.slice(0, 2), expected.handled.slice(0, 2));
  assert.deepEqual([seen.failures, expected.failures], [0, 0]);
}
