import * as effects from '../../assembly/boundary/effects';
import { MAX_EFFECTS } from '../../assembly/limits';
import { EFFECT_HEAD, EFFECT_TAIL, EFFECTS, FIRST_EFFECT } from '../../assembly/state/layout';
import type { HostPort } from '../boundary/port';
import type { LineTargets } from './line-targets';

// Constants of this module: those of another file of the package are variables to the engine.
const { EFFECT_DOWN, EFFECT_LINE_MASK, EFFECT_MORE, EFFECT_NUMBERED, EFFECT_UNMASK, EFFECT_UP } =
  effects;
const FIRST = FIRST_EFFECT >>> 2;
const HEAD = EFFECT_HEAD >>> 2;
const TAIL = EFFECT_TAIL >>> 2;
const RING = EFFECTS >>> 2;
const MASK = MAX_EFFECTS - 1;

/** Carries out the effects that concern more than a virtual line. */
export interface EffectHandler {
  readonly port: Pick<HostPort, 'unmask'>;
  /**
   * Whether a line whose unmask has waited is still to be unmasked: meanwhile it
   * may have been masked on request, disarmed or closed.
   */
  mayUnmask(line: number): boolean;
  /** The core must hear of an unmask that has failed. */
  unmaskFailed(line: number, result: number): void;
  /** One of the numbered effects of boundary/effects.ts. */
  numbered(effect: number, line: number): void;
  /** More than one effect waited, or an error did; none does any more. */
  drained(): void;
}

/**
 * Applies the effects that the core has queued, in order. An effect counts as
 * applied when it is taken from the queue, so a machine that calls back into
 * the core from "line up" finds the line up.
 */
export class EffectPump {
  // Not #private: on the interrupt path that costs a few per cent.
  declare private readonly words: Int32Array;
  declare private readonly handler: EffectHandler;
  declare private readonly targets: LineTargets;

  /** @param words the core's linear memory */
  constructor(words: Int32Array, handler: EffectHandler, targets: LineTargets) {
    this.words = words;
    this.handler = handler;
    this.targets = targets;
  }

  /**
   * Applies what a call into the core has returned (boundary/effects.ts) and
   * what that leads to. Each act counts as done before it is done, one by one:
   * when a line's target throws, the error goes to the caller and the rest
   * waits for the next call; when it calls back into the core, the rest is
   * still there to be seen.
   */
  apply(effect: number): void {
    if ((effect & (EFFECT_DOWN | EFFECT_NUMBERED)) === EFFECT_DOWN) {
      this.lower(effect);
    } else {
      this.run();
    }
  }

  /** Applies EFFECT_UP of `line`, as signalShort() returns it. */
  raise(line: number): void {
    this.targets.at(line).up();
    if (this.words[FIRST] !== 0) this.run();
  }

  /**
   * Applies EFFECT_DOWN with or without EFFECT_UNMASK, as completeShort() returns it.
   * The unmask waits in memory behind "line down". That may have called back; but
   * every call applies what it finds waiting, this first of all, so while it waits
   * alone none has masked or disarmed the line, and mayUnmask() need not be asked.
   */
  lower(effect: number): void {
    const line = effect & EFFECT_LINE_MASK;
    this.targets.at(line).down();
    const waiting = this.words[FIRST];
    if (waiting === 0) return;
    if (waiting === (effect ^ EFFECT_DOWN)) this.unmask(line);
    else this.run();
  }

  private unmask(line: number): void {
    const { words, handler } = this;
    words[FIRST] = 0;
    const result = handler.port.unmask(line);
    if (result !== 0) handler.unmaskFailed(line, result);
    if (words[FIRST] !== 0) this.run();
  }

  /** Applies what waits in memory, and what that leads to. */
  run(): void {
    const words = this.words;
    let effect = words[FIRST] as number;
    while (effect !== 0) {
      this.runOne(effect);
      effect = words[FIRST] as number;
    }
  }

  /** The general form: does the first act, and leaves the others in its place. */
  private runOne(first: number): void {
    const words = this.words;
    let effect = first;
    if (first === EFFECT_MORE) {
      const head = words[HEAD] as number;
      if (head === words[TAIL]) {
        words[FIRST] = 0;
        this.handler.drained();
        return;
      }
      words[HEAD] = (head + 1) | 0;
      effect = (words[RING + (head & MASK)] as number) | EFFECT_MORE;
    }
    const line = effect & EFFECT_LINE_MASK;
    const more = effect & EFFECT_MORE;
    if ((effect & EFFECT_NUMBERED) !== 0) {
      words[FIRST] = more;
      this.handler.numbered(effect & ~(more | EFFECT_LINE_MASK), line);
    } else if ((effect & EFFECT_DOWN) !== 0) {
      const rest = effect & (EFFECT_UNMASK | EFFECT_UP);
      words[FIRST] = rest === 0 ? more : effect & ~EFFECT_DOWN;
      this.targets.at(line).down();
    } else if ((effect & EFFECT_UNMASK) !== 0) {
      const rest = effect & EFFECT_UP;
      words[FIRST] = rest === 0 ? more : effect & ~EFFECT_UNMASK;
      const result = this.handler.mayUnmask(line) ? this.handler.port.unmask(line) : 0;
      if (result !== 0) this.handler.unmaskFailed(line, result);
    } else {
      words[FIRST] = more;
      this.targets.at(line).up();
    }
  }
}
