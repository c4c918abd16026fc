import { ABI_VERSION } from '../../../assembly/boundary/version';
import { STATE_END, STATE_START } from '../../../assembly/state/layout';
import type { CoreMemory } from '../../core/core-memory';
import type { VfioPlatformDevice } from '../../device/device';
import { encodeCheckpoint, type RamMapping } from '../format/checkpoint';
import type { WindowNumbers } from '../format/windows';

/** Keeps what a checkpoint must say besides the core's state. */
export class Checkpointer {
  timerRuns = false;
  timerUsed = false;
  windows: WindowNumbers | undefined;
  /** Lines that are connected, with their input of the irqchip plus one. */
  readonly #lines = new Map<number, number>();
  readonly #rams: RamMapping[] = [];
  /** Guest RAM was unmapped: handles have gaps then, which a checkpoint cannot tell. */
  #gaps = false;

  /** Notes what the host connects and maps from now on. */
  follow(device: VfioPlatformDevice): void {
    const { connectLine, disconnectLine, mapGuestRam, unmapGuestRam } = device;
    device.connectLine = (line, target, gsi) => {
      try {
        connectLine.call(device, line, target, gsi);
      } finally {
        // Also where the machine threw: the line goes to it all the same.
        const armed = !device.closed && device.lines[line]?.armed !== 'no';
        if (armed && line in device.lines) this.#lines.set(line, gsi === undefined ? 0 : gsi + 1);
      }
    };
    device.disconnectLine = (line) => {
      try {
        disconnectLine.call(device, line);
      } finally {
        if (device.closed || device.lines[line]?.armed === 'no') this.#lines.delete(line);
      }
    };
    device.mapGuestRam = (ram, iova, writable = true) => {
      mapGuestRam.call(device, ram, iova, writable);
      this.#rams.push({ size: ram.bytes.length, iova, writable });
    };
    device.unmapGuestRam = (iova) => {
      this.#gaps = true;
      return unmapGuestRam.call(device, iova);
    };
  }

  /** The checkpoint as bytes; undefined where there can be none. */
  take(memory: CoreMemory): Uint8Array | undefined {
    if (this.#gaps) return undefined;
    return encodeCheckpoint({
      abi: ABI_VERSION,
      timerRuns: this.timerRuns,
      timerUsed: this.timerUsed,
      lines: [...this.#lines].sort(([a], [b]) => a - b),
      rams: this.#rams,
      windows: this.windows?.list() ?? [],
      state: memory.words.subarray(STATE_START >>> 2, (STATE_END + 3) >>> 2),
    });
  }
}
