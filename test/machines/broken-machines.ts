import type { Machine, MachineLine, MmioHandler } from '../../host/machines/contract';
import type { Clock } from '../../host/time/clock';
import type { Wrap } from './conformance-subjects';

/** A machine that is `machine` but for `changes`. */
function changed(machine: Machine, changes: Partial<Machine>): Machine {
  return {
    name: machine.name,
    capabilities: machine.capabilities,
    clock: machine.clock,
    guestRam: machine.guestRam,
    mapMmio: (base, size, handler) => machine.mapMmio(base, size, handler),
    line: (number) => machine.line(number),
    onSafePoint: (poll) => machine.onSafePoint(poll),
    wake: () => machine.wake(),
    ...(machine.onEoi && {
      onEoi: (listener: (line: number) => void) => machine.onEoi?.(listener) ?? (() => {}),
    }),
    ...changes,
  };
}

const withHandler =
  (change: (handler: MmioHandler, base: number) => MmioHandler): Wrap =>
  (machine) =>
    changed(machine, {
      mapMmio: (base, size, handler) => machine.mapMmio(base, size, change(handler, base)),
    });

const withLine =
  (change: (line: MachineLine, machine: Machine) => MachineLine): Wrap =>
  (machine) =>
    changed(machine, { line: (number) => change(machine.line(number), machine) });

const withClock =
  (change: (clock: Clock) => Partial<Clock>): Wrap =>
  (machine) => {
    const { clock } = machine;
    const original: Clock = {
      nowNs: () => clock.nowNs(),
      setTimer: (delayNs, fire) => clock.setTimer(delayNs, fire),
    };
    return changed(machine, { clock: { ...original, ...change(clock) } });
  };

/** Lines whose changes do something else inside an access. */
const inHandlers =
  (
    change: (
      line: MachineLine,
      inside: () => boolean,
      later: (act: () => void) => void,
    ) => MachineLine,
  ): Wrap =>
  (machine) => {
    let depth = 0;
    const within = <T>(call: () => T): T => {
      depth++;
      try {
        return call();
      } finally {
        depth--;
      }
    };
    const later = (act: () => void) => {
      const stop = machine.onSafePoint(() => {
        stop();
        act();
      });
    };
    return changed(machine, {
      mapMmio: (base, size, handler) =>
        machine.mapMmio(base, size, {
          read: (offset, width) => within(() => handler.read(offset, width)),
          write: (offset, width, value) => within(() => handler.write(offset, width, value)),
        }),
      line: (number) => change(machine.line(number), () => depth > 0, later),
    });
  };

