import { RecordingHandler } from './recorder';
import { type Duty, must, reach, same, settle } from './subject';

const STORM = 1000;
/** Writes until an emulator that compiles has compiled the loop around them, and those that follow. */
const QUIET_WRITES = 30_000;
const LOUD_WRITES = 10_000;

export const interruptDuties: readonly Duty[] = [
  {
    name: 'there are no inputs but those of the capabilities',
    check({ machine }) {
      const [first, last] = machine.capabilities.lines;
      for (const number of [first - 1, last + 1, first + 0.5]) {
        let refused = false;
        try {
          machine.line(number);
        } catch {
          refused = true;
        }
        must(refused, `input ${number} was not refused; there are ${first} … ${last}`);
      }
    },
  },
  ...(['busy', 'halted'] as const).flatMap((idle): Duty[] => [
    {
      name: `a level interrupts a ${idle} guest until it goes down, in an access of the handler`,
      needs: 'levelInput',
      async check(target, { base, levelInput: input = 0 }) {
        const line = target.machine.line(input);
        const device = new RecordingHandler();
        let left = 0;
        device.onAccess = () => {
          left--;
          if (left === 0) line.down();
        };
        target.machine.mapMmio(base, 0x1000, device);
        target.start({ inputs: [{ input, trigger: 'level', clear: base }], idle });
        await reach(target, () => target.finished, 'the start of the guest');
        for (let round = 1; round <= 10; round++) {
          left = 3;
          line.up();
          line.up();
          target.machine.wake();
          await reach(target, () => left === 0, `interrupt ${3 * round} of a level`);
        }
        await settle(target);
        same(target.handled(input), 30, 'interrupts of a level that was cleared at each third');
      },
    },
    {
      name: `an edge interrupts a ${idle} guest once, also when the line is low again at once`,
      needs: 'edgeInput',
      async check(target, { edgeInput: input = 0 }) {
        const line = target.machine.line(input);
        target.start({ inputs: [{ input, trigger: 'edge' }], idle });
        await reach(target, () => target.finished, 'the start of the guest');
        for (let round = 1; round <= 10; round++) {
          line.pulse();
          target.machine.wake();
          await reach(
            target,
            () => target.handled(input) >= round,
            `interrupt ${round} of an edge`,
          );
        }
        await settle(target);
        same(target.handled(input), 10, 'interrupts of 10 pulses');
      },
    },
    {
      name: `a line that a safe point raises interrupts a ${idle} guest`,
      needs: 'levelInput',
      async check(target, { base, levelInput: input = 0 }) {
        const { machine } = target;
        const line = machine.line(input);
        const device = new RecordingHandler();
        device.onAccess = () => line.down();
        machine.mapMmio(base, 0x1000, device);
        target.start({ inputs: [{ input, trigger: 'level', clear: base }], idle });
        await reach(target, () => target.finished, 'the start of the guest');
        let wanted = true;
        const stop = machine.onSafePoint(() => {
          if (wanted) line.up();
          wanted = false;
        });
        machine.wake();
        await reach(target, () => target.handled(input) === 1, 'the interrupt');
        stop();
      },
    },
    {
      name: `a timer that raises a line interrupts a ${idle} guest`,
      needs: 'levelInput',
      async check(target, { base, levelInput: input = 0 }) {
        const { machine } = target;
        const line = machine.line(input);
        const device = new RecordingHandler();
        device.onAccess = () => line.down();
        machine.mapMmio(base, 0x1000, device);
        target.start({ inputs: [{ input, trigger: 'level', clear: base }], idle });
        await reach(target, () => target.finished, 'the start of the guest');
        const stop = machine.onSafePoint(() => {});
        machine.clock.setTimer(1e6, () => line.up());
        await reach(target, () => target.handled(input) === 1, 'the interrupt after 1 ms');
        stop();
      },
    },
  ]),
  {
    name: `a line that is lowered and raised inside accesses of the handler loses nothing, ${STORM} times`,
    needs: 'levelInput',
    async check(target, { base, levelInput: input = 0 }) {
      const line = target.machine.line(input);
      const device = new RecordingHandler();
      let owed = STORM;
      device.onAccess = (offset) => {
        if (offset !== 0) {
          // The guest itself starts it, by a write.
          line.up();
          return;
        }
        owed--;
        line.down();
        if (owed > 0) line.up();
      };
      target.machine.mapMmio(base, 0x1000, device);
      target.start({
        inputs: [{ input, trigger: 'level', clear: base }],
        accesses: [{ direction: 'write', width: 4, address: base + 4, value: 1 }],
      });
      await reach(target, () => owed <= 0, `${STORM} interrupts`);
      await reach(target, () => target.finished, 'the end of its accesses');
      await settle(target);
      same(target.handled(input), STORM, 'interrupts');
      same(owed, 0, 'interrupts that were owed');
    },
  },
  {
    name: `a line that rises and falls in accesses of a loop that runs hot loses nothing, ${LOUD_WRITES} times`,
    needs: 'levelInput',
    async check(target, { base, levelInput: input = 0 }) {
      const line = target.machine.line(input);
      const device = new RecordingHandler();
      let written = -QUIET_WRITES;
      let cleared = 0;
      device.onAccess = (offset) => {
        device.seen.length = 0;
        if (offset === 0) {
          cleared++;
          line.down();
        } else {
          written++;
        }
        // One interrupt is owed for each write.
        if (written > cleared) line.up();
      };
      target.machine.mapMmio(base, 0x1000, device);
      target.start({
        inputs: [{ input, trigger: 'level', clear: base }],
        accesses: [{ direction: 'write', width: 4, address: base + 4, value: 1 }],
        repeat: QUIET_WRITES + LOUD_WRITES,
      });
      await reach(target, () => cleared >= LOUD_WRITES, `${LOUD_WRITES} interrupts`);
      await reach(target, () => target.finished, 'the end of its accesses');
      await settle(target);
      same(
        { written, cleared, handled: target.handled(input) },
        { written: LOUD_WRITES, cleared: LOUD_WRITES, handled: LOUD_WRITES },
        'writes and interrupts',
      );
    },
  },
  {
    name: 'a line that is low or let go of does not interrupt',
    needs: 'levelInput',
    async check(target, { levelInput: input = 0 }) {
      const line = target.machine.line(input);
      line.down();
      line.up();
      line.down();
      line.down();
      target.start({ inputs: [{ input, trigger: 'level' }], idle: 'halted' });
      await reach(target, () => target.finished, 'the start of the guest');
      await settle(target);
      same(target.handled(input), 0, 'interrupts of a line that is low');
    },
  },
  {
    name: 'completions are reported once for each handler, where the capabilities promise it',
    needs: 'levelInput',
    async check(target, { base, levelInput: input = 0 }) {
      const { machine } = target;
      const promised = machine.capabilities.reportsEoi;
      must(promised === (machine.onEoi !== undefined), 'reportsEoi and onEoi() do not go together');
      if (!machine.onEoi) return;
      const line = machine.line(input);
      const device = new RecordingHandler();
      device.onAccess = () => line.down();
      machine.mapMmio(base, 0x1000, device);
      const completed: number[] = [];
      const stop = machine.onEoi((number) => {
        if (number === input) completed.push(number);
      });
      target.start({ inputs: [{ input, trigger: 'level', clear: base }] });
      await reach(target, () => target.finished, 'the start of the guest');
      for (let round = 1; round <= 3; round++) {
        if (round === 3) stop();
        line.up();
        machine.wake();
        await reach(target, () => target.handled(input) === round, `interrupt ${round}`);
        await settle(target);
      }
      same(
        completed,
        [input, input],
        'completions of two interrupts, before the listener was taken away',
      );
    },
  },
];
