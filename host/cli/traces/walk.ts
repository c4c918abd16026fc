import type { LineInfo } from '../../device/device-info';
import { type EventData, eventText, type ReplayWalk } from '../../trace';
import type { OptionSpec, Values } from '../arguments/command';
import { parsePlace } from '../arguments/registers';
import { numberOption, text as textOption } from '../arguments/values';
import type { Terminal } from '../environment';
import { CommandError } from '../failure';
import { MAX_STEPS_BACK } from '../limits';

/** Options of a command that goes to a place in a recording. */
export const walkOptions = {
  to: { type: 'string', value: 'EVENT', help: 'stop before this event, and show the lines' },
  interrupt: {
    type: 'string',
    value: 'LINE',
    help: 'stop before the next interrupt of this line (after EVENT)',
  },
  access: {
    type: 'string',
    value: 'REGISTER',
    help: 'stop before the next access to [REGION:]OFFSET or a named register',
  },
  back: { type: 'string', value: 'N', help: 'then step so many calls backward' },
} as const satisfies Readonly<Record<string, OptionSpec>>;

/** Where in a recording to go. */
export interface WalkPlan {
  readonly to: number | undefined;
  readonly interrupt: number | undefined;
  readonly access: string | undefined;
  readonly back: number;
}

/** @returns undefined where nothing is asked for @throws CommandError USAGE */
export function walkPlan(values: Values): WalkPlan | undefined {
  const most = Number.MAX_SAFE_INTEGER;
  const given = (name: string) =>
    values[name] === undefined ? undefined : numberOption(values, name, { most, otherwise: 0 });
  const plan = {
    to: given('to'),
    interrupt: given('interrupt'),
    access: textOption(values, 'access'),
    back: numberOption(values, 'back', { most: MAX_STEPS_BACK, otherwise: 0 }),
  };
  if (plan.interrupt !== undefined && plan.access !== undefined) {
    throw new CommandError('USAGE', 'it stops at an --interrupt or at an --access, not at both');
  }
  const asked = plan.to ?? plan.interrupt ?? plan.access;
  return asked === undefined && plan.back === 0 ? undefined : plan;
}

/** Where a walk stands. */
export interface WalkPlace {
  readonly position: number;
  readonly timeNs: number;
  /** The interrupt or access that was looked for; it is in one of the next calls. */
  readonly found: EventData | undefined;
  readonly next: EventData | undefined;
  /** Undefined where the device is not open. */
  readonly lines: readonly LineInfo[] | undefined;
}

/**
 * Goes there.
 * @throws CommandError USAGE, NOT_IN_TRACE; DivergenceError
 */
export async function walkThrough(
  walk: ReplayWalk,
  plan: WalkPlan,
  terminal: Terminal,
): Promise<WalkPlace> {
  const { device } = walk;
  const { to, interrupt, access, back } = plan;
  const register =
    access === undefined || device === undefined ? undefined : parsePlace(access, device);
  return terminal.blocking(async () => {
    // Without an event to begin at, searches begin at the start and steps back at the end.
    const searches = interrupt !== undefined || register !== undefined;
    if (to !== undefined) await walk.seek(to);
    else if (!searches) await walk.seek(Number.POSITIVE_INFINITY);
    let found: EventData | undefined;
    if (interrupt !== undefined) found = await walk.toInterrupt(interrupt);
    else if (register !== undefined) found = await walk.toAccess(register);
    if (searches && found === undefined) {
      const what =
        interrupt === undefined ? `access to ${access}` : `interrupt of line ${interrupt}`;
      throw new CommandError(
        'NOT_IN_TRACE',
        `the recording has no ${what} after event ${walk.position}`,
      );
    }
    for (let step = 0; step < back && (await walk.stepBack()); step++);
    const { position, timeNs, next } = walk;
    const lines = walk.device?.closed === false ? walk.device.lines : undefined;
    return { position, timeNs, found, next, lines };
  });
}

export function placeText({ position, timeNs, found, next, lines }: WalkPlace): string[] {
  return [
    `before event ${position}, at ${timeNs} ns`,
    ...(found === undefined ? [] : [`  found: event ${found.event}, ${eventText(found)}`]),
    `  next:  ${next === undefined ? '(the recording ends)' : eventText(next)}`,
    ...(lines ?? []).map(
      ({ index, state, up, armed }) =>
        `  line ${index}: ${state}, ${up ? 'up' : 'down'}, armed: ${armed}`,
    ),
  ];
}