/** Defects that adapters have, and a part of the name of a check that must notice each. */
export const defects: readonly [name: string, wrap: Wrap, noticedBy: string][] = [
  [
    'every read is of 4 bytes',
    withHandler((handler) => ({
      read: (offset, width) =>
        Math.floor(handler.read(offset & ~3, 4) / 2 ** (8 * (offset & 3))) % 2 ** (8 * width),
      write: (offset, width, value) => handler.write(offset, width, value),
    })),
    'reads arrive once',
  ],
  [
    'values are signed',
    withHandler((handler) => ({
      read: (offset, width) => handler.read(offset, width),
      write: (offset, width, value) => handler.write(offset, width, value | 0),
    })),
    'writes arrive once',
  ],
  [
    'the uppermost bit of a read is lost',
    withHandler((handler) => ({
      read: (offset, width) => handler.read(offset, width) & 0x7fff_ffff,
      write: (offset, width, value) => handler.write(offset, width, value),
    })),
    'what a read returns',
  ],
  [
    'offsets count from something else',
    withHandler((handler, base) => ({
      read: (offset, width) => handler.read(offset + (base & 0xf000), width),
      write: (offset, width, value) => handler.write(offset + (base & 0xf000), width, value),
    })),
    'several ranges',
  ],
  [
    'a narrow write reads the word first',
    withHandler((handler) => ({
      read: (offset, width) => handler.read(offset, width),
      write: (offset, width, value) => {
        if (width < 4) handler.read(offset & ~3, 4);
        handler.write(offset, width, value);
      },
    })),
    'writes arrive once',
  ],
  [
    'writes come twice',
    withHandler((handler) => ({
      read: (offset, width) => handler.read(offset, width),
      write: (offset, width, value) => {
        handler.write(offset, width, value);
        handler.write(offset, width, value);
      },
    })),
    'writes arrive once',
  ],
  [
    'narrow writes are wide',
    withHandler((handler) => ({
      read: (offset, width) => handler.read(offset, width),
      write: (offset, _, value) => handler.write(offset & ~3, 4, value),
    })),
    'writes of every width',
  ],
  [
    'ranges are never unmapped',
    (machine) =>
      changed(machine, {
        mapMmio: (base, size, handler) => {
          machine.mapMmio(base, size, handler);
          return () => {};
        },
      }),
    'an unmapped range',
  ],
  [
    'what is taken is silently not mapped',
    (machine) =>
      changed(machine, {
        mapMmio: (base, size, handler) => {
          try {
            return machine.mapMmio(base, size, handler);
          } catch {
            return () => {};
          }
        },
      }),
    'a range that is taken',
  ],
  [
    'unmapping twice takes the next one away',
    (machine) => {
      const unmaps = new Map<number, () => void>();
      return changed(machine, {
        mapMmio: (base, size, handler) => {
          unmaps.set(base, machine.mapMmio(base, size, handler));
          return () => unmaps.get(base)?.();
        },
      });
    },
    'an unmapped range',
  ],
  [
    'RAM is a copy',
    (machine) =>
      changed(machine, {
        guestRam: machine.guestRam.map((block) => ({ ...block, bytes: block.bytes.slice() })),
      }),
    'RAM is what the guest sees',
  ],
  [
    'any input will do',
    (machine) =>
      changed(machine, {
        line: (number) => machine.line(Math.min(Math.max(Math.trunc(number), 0), 31)),
      }),
    'there are no inputs but',
  ],
  [
    'lines never go up',
    withLine((line) => ({ up: () => {}, down: () => line.down(), pulse: () => line.pulse() })),
    'a level interrupts',
  ],
  [
    'lines never go down',
    withLine((line) => ({ up: () => line.up(), down: () => {}, pulse: () => line.pulse() })),
    'a level interrupts',
  ],
  [
    'a pulse stays up',
    withLine((line) => ({ up: () => line.up(), down: () => line.down(), pulse: () => line.up() })),
    'an edge interrupts',
  ],
  [
    'a pulse is forgotten',
    withLine((line) => ({ up: () => line.up(), down: () => line.down(), pulse: () => {} })),
    'an edge interrupts',
  ],
  [
    'up() inside an access is lost',
    inHandlers((line, inside) => ({
      up: () => {
        if (!inside()) line.up();
      },
      down: () => line.down(),
      pulse: () => line.pulse(),
    })),
    'lowered and raised inside accesses',
  ],
  [
    'down() inside an access waits',
    inHandlers((line, inside, later) => ({
      up: () => line.up(),
      down: () => (inside() ? later(() => line.down()) : line.down()),
      pulse: () => line.pulse(),
    })),
    'a level interrupts',
  ],
  [
    'one up() in a hundred is lost',
    (machine) => {
      let ups = 0;
      return changed(machine, {
        line: (number) => {
          const line = machine.line(number);
          return {
            up: () => {
              ups++;
              if (ups % 100 !== 0) line.up();
            },
            down: () => line.down(),
            pulse: () => line.pulse(),
          };
        },
      });
    },
    'lowered and raised inside accesses',
  ],
  [
    'there are no safe points',
    (machine) => changed(machine, { onSafePoint: () => () => {}, wake: () => {} }),
    'wake() brings',
  ],
  [
    'safe points end after the first',
    (machine) =>
      changed(machine, {
        onSafePoint: (poll) => {
          const stop = machine.onSafePoint(() => {
            stop();
            poll();
          });
          return stop;
        },
      }),
    'safe points come by themselves',
  ],
  [
    'polls are never taken away',
    (machine) =>
      changed(machine, {
        onSafePoint: (poll) => {
          machine.onSafePoint(poll);
          return () => {};
        },
      }),
    'a poll is called until',
  ],
  [
    'time goes back',
    withClock((clock) => {
      let asked = 0;
      return { nowNs: () => clock.nowNs() - (asked++ % 7) * 1e5 + 1e6 };
    }),
    'never goes back',
  ],
  ['time stands still', withClock(() => ({ nowNs: () => 5 })), 'time goes on'],
  [
    'timers are early',
    withClock((clock) => ({
      setTimer: (delayNs, fire) => clock.setTimer(delayNs / 2, fire),
    })),
    'timers fire once',
  ],
  [
    'timers fire twice',
    withClock((clock) => ({
      setTimer: (delayNs, fire) => {
        clock.setTimer(delayNs, fire);
        return clock.setTimer(delayNs, fire);
      },
    })),
    'timers fire once',
  ],
  [
    'timers cannot be cancelled',
    withClock((clock) => ({
      setTimer: (delayNs, fire) => {
        clock.setTimer(delayNs, fire);
        return { cancel: () => {} };
      },
    })),
    'timers fire once',
  ],
  [
    'timers never fire',
    withClock(() => ({ setTimer: () => ({ cancel: () => {} }) })),
    'a timer that raises',
  ],
  [
    'completions are reported twice',
    (machine) =>
      changed(machine, {
        onEoi: (listener) =>
          machine.onEoi?.((line) => {
            listener(line);
            listener(line);
          }) ?? (() => {}),
      }),
    'completions are reported once',
  ],
  [
    'completions are promised and not reported',
    (machine) => changed(machine, { onEoi: () => () => {} }),
    'completions are reported once',
  ],
  [
    'the granule is no power of two',
    (machine) => changed(machine, { capabilities: { ...machine.capabilities, mmioGranule: 3000 } }),
    'the capabilities make sense',
  ],
];
