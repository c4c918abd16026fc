import { MemoryDevice } from '../../sim/models';
import { SimulatedHost } from '../../sim/simulated-host';
import type { Machine } from '../contract';
import { plug } from '../plug';
import { type ConformanceTarget, type Duty, reach, same, settle } from './subject';

const ROUNDS = 25;

/** A device of a simulated host in the machine: region 0 is memory, region 1 lowers its lines. */
async function plugIn(machine: Machine, trigger: 'level' | 'edge', input: number, base: number) {
  const host = new SimulatedHost({ clock: machine.clock });
  const size = Math.max(0x1000, machine.capabilities.mmioGranule);
  const model = new MemoryDevice({ lines: [trigger], regions: [{ size }], doorbell: true });
  host.addDevice({ name: 'conformance', model });
  const plugged = await plug(host, { host: 'conformance' }, machine, {
    regions: { 0: base, 1: base + size },
    lines: { 0: input },
  });
  /** Bit 0 of this register is the line. */
  return { host, model, clear: base + size + 8, ...plugged };
}

async function interrupts(
  target: ConformanceTarget,
  trigger: 'level' | 'edge',
  input: number,
  base: number,
): Promise<void> {
  const { host, model, device, clear, unplug } = await plugIn(target.machine, trigger, input, base);
  target.start({
    inputs: [{ input, trigger, clear }],
    accesses: [{ direction: 'write', width: 4, address: base + 16, value: 0xdead_beef }],
    idle: 'halted',
  });
  await reach(target, () => target.finished, 'the start of the guest');
  const { buffer, byteOffset } = model.bytes(0);
  same(
    new DataView(buffer, byteOffset).getUint32(16, true),
    0xdead_beef,
    'what the guest has written to the device',
  );
  for (let round = 1; round <= ROUNDS; round++) {
    if (trigger === 'level') model.setLevel(0);
    else model.pulse(0);
    await reach(target, () => target.handled(input) >= round, `interrupt ${round} of the device`);
    await reach(target, () => device.lines[0]?.state === 'inactive', `completion ${round}`);
  }
  await settle(target);
  same(target.handled(input), ROUNDS, 'interrupts of the device');
  const { signals, injections, completions } = device.lines[0]?.statistics ?? {};
  same(
    { signals, injections, completions },
    { signals: ROUNDS, injections: ROUNDS, completions: ROUNDS },
    'what the plugin counted',
  );
  unplug();
  const left = Object.values(host.kernel.resources()).reduce((sum, count) => sum + count, 0);
  same(left, 0, 'what is left open after unplugging');
}

export const deviceDuties: readonly Duty[] = [
  {
    name: 'a device that is plugged in works: registers, level interrupts, unplugging',
    needs: 'levelInput',
    check: (target, { base, levelInput: input = 0 }) => interrupts(target, 'level', input, base),
  },
  {
    name: 'a device that is plugged in works: registers, edge interrupts, unplugging',
    needs: 'edgeInput',
    check: (target, { base, edgeInput: input = 0 }) => interrupts(target, 'edge', input, base),
  },
];
