import { mix } from '../../reference/mix';
import { CoreRig, type Sabotage } from './core-rig';
import {
  type Event,
  type EventKind,
  event,
  happen,
  nestedKinds,
  qemuEvents,
  strictEvents,
} from './events';
import { type Arrival, type Exploration, inspectStrictly, Search } from './search';
import type { Setup } from './setup';
import type { RingPosition } from './state-codec';

/** A strict device with the machine that gives it the most to do. */
export const STRICT: Omit<Setup, 'lines'> = {
  policy: 'strict',
  edgeCount: 'coalesce',
  directMapping: true,
  mapped: false,
  timeout: 'timer',
  unmaskAttempts: 2,
  thorough: false,
};

/** A machine without direct mapping and a mapped device: the core's short paths. */
export const PLAIN = { directMapping: false, mapped: true } as const;

export interface How {
  readonly position?: RingPosition;
  readonly sabotage?: Sabotage;
}

/** Explores every state of a strict device with these lines ('Ea Lr', see test/reference/mix.ts). */
export function exploreStrict(
  lines: string,
  changes: Partial<Setup> = {},
  { position = 'used', sabotage = {} }: How = {},
): Exploration {
  const setup: Setup = { ...STRICT, ...changes, lines: mix(lines) };
  const search = new Search(new CoreRig(setup, sabotage), {
    events: strictEvents(setup),
    nested: nestedKinds(setup),
    inDevice: setup.thorough ? nestedKinds(setup) : [],
    position,
    inspect: inspectStrictly,
    liveness: true,
  });
  return search.run();
}

/** The options under which QEMU's defects show: what defects.md says of them. */
export function qemuSetup(lines: string): Setup {
  return { ...STRICT, policy: 'qemu', mapped: true, lines: mix(lines) };
}

/** Explores every state of a device under policy 'qemu', also behind violations. */
export function exploreQemu(lines: string, watch: (arrival: Arrival) => void): Exploration {
  const setup = qemuSetup(lines);
  const search = new Search(new CoreRig(setup), {
    events: qemuEvents(setup),
    nested: [],
    inDevice: [],
    position: 'used',
    inspect: (arrival) => {
      watch(arrival);
      return '';
    },
    liveness: false,
  });
  return search.run();
}

function eventOf(name: string): Event {
  const [, kind, line] = /^(.*?)(?: (\d))?$/.exec(name) ?? [];
  return event(kind as EventKind, line === undefined ? -1 : Number(line));
}

/** Lets events happen on a new rig, one behind the other, without any saving and restoring. */
export function play(setup: Setup, trace: readonly string[]): CoreRig {
  const rig = new CoreRig(setup);
  for (const name of trace) {
    rig.begin();
    happen(rig, eventOf(name));
    rig.end();
  }
  return rig;
}
