// Recording and replay against their goals, each in a process of its own.
import { execFileSync } from 'node:child_process';
import { row } from './rows.mjs';

const CHILD = new URL('trace-child.mjs', import.meta.url).pathname;
const MOST_RECORDING_RATIO = 1.5;
const MOST_REPLAY_RATIO = 1 / 5;
/** Three million events a second. */
const MOST_NS_PER_EVENT = 1e9 / 3e6;
const MOST_BYTES_PER_EVENT = 4;
const MOST_SEEK_MS = 200;

/** @param {string} what */
function measure(what) {
  return JSON.parse(execFileSync(process.execPath, [CHILD, what], { encoding: 'utf8' }));
}

/** @param {string} name @param {string} unit @param {number[]} ours @param {number} limit */
function limit(name, unit, ours, limit) {
  return row({ name, unit, ours, baseline: [limit], goal: 1 });
}

export function traceRows() {
  const { plain, recorded, replays, events, accesses, bytes } = measure('recording');
  const perEvent = replays.map((/** @type {number} */ ms) => (ms * 1e6) / events);
  const long = measure('seeking');
  return [
    row({
      name: 'guest run, recorded',
      unit: 'ms',
      ours: recorded,
      baseline: plain,
      goal: MOST_RECORDING_RATIO,
      paired: true,
    }),
    row({
      name: 'core replay of that run',
      unit: 'ms',
      ours: replays,
      baseline: recorded,
      goal: MOST_REPLAY_RATIO,
    }),
    limit('core replay, short', 'ns/event', perEvent, MOST_NS_PER_EVENT),
    limit(
      'core replay, 1e7 events',
      'ns/event',
      [(long.replayMs * 1e6) / long.events],
      MOST_NS_PER_EVENT,
    ),
    limit('trace size', 'bytes/event', [bytes / events], MOST_BYTES_PER_EVENT),
    limit('trace size', 'bytes/access', [bytes / accesses], MOST_BYTES_PER_EVENT),
    limit(
      'trace size, random data',
      'bytes/event',
      [long.bytes / long.events],
      MOST_BYTES_PER_EVENT,
    ),
    limit('open 1e7 events', 'ms', long.opened, MOST_SEEK_MS),
    limit('seek in 1e7 events', 'ms', long.seeks, MOST_SEEK_MS),
    limit('seek with device state', 'ms', long.states, MOST_SEEK_MS),
  ];
}
