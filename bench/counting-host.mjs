// A host whose device is nothing but callbacks that count, as the callbacks of
// the C baseline do: what is left is the cost of the plugin itself.
import { MemoryDevice, SimulatedHost } from 'vfio-platform-wasm/sim';

/** What the callbacks have counted; the C baseline keeps the same account. */
export class Work {
  ups = 0;
  downs = 0;
  unmasks = 0;
  accesses = 0;
  sum = 0;
}

/** An interrupt input of a machine that only counts, with the functions of all others. */
export class CountingLine {
  /** @param {Work} work */
  constructor(work) {
    this.work = work;
  }

  up() {
    this.work.ups++;
  }

  down() {
    this.work.downs++;
  }
}

/** A mapped region that only counts its accesses. */
class CountingWindow {
  inMemory = false;

  /** @param {Work} work */
  constructor(work) {
    this.work = work;
    this.memory = Int32Array.from({ length: 1024 }, (_, i) => Math.imul(i, 2654435761));
  }

  /** @param {number} offset */
  read(offset) {
    const value = this.memory[(offset >>> 2) & 1023];
    this.work.accesses++;
    this.work.sum = (this.work.sum + value) | 0;
    return value;
  }

  write() {
    this.work.accesses++;
  }

  unmap() {}
}

/**
 * The simulated kernel, but for the two calls that the interrupt path makes:
 * the access to the device and the unmask of a level line.
 */
class CountingKernel {
  /** @param {object} kernel @param {Work} work */
  constructor(kernel, work) {
    this.kernel = kernel;
    this.work = work;
    for (const name of ['open', 'close', 'eventfd', 'ioctl', 'read', 'unwatch', 'resources']) {
      this[name] = kernel[name].bind(kernel);
    }
  }

  watch(fd, doorbell, line) {
    this.doorbell = doorbell;
    return this.kernel.watch(fd, doorbell, line);
  }

  mmap() {
    return new CountingWindow(this.work);
  }

  /** The one call for SET_IRQS with ACTION_UNMASK that a kernel may have, as the native one does. */
  unmask() {
    this.work.unmasks++;
    return 0;
  }
}

/**
 * @param {number} lines
 * @param {'edge' | 'level'} trigger
 */
export function countingHost(lines, trigger) {
  const work = new Work();
  const simulated = new SimulatedHost();
  simulated.addDevice({
    name: 'bench',
    model: new MemoryDevice({
      regions: [{ size: 0x1000, memory: false, mappable: true }],
      lines: Array.from({ length: lines }, () => trigger),
    }),
  });
  const kernel = new CountingKernel(simulated.kernel, work);
  const host = { kernel, sysfs: simulated.sysfs };
  /** @param {number} line */
  const ring = (line) => kernel.doorbell.ring(line, 1);
  return { host, work, clock: simulated.clock, ring };
}
