// Signal + trapped access with EOI, as the C baseline measures it.
import { openDevice } from 'vfio-platform-wasm';
import { CountingLine, countingHost } from './counting-host.mjs';

/**
 * A device whose interrupts can be run through in a loop.
 * @param {number} lines
 * @param {'edge' | 'level'} trigger
 */
export async function interruptLoop(lines, trigger) {
  const { host, work, clock, ring } = countingHost(lines, trigger);
  const device = await openDevice(host, { host: 'bench', stallLimitMs: 0 }, { clock });
  for (let line = 0; line < lines; line++) {
    device.connectLine(line, new CountingLine(work));
  }
  let expected = 0;
  /**
   * Checks that every interrupt was one: a run that did less work is no result.
   * @param {number} count
   */
  const check = (count) => {
    expected += count;
    const { ups, downs, unmasks, accesses } = work;
    const wanted = [expected, expected, trigger === 'level' ? expected : 0, expected];
    if ([ups, downs, unmasks, accesses].join() !== wanted.join()) {
      throw new Error(`bench: ${[ups, downs, unmasks, accesses]} instead of ${wanted}`);
    }
  };
  /** @param {number} count interrupts; gives ns per interrupt */
  const run = (count) => {
    let line = 0;
    const start = process.hrtime.bigint();
    for (let i = 0; i < count; i++) {
      device.signal(line, 1);
      device.read(0, (i & 1023) << 2, 4);
      line++;
      if (line === lines) line = 0;
    }
    const ns = Number(process.hrtime.bigint() - start) / count;
    check(count);
    return ns;
  };
  /** The same, but the signal comes through the doorbell and a safe point. */
  const runThroughDoorbell = (count) => {
    let line = 0;
    const start = process.hrtime.bigint();
    for (let i = 0; i < count; i++) {
      ring(line);
      device.safePoint();
      device.read(0, (i & 1023) << 2, 4);
      line++;
      if (line === lines) line = 0;
    }
    const ns = Number(process.hrtime.bigint() - start) / count;
    check(count);
    return ns;
  };
  return { device, work, run, runThroughDoorbell };
}
