// A host whose device is nothing but callbacks that count, as the callbacks of
// the C baseline do: what is left is the cost of the plugin itself.
import { MemoryDevice, SimulatedHost } from 'vfio-platform-wasm/sim';

const VFIO_DEVICE_SET_IRQS = 0x3b6e;
const UNMASK = 0x11;

/** What the callbacks have counted; the C baseline keeps the same account. */
export class Work {
  ups = 0;
  downs = 0;
  unmasks = 0;
  accesses = 0;
}

/**
 * The simulated kernel, but for the two calls that the interrupt path makes:
 * the access to the device and the unmask of a level line.
 * @param {object} kernel
 * @param {Work} work
 */
function countingKernel(kernel, work) {
  return new Proxy(kernel, {
    get(target, name) {
      if (name === 'mmap') {
        return () => ({
          inMemory: false,
          read: (offset) => {
            work.accesses++;
            return offset + 1;
          },
          write: () => {
            work.accesses++;
          },
          unmap() {},
        });
      }
      if (name === 'ioctl') {
        return (fd, request, argument) => {
          if (request === VFIO_DEVICE_SET_IRQS && argument.bytes[4] === UNMASK) {
            work.unmasks++;
            return 0;
          }
          return target.ioctl(fd, request, argument);
        };
      }
      const member = target[name];
      return typeof member === 'function' ? member.bind(target) : member;
    },
  });
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
  const host = { kernel: countingKernel(simulated.kernel, work), sysfs: simulated.sysfs };
  return { host, work, clock: simulated.clock };
}
