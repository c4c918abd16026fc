import type { Machine, MachineLine, MmioHandler } from '../host/machines/contract';
import type { Recorder } from './recording';

/**
 * `machine` as one device shall see it, with a recorder in between: this is all
 * that it takes to watch a plugged device, because plug() knows a machine only
 * by its contract.
 */
export function recordingMachine(machine: Machine, recorder: Recorder, device: number): Machine {
  const watchedLine = (line: MachineLine): MachineLine => ({
    up() {
      recorder.lineUp(device);
      line.up();
    },
    down() {
      recorder.lineDown(device);
      line.down();
    },
    pulse() {
      recorder.lineUp(device);
      line.pulse();
      recorder.lineDown(device);
    },
  });
  const watchedHandler = (handler: MmioHandler): MmioHandler => ({
    read(offset, width) {
      recorder.accessBegins(device, offset, width, undefined);
      const value = handler.read(offset, width);
      recorder.accessEnds(device, value);
      return value;
    },
    write(offset, width, value) {
      recorder.accessBegins(device, offset, width, value);
      handler.write(offset, width, value);
      recorder.accessEnds(device);
    },
  });
  return {
    name: machine.name,
    capabilities: machine.capabilities,
    clock: machine.clock,
    guestRam: machine.guestRam,
    mapMmio: (base, size, handler) => machine.mapMmio(base, size, watchedHandler(handler)),
    line: (number) => watchedLine(machine.line(number)),
    onSafePoint: (poll) => machine.onSafePoint(poll),
    wake: () => machine.wake(),
    ...(machine.onReset && { onReset: (listener: () => void) => reset(machine, listener) }),
    ...(machine.onEoi && { onEoi: (listener: (line: number) => void) => eoi(machine, listener) }),
  };
}

function reset(machine: Machine, listener: () => void): () => void {
  return machine.onReset?.(listener) ?? (() => {});
}

function eoi(machine: Machine, listener: (line: number) => void): () => void {
  return machine.onEoi?.(listener) ?? (() => {});
}
