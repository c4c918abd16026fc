import { describe, expect, test } from 'vitest';
import type { DoorbellMemory } from '../../../host/boundary/kernel';
import type { DeviceOptions } from '../../../host/options/options';
import { edges, ProbeDevice } from './models';
import { Rig } from './rig';

/** An open device with one edge line, and the memory through which a thread rings for it. */
async function start(options: DeviceOptions = {}) {
  const rig = new Rig();
  rig.add(new ProbeDevice({ lines: edges(1) }));
  const { watch } = rig.host.kernel;
  let doorbell: DoorbellMemory | undefined;
  rig.host.kernel.watch = (fd, target, line) => {
    doorbell = target.memory;
    return watch.call(rig.host.kernel, fd, target, line);
  };
  const { device, lines } = await rig.start(options);
  if (doorbell === undefined) throw new Error('no line was watched');
  const words = new Int32Array(doorbell.memory.buffer);
  const { summary, words: bits, counts } = doorbell;
  return {
    device,
    lines,
    add: () => Atomics.add(words, counts >>> 2, 1),
    announce() {
      Atomics.or(words, bits >>> 2, 1);
      Atomics.or(words, summary >>> 2, 1);
    },
  };
}

describe('a thread that rings while the core answers', () => {
  // The core has taken the line's bit; the thread adds its signal and announces
  // it; the core takes the count of both. The bit then stands for nothing.
  test.each(['strict', 'qemu'] as const)('interrupts as often as it rang: %s', async (policy) => {
    const { device, lines, add, announce } = await start({ policy, mmapTimeoutMs: 0 });
    add();
    announce();
    device.safePoint();
    device.read(0, 0, 4);
    expect(lines.take()).toEqual(['+0', '-0']);
    announce();
    device.safePoint();
    expect(lines.take()).toEqual([]);
    expect(device.lines[0]?.statistics).toMatchObject({ signals: 1, spurious: 0 });
  });
});
