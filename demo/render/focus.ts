import type { Step } from '../recording';
import { registerName } from '../registers';
import type { Outcome } from '../run';
import { visitsOf } from '../visits';
import { heading, hex, microseconds, milliseconds, type Paint, shorten, WIDTH } from './text';

const FOCUS = 0;
const STATE_COLUMNS = 36;

interface Shown {
  readonly step: Step;
  readonly up: boolean;
  readonly handler: boolean;
  readonly text: string;
}

/** All that happens from one trigger to the guest's return, with every level on the way. */
export function renderFocus(paint: Paint, outcome: Outcome): string[] {
  const device = outcome.devices[FOCUS];
  const visit = device && visitsOf(device.record.interrupts)[0];
  if (!visit) return [];
  const { spec } = device;
  const startNs = visit.interrupts[0].triggerNs;

  let up = false;
  let handler = false;
  let again = false;
  const rows: Shown[] = [];
  for (const step of visit.interrupts.flatMap(({ steps }) => steps)) {
    if (step.what === 'up') up = true;
    if (step.what === 'eoi') up = false;
    if (step.what === 'taken') handler = true;
    if (step.what === 'return') handler = false;
    rows.push({ step, up, handler, text: describe(step, again) });
    if (step.what === 'signal') again = true;
  }

  function describe({ what, access }: Step, isAgain: boolean): string {
    switch (what) {
      case 'signal':
        return isAgain
          ? 'still high: kernel masks it, signals again'
          : 'the device raises its wire; kernel masks it';
      case 'up':
        return `the plugin raises input ${spec.input} of the guest`;
      case 'taken':
        return 'the guest enters its interrupt handler';
      case 'access':
        return access
          ? `guest ${access.direction}s ${registerName(spec.profile, access.offset)}: ${hex(access.value)}`
          : '';
      case 'eoi':
        return 'the plugin sees the EOI: line down, unmask';
      case 'return':
        return 'the guest returns from its handler';
    }
  }

  const level = (high: boolean) => (high ? '█' : '·').padEnd(6);
  return [
    heading(
      paint,
      `One interrupt in full: ${spec.label}, at ${milliseconds(startNs)} ms (█ on, · off)`,
    ),
    paint('dim', '      +µs   wire  mask  line  handler'),
    ...rows.map(({ step, up, handler, text }) => {
      const levels = `${level(step.wire)}${level(step.masked)}${level(up)}${level(handler)}`;
      const time = microseconds(step.atNs - startNs).padStart(9);
      return `${time}   ${paint('yellow', levels)}${shorten(text, WIDTH - STATE_COLUMNS)}`;
    }),
    '',
  ];
}
