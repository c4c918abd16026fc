import { readFileSync } from 'node:fs';
import { RP2040 } from 'rp2040js';
import { describe, expect, it } from 'vitest';
import { plug } from '../../host/machines/plug';
import { bootFirmware, Rp2040Machine, runUntil } from '../../host/machines/rp2040js';
import { type ModelEnvironment, Pl031 } from '../../host/sim/models';
import { SimulatedHost } from '../../host/sim/simulated-host';
import type { Clock } from '../../host/time/clock';
import { storiesDevices } from './stories-devices';

const IMAGE = readFileSync(new URL('../../firmware/stories.bin', import.meta.url));
const MS = 1e6;
const RESULT = 0x2000_0000;
const RESULT_MAGIC = 0x454e4f44;
const RTCMR = 0x004;

/** Where the guest stands still while the device's time goes on, and for how long. */
interface Stall {
  readonly when: 'before' | 'after';
  readonly ms: number;
}

/**
 * A PL031 whose guest gets no processor for a while around every second write of RTCMR: RTCDR goes on
 * meanwhile, as it does on v86 and on a real board when the host is busy.
 */
class StalledPl031 extends Pl031 {
  /** Writes of RTCMR. */
  aims = 0;
  readonly #stall: Stall;
  #stalledNs = 0;

  constructor(stall: Stall) {
    super({ tickNs: MS });
    this.#stall = stall;
  }

  override connect(environment: ModelEnvironment): void {
    const { clock } = environment;
    const late: Clock = {
      nowNs: () => clock.nowNs() + this.#stalledNs,
      setTimer: (delayNs, fire) => clock.setTimer(delayNs, fire),
    };
    super.connect({ ...environment, clock: late });
  }

  protected override writeWord(offset: number, value: number, strobes: number): void {
    const stalls = offset === RTCMR && this.aims++ % 2 === 0;
    if (stalls && this.#stall.when === 'before') this.#stalledNs += this.#stall.ms * MS;
    super.writeWord(offset, value, strobes);
    if (stalls && this.#stall.when === 'after') this.#stalledNs += this.#stall.ms * MS;
  }
}

async function runStories(stall: Stall) {
  const chip = new RP2040();
  const machine = new Rp2040Machine(chip);
  const host = new SimulatedHost({ clock: machine.clock });
  const clock = new StalledPl031(stall);
  const { pl061, pl011, outside } = storiesDevices(machine.clock);
  const plugged = [];
  const rtc = host.addDevice({ name: 'rtc', model: clock, bus: 'amba' });
  host.addDevice({ name: 'gpio', model: pl061, bus: 'amba' });
  host.addDevice({ name: 'uart', model: pl011, bus: 'amba' });
  for (const [index, name] of ['rtc', 'gpio', 'uart'].entries()) {
    plugged.push(
      await plug(host, { host: name }, machine, {
        regions: { 0: 0x6000_0000 + 0x4000 * index },
        lines: { 0: 20 + index },
      }),
    );
  }
  bootFirmware(machine, IMAGE);
  runUntil(machine, () => chip.readUint32(RESULT) === RESULT_MAGIC, 30_000 * MS);
  const { signals } = rtc.line(0);
  for (const { unplug } of plugged) unplug();
  return { said: outside.lines, signals, aims: clock.aims };
}

const stalls: Stall[] = (['before', 'after'] as const).flatMap((when) =>
  [1, 2, 3, 50].map((ms) => ({ when, ms })),
);

describe('the stories on a board whose host is busy', () => {
  it.each(stalls)(
    'set their five alarms with $ms ms lost $when RTCMR is written',
    async (stall) => {
      const { said, signals, aims } = await runStories(stall);
      expect(said.filter((line) => line.startsWith('FAIL'))).toEqual([]);
      expect(said).toContain('rtc alarms=5 masked=1');
      expect(signals).toBe(5);
      // An alarm that has been missed is set once more, and then no time is lost.
      expect(aims).toBe(stall.ms >= 2 ? 10 : 5);
    },
  );
});
