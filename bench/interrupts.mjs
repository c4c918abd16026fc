// Signal + trapped access with EOI, as the C baseline measures it.
import { openDevice } from 'vfio-platform-wasm';
import { countingHost } from './counting-host.mjs';

/**
 * A device whose interrupts can be run through in a loop.
 * @param {number} lines
 * @param {'edge' | 'level'} trigger
 */
export async function interruptLoop(lines, trigger) {
  const { host, work, clock } = countingHost(lines, trigger);
  const device = await openDevice(host, { host: 'bench', stallLimitMs: 0 }, { clock });
  for (let line = 0; line < lines; line++) {
    device.connectLine(line, {
      up: () => {
        work.ups++;
      },
      down: () => {
        work.downs++;
      },
    });
  }
  /** @param {number} count interrupts; gives ns per interrupt */
  const run = (count) => {
    let line = 0;
    const start = process.hrtime.bigint();
    for (let i = 0; i < count; i++) {
      device.signal(line, 1);
      device.read(0, 4, 4);
      line++;
      if (line === lines) line = 0;
    }
    return Number(process.hrtime.bigint() - start) / count;
  };
  return { device, work, run };
}
