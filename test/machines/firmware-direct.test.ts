import { readFileSync } from 'node:fs';
import { RP2040 } from 'rp2040js';
import { describe, expect, it } from 'vitest';
import { bootFirmware, Rp2040Machine, runUntil } from '../../host/machines/rp2040js';
import { type DeviceModel, type ModelWidth, Pl011, Pl031, Pl061 } from '../../host/sim/models';
import { SeededRandom } from '../../host/sim/random';
import { StoriesOutside } from './stories-outside';

const IMAGE = readFileSync(new URL('../../firmware/stories.bin', import.meta.url));
const MS = 1e6;
const RESULT = 0x2000_0000;
const RESULT_MAGIC = 0x454e4f44;

interface Faults {
  /** The outside does nothing that it is asked for. */
  readonly deaf?: boolean;
  /** A line that never goes down again. */
  readonly stuckLine?: number;
  readonly tickNs?: number;
}

/** The stories with the models wired straight to the machine: no VFIO, no plugin. */
function runStories(options: Faults = {}) {
  const chip = new RP2040();
  const machine = new Rp2040Machine(chip);
  const trace: string[] = [];

  const connect = (model: DeviceModel, base: number, line: number) => {
    const input = machine.line(line);
    model.connect({
      clock: machine.clock,
      random: new SeededRandom(1),
      dma: { read: () => false, write: () => false },
      setLine: (_, high) => {
        trace.push(`${machine.clock.nowNs()} line ${line} ${high}`);
        if (high) input.up();
        else if (line !== options.stuckLine) input.down();
      },
    });
    machine.mapMmio(base, 0x1000, {
      read: (offset, width) => {
        const value = model.read(0, offset, width as ModelWidth);
        trace.push(`${machine.clock.nowNs()} read${width} ${line}+${offset} ${value}`);
        return value;
      },
      write: (offset, width, value) => {
        trace.push(`${machine.clock.nowNs()} write${width} ${line}+${offset} ${value}`);
        model.write(0, offset, width as ModelWidth, value);
      },
    });
  };

  const pl061 = new Pl061();
  const pl011 = new Pl011({ onTransmit: (byte) => outside.hear(byte) });
  const outside = new StoriesOutside({
    clock: machine.clock,
    setPin: (pin, high) => !options.deaf && pl061.setPin(pin, high),
    sendToUart: (bytes) => !options.deaf && pl011.receive(bytes),
  });
  connect(new Pl031({ tickNs: options.tickNs ?? MS }), 0x6000_0000, 20);
  connect(pl061, 0x6000_4000, 21);
  connect(pl011, 0x6000_8000, 22);
  machine.onSafePoint(() => {});

  bootFirmware(machine, IMAGE);
  const word = (index: number) => chip.readUint32(RESULT + 4 * index);
  const done = () => word(0) === RESULT_MAGIC && chip.core.waiting;
  const elapsedNs = runUntil(machine, done, 30_000 * MS);
  const [, failures, rtc, gpio, uart, spurious] = [0, 1, 2, 3, 4, 5].map(word);
  return { lines: outside.lines, trace, elapsedNs, failures, rtc, gpio, uart, spurious };
}

describe('the firmware stories on models alone', () => {
  it('pass, in less than 200 ms of guest time', () => {
    const { lines, elapsedNs, ...result } = runStories();
    expect(lines.filter((line) => line.startsWith('FAIL'))).toEqual([]);
    expect(lines[0]).toBe('id pl031=00041031 pl061=00041061 pl011=00241011');
    expect(lines).toContain('rtc alarms=5 masked=1');
    expect(lines).toContain('gpio rise fall both high low many');
    expect(lines).toContain('echo hello');
    expect(lines.at(-1)).toBe(
      `DONE rtc=${result.rtc} gpio=${result.gpio} uart=${result.uart} spurious=0 failures=0`,
    );
    expect(result).toMatchObject({ failures: 0, rtc: 5, spurious: 0 });
    expect(result.gpio).toBeGreaterThanOrEqual(11);
    expect(result.uart).toBeGreaterThan(10);
    expect(elapsedNs).toBeLessThan(200 * MS);
  });

  it('are the same run each time: every access and every line, to the nanosecond', () => {
    const once = runStories();
    const again = runStories();
    expect(again.elapsedNs).toBe(once.elapsedNs);
    expect(again.trace.join('\n') === once.trace.join('\n')).toBe(true);
  });

  it('end with failures, not in a hang, when the outside does not answer', () => {
    const { lines, failures } = runStories({ deaf: true });
    expect(lines).toContain('FAIL gpio nobody drives the pins');
    expect(lines).toContain('FAIL rx no line came');
    expect(failures).toBe(4);
    expect(lines.at(-1)).toMatch(/^DONE .* failures=4$/);
  });

  it.each([20_000, 1e9])('pass whatever the tick of the PL031 is: %d ns', (tickNs) => {
    expect(runStories({ tickNs })).toMatchObject({ failures: 0, rtc: 5 });
  });

  it.each([20, 21, 22])('survive and report line %d stuck high', (stuckLine) => {
    const { lines, failures, spurious } = runStories({ stuckLine });
    expect(lines).toContain('FAIL all interrupts without a cause');
    expect(spurious).toBeGreaterThanOrEqual(1000);
    expect(failures).toBeGreaterThan(1);
  });
});
