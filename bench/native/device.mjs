// The device of the native benchmark: one region of memory, one level line, on
// the played kernel. The wire is the eventfd itself, which a thread writes.
import { closeSync, openSync, readSync, writeSync } from 'node:fs';
import { openDevice, VirtualClock } from 'vfio-platform-wasm';
import { NativeHost } from 'vfio-platform-wasm/native';

const VFIO_GROUP_GET_DEVICE_FD = 0x3b6a;

function command(text) {
  const control = openSync('/dev/vfio-play', 'r+');
  writeSync(control, text);
  readSync(control, Buffer.alloc(256));
  closeSync(control);
}

/** The native kernel, telling the descriptors that the core only knows by handle. */
function observed(kernel, seen) {
  return new Proxy(kernel, {
    get(target, name) {
      const value = Reflect.get(target, name, target);
      if (typeof value !== 'function') return value;
      if (name === 'watch') {
        return (fd, doorbell, line) => {
          seen.trigger = fd;
          seen.memory = doorbell.memory?.memory;
          return target.watch(fd, doorbell, line);
        };
      }
      if (name === 'ioctl') {
        return (fd, request, argument) => {
          const result = target.ioctl(fd, request, argument);
          if (request === VFIO_GROUP_GET_DEVICE_FD) seen.device = result;
          return result;
        };
      }
      return value.bind(target);
    },
  });
}

export async function openBench() {
  command('option pass-through 1');
  command('device bench region=0x1000 irq=level');
  command('poke bench 0 4 07000000');
  command('poke bench 0 8 08000000');
  const native = new NativeHost();
  const seen = {};
  const host = { kernel: observed(native.kernel, seen), sysfs: native.sysfs };
  const device = await openDevice(
    host,
    { host: 'bench', stallLimitMs: 0, memoryBytes: 0x200000 },
    { clock: new VirtualClock() },
  );
  return { native, device, seen };
}
