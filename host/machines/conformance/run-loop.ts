import { type Duty, must, reach, same, settle } from './subject';

/** Whole numbers of bytes that a guest access can have. */
const WIDTHS = [1, 2, 4, 8];
/** To set timers without being held up by the host. */
const MOST_ATTEMPTS = 20;

export const runLoopDuties: readonly Duty[] = [
  {
    name: 'the capabilities make sense',
    check({ machine }) {
      const { capabilities, name } = machine;
      must(name !== '', 'the machine has no name');
      for (const widths of [capabilities.exactReadWidths, capabilities.exactWriteWidths]) {
        must(
          widths.every((width) => WIDTHS.includes(width)),
          `exact widths are ${widths}, not some of 1, 2, 4, 8`,
        );
      }
      const { mmioGranule, lines } = capabilities;
      must(
        Number.isInteger(Math.log2(mmioGranule)) && mmioGranule >= 1,
        `mmioGranule is ${mmioGranule}, not a power of two`,
      );
      must(lines[0] <= lines[1], `lines are ${lines}: the last is before the first`);
    },
  },
  ...(['busy', 'halted'] as const).map(
    (idle): Duty => ({
      name: `wake() brings a ${idle} guest to a safe point, every time`,
      async check(target) {
        const { machine } = target;
        target.start({ idle });
        await reach(target, () => target.finished, 'the start of the guest');
        for (let round = 1; round <= 10; round++) {
          let polled = false;
          const stop = machine.onSafePoint(() => {
            polled = true;
          });
          machine.wake();
          await reach(target, () => polled, `safe point ${round} after wake()`);
          stop();
        }
      },
    }),
  ),
  {
    name: 'safe points come by themselves while the guest is busy',
    async check(target) {
      let polls = 0;
      const stop = target.machine.onSafePoint(() => polls++);
      target.start({ idle: 'busy' });
      await reach(target, () => polls >= 10, 'ten safe points');
      stop();
    },
  },
  {
    name: 'a poll is called until it is taken away, also by itself; others go on',
    async check(target) {
      const { machine } = target;
      target.start({ idle: 'busy' });
      let once = 0;
      let always = 0;
      let late = 0;
      const stopOnce = machine.onSafePoint(() => {
        once++;
        stopOnce();
        stopOnce();
      });
      const stops = [machine.onSafePoint(() => always++)];
      stops.push(
        machine.onSafePoint(() => {
          if (stops.length === 2) stops.push(machine.onSafePoint(() => late++));
        }),
      );
      await reach(target, () => always >= 5 && late >= 2, 'more safe points');
      same(once, 1, 'calls of a poll that took itself away');
      for (const stop of stops) stop();
      const before = always + late;
      await settle(target, 5);
      same(always + late, before, 'calls of polls, with those after they were taken away');
    },
  },
  {
    name: 'time goes on while the guest runs, and never goes back',
    async check(target) {
      const { clock } = target.machine;
      const times = [clock.nowNs()];
      const stop = target.machine.onSafePoint(() => times.push(clock.nowNs()));
      target.start({ idle: 'busy' });
      await reach(target, () => times.length >= 20, 'twenty safe points');
      stop();
      must(
        times.every((time, index) => time >= (times[index - 1] ?? 0)),
        `time went back: ${times}`,
      );
      must((times.at(-1) ?? 0) > (times[0] ?? 0), 'time stood still');
    },
  },
  {
    name: 'timers fire once, not early, in order; cancelled ones do not',
    async check(target) {
      const { clock } = target.machine;
      const stop = target.machine.onSafePoint(() => {});
      target.start({ idle: 'halted' });
      await reach(target, () => target.finished, 'the start of the guest');
      const fired: string[] = [];
      const timer = (name: string, delayNs: number) => {
        const dueNs = clock.nowNs() + delayNs;
        return clock.setTimer(delayNs, () => {
          fired.push(clock.nowNs() >= dueNs ? name : `${name} early`);
        });
      };
      /** @returns the second, or undefined where the host was held up meanwhile, which may change their order */
      const setAll = () => {
        const startNs = clock.nowNs();
        const last = timer('last', 3e6);
        const first = timer('first', 1e5);
        const cancelled = timer('cancelled', 1e6);
        const second = timer('second', 2e6);
        cancelled.cancel();
        cancelled.cancel();
        if (clock.nowNs() - startNs < 5e5) return second;
        for (const each of [last, first, second]) each.cancel();
        return undefined;
      };
      let second = setAll();
      for (let attempt = 1; !second && attempt < MOST_ATTEMPTS; attempt++) second = setAll();
      must(
        second !== undefined,
        'the clock goes on by half a millisecond while four timers are set',
      );
      target.machine.wake();
      await reach(target, () => fired.includes('last'), 'a timer of 3 ms');
      second.cancel();
      same(fired, ['first', 'second', 'last'], 'timers that fired');
      stop();
    },
  },
];
