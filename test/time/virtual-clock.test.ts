import { expect, test } from 'vitest';
import { VirtualClock } from '../../host/time/virtual-clock';

/** A clock that notes what time it is, for tests that look for a step back. */
function watched() {
  const clock = new VirtualClock();
  const seen: number[] = [];
  return { clock, seen, note: () => void seen.push(clock.nowNs()) };
}

test('a timer that advances the clock beyond the outer advance does not make it go back', () => {
  const { clock, seen, note } = watched();
  clock.setTimer(10, () => {
    note();
    clock.advance(100);
    note();
  });
  clock.advance(50);
  note();
  expect(seen).toEqual([10, 110, 110]);
});

test('timers that fall due while a timer advances the clock fire once each, in order, at their own time', () => {
  const { clock, seen, note } = watched();
  clock.setTimer(10, () => clock.advance(25));
  for (const delay of [40, 20, 30]) clock.setTimer(delay, note);
  clock.advance(50);
  note();
  expect(seen).toEqual([20, 30, 40, 50]);
});

test('a timer that a timer sets after it has advanced the clock fires at its own time', () => {
  const { clock, seen, note } = watched();
  clock.setTimer(10, () => {
    clock.advance(100);
    clock.setTimer(0, note);
    clock.setTimer(5, note);
  });
  clock.advance(50);
  expect(seen).toEqual([]);
  clock.advance(5);
  expect(seen).toEqual([110, 115]);
  expect(clock.nowNs()).toBe(115);
});
