import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  arm,
  bench,
  disarm,
  loopBack,
  mask,
  newEventfd,
  openThroughGroup,
  unmask,
} from './fixture';

/** What a line of vfio-platform does, as short as it can be said. */
class ReferenceLine {
  high = false;
  masked = false;
  armed = false;
  signals = 0;
  #latched = false;
  readonly #level: boolean;

  constructor(level: boolean) {
    this.#level = level;
  }

  step(event: Event): void {
    const rose = event === 'high' && !this.high;
    if (event === 'high' || event === 'low') this.high = event === 'high';
    if (event === 'arm') this.armed = true;
    if (event === 'disarm') this.armed = false;
    if (event === 'mask') this.masked ||= this.#level;
    if (event === 'unmask') this.masked = false;
    if (event === 'loop back') this.#handle();
    if (this.#level) {
      if (this.high && this.armed && !this.masked) this.#handle();
      return;
    }
    this.#latched ||= rose;
    if (!this.#latched || !this.armed) return;
    this.#latched = false;
    this.#handle();
  }

  #handle(): void {
    if (this.masked) return;
    this.masked = this.#level;
    if (this.armed) this.signals++;
  }
}

const EVENTS = ['high', 'low', 'arm', 'disarm', 'mask', 'unmask', 'loop back'] as const;
type Event = (typeof EVENTS)[number];

describe('a line', () => {
  it.each(['level', 'edge'] as const)(
    'that is %s does what the reference model does',
    (trigger) => {
      fc.assert(
        fc.property(fc.array(fc.constantFrom(...EVENTS), { maxLength: 60 }), (events) => {
          const { kernel, device } = bench({ irqs: [{ trigger }] });
          const { fd } = openThroughGroup(kernel, device);
          const eventfd = newEventfd(kernel);
          const act: Record<Event, () => void> = {
            high: () => device.setLine(0, true),
            low: () => device.setLine(0, false),
            arm: () => arm(kernel, fd, 0, eventfd),
            disarm: () => disarm(kernel, fd, 0),
            mask: () => mask(kernel, fd, 0),
            unmask: () => unmask(kernel, fd, 0),
            'loop back': () => loopBack(kernel, fd, 0),
          };
          const line = device.line(0);
          const reference = new ReferenceLine(trigger === 'level');
          for (const event of events) {
            act[event]();
            reference.step(event);
            const { high, masked, armed, signals } = reference;
            expect({ high: line.high, masked: line.masked, armed: line.armed }).toEqual({
              high,
              masked,
              armed,
            });
            expect(line.signals).toBe(signals);
          }
        }),
        { numRuns: 300 },
      );
    },
  );
});
