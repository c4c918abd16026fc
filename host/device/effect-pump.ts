import * as effects from '../../assembly/boundary/effects';
import { MAX_EFFECTS } from '../../assembly/limits';
import { EFFECT_HEAD, EFFECT_TAIL, EFFECTS, FIRST_EFFECT } from '../../assembly/state/layout';

const FIRST = FIRST_EFFECT >>> 2;
const HEAD = EFFECT_HEAD >>> 2;
const TAIL = EFFECT_TAIL >>> 2;
const RING = EFFECTS >>> 2;
const MASK = MAX_EFFECTS - 1;
const DOWN_AND_UNMASK = effects.EFFECT_DOWN | effects.EFFECT_UNMASK;

/** Where the virtual line of one VFIO interrupt goes. */
export interface LineTarget {
  up(): void;
  down(): void;
}

const NOWHERE: LineTarget = { up() {}, down() {} };

/** Carries out the effects that concern more than a virtual line. */
export interface EffectHandler {
  /** Unmasks the line in the kernel. */
  unmask(line: number): void;
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
  private readonly targets: LineTarget[] = [];
  /** Something may wait in memory though no call into the core has told of it. */
  private left = false;

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
   * Applies what a call into the core has returned (boundary/effects.ts) and
   * what that leads to. Each act counts as done before it is done, one by one:
   * when a line's target throws, the error goes to the caller and the rest
   * waits for the next call; when it calls back into the core, the rest is
   * still there to be seen.
   *
   * raise() and lower() do the same and expect what nearly every interrupt
   * consists of. They are short, because the caller's compiler inlines them and
   * has a budget for that.
   */
  apply(effect: number): void {
    const line = effect & effects.EFFECT_LINE_MASK;
    const acts = effect ^ line;
    if (acts === effects.EFFECT_UP) (this.targets[line] as LineTarget).up();
    else if (acts === effects.EFFECT_DOWN) (this.targets[line] as LineTarget).down();
    else if (acts === DOWN_AND_UNMASK) this.lowerAndUnmask(line);
    else this.left = true;
    if (this.left) this.run();
  }

  /** apply() after a signal. */
  raise(effect: number): void {
    const line = effect & effects.EFFECT_LINE_MASK;
    if ((effect ^ line) === effects.EFFECT_UP) (this.targets[line] as LineTarget).up();
    else this.left = true;
    if (this.left) this.run();
  }

  /** apply() after an access. */
  lower(effect: number): void {
    const line = effect & effects.EFFECT_LINE_MASK;
    const acts = effect ^ line;
    if (acts === effects.EFFECT_DOWN) (this.targets[line] as LineTarget).down();
    else if (acts === DOWN_AND_UNMASK) this.lowerAndUnmask(line);
    else this.left = true;
    if (this.left) this.run();
  }

  private lowerAndUnmask(line: number): void {
    const words = this.words;
    this.left = true;
    (this.targets[line] as LineTarget).down();
    // Else "line down" has called back, and there is more before the unmask, or it has been done.
    if (words[FIRST] !== (effects.EFFECT_UNMASK | line)) return;
    words[FIRST] = 0;
    this.handler.unmask(line);
    this.left = words[FIRST] !== 0;
  }

  /** Applies what waits in memory, and what that leads to. */
  run(): void {
    const words = this.words;
    this.left = true;
    let effect = words[FIRST] as number;
    while (effect !== 0) {
      this.runOne(effect);
      effect = words[FIRST] as number;
    }
    this.left = false;
  }

  /** Something waits in memory that no call into the core has told of. */
  leave(): void {
    this.left = true;
  }

  /** The general form: does the first act, and leaves the others in its place. */
  private runOne(first: number): void {
    const words = this.words;
    let effect = first;
    if (first === effects.EFFECT_MORE) {
      const head = words[HEAD] as number;
      if (head === words[TAIL]) {
        words[FIRST] = 0;
        this.handler.drained();
        return;
      }
      words[HEAD] = (head + 1) | 0;
      effect = (words[RING + (head & MASK)] as number) | effects.EFFECT_MORE;
    }
    const line = effect & effects.EFFECT_LINE_MASK;
    const more = effect & effects.EFFECT_MORE;
    const target = this.targets[line];
    if ((effect & effects.EFFECT_NUMBERED) !== 0) {
      words[FIRST] = more;
      this.handler.numbered(effect & ~(more | effects.EFFECT_LINE_MASK), line);
    } else if ((effect & effects.EFFECT_DOWN) !== 0) {
      const rest = effect & (effects.EFFECT_UNMASK | effects.EFFECT_UP);
      words[FIRST] = rest === 0 ? more : effect & ~effects.EFFECT_DOWN;
      target?.down();
    } else if ((effect & effects.EFFECT_UNMASK) !== 0) {
      const rest = effect & effects.EFFECT_UP;
      words[FIRST] = rest === 0 ? more : effect & ~effects.EFFECT_UNMASK;
      this.handler.unmask(line);
    } else {
      words[FIRST] = more;
      target?.up();
    }
  }
}
