import * as effects from '../../assembly/boundary/effects';
import { MAX_EFFECTS } from '../../assembly/limits';
import { EFFECT_HEAD, EFFECT_TAIL, EFFECTS, FIRST_EFFECT } from '../../assembly/state/layout';

const FIRST = FIRST_EFFECT >>> 2;
const HEAD = EFFECT_HEAD >>> 2;
const TAIL = EFFECT_TAIL >>> 2;
const RING = EFFECTS >>> 2;
const MASK = MAX_EFFECTS - 1;

/** Where the virtual line of one VFIO interrupt goes. */
export interface LineTarget {
  up(): void;
  down(): void;
}

const NOWHERE: LineTarget = { up() {}, down() {} };

/** Carries out the effects that concern more than a virtual line. */
export interface EffectHandler {
  /** Unmasks the line in the kernel; true also reports success to the core. */
  unmask(line: number, reportSuccess: boolean): void;
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
  private readonly words: Int32Array;
  private readonly handler: EffectHandler;
  private readonly targets: LineTarget[] = [];

  /** @param words the core's linear memory */
  constructor(words: Int32Array, handler: EffectHandler, lines: number) {
    this.words = words;
    this.handler = handler;
    for (let line = 0; line < lines; line++) this.targets.push(NOWHERE);
  }

  /** Sends the line to `target`, or nowhere. @returns where it went before */
  connect(line: number, target: LineTarget | undefined): LineTarget | undefined {
    const before = this.targets[line];
    // A line that does not exist is the core's to refuse.
    if (before !== undefined) this.targets[line] = target ?? NOWHERE;
    return before;
  }

  /**
   * Applies what waits, and what that leads to. An error of a line's target
   * goes to the caller; the rest waits for the next call.
   */
  run(): void {
    const words = this.words;
    for (let first = words[FIRST] as number; first !== 0; first = words[FIRST] as number) {
      if ((first & effects.EFFECT_MORE) === 0) {
        words[FIRST] = 0;
        this.apply(first);
      } else {
        words[FIRST] = effects.EFFECT_MORE;
        if (first !== effects.EFFECT_MORE) this.apply(first & ~effects.EFFECT_MORE);
        this.runRing();
        words[FIRST] = 0;
        this.handler.drained();
      }
    }
  }

  private runRing(): void {
    const words = this.words;
    let head = words[HEAD] as number;
    while (head !== words[TAIL]) {
      const effect = words[RING + (head & MASK)] as number;
      words[HEAD] = (head + 1) | 0;
      this.apply(effect);
      // A nested call may have gone on from there.
      head = words[HEAD] as number;
    }
  }

  private apply(effect: number): void {
    const line = effect & effects.EFFECT_LINE_MASK;
    if (effect >= effects.EFFECT_NUMBERED) {
      this.handler.numbered(effect & ~effects.EFFECT_LINE_MASK, line);
      return;
    }
    const target = this.targets[line] as LineTarget;
    if ((effect & effects.EFFECT_DOWN) !== 0) target.down();
    if ((effect & effects.EFFECT_UNMASK) !== 0) this.handler.unmask(line, false);
    if ((effect & effects.EFFECT_UP) !== 0) target.up();
  }
}
