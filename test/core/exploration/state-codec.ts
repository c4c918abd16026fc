import { LINE_ACTIVE } from '../../../assembly/boundary/options';
import * as layout from '../../../assembly/state/layout';
import type { CoreRig } from './core-rig';
import { publish } from './next-eoi';
import { wordOf } from './record-words';

function volatileWord(field: string): number {
  return wordOf('VolatileRecord', field, layout.VOLATILE);
}

function machineWord(field: string): number {
  return wordOf('MachineRecord', field, layout.MACHINE);
}

/** Of line 0; those of the next lines lie behind each other. */
function lineWord(field: string): number {
  return wordOf('LineRecord', field, layout.LINES);
}

function timingWord(field: string): number {
  return wordOf('LineTiming', field, layout.LINE_TIMING);
}

const SERIAL_ACTIVE = machineWord('serialActive');
const FIFO_HEAD = machineWord('fifoHead');
const FIFO_TAIL = machineWord('fifoTail');
const OUTSTANDING = machineWord('outstanding');
const MAPPING_ON = machineWord('mappingOn');
const TIMER_RUNNING = machineWord('timerRunning');
const RETRY_CURSOR = machineWord('retryCursor');

const LINE_WORDS = layout.LINE_STRIDE >>> 2;
const STATE = lineWord('state');
const FLAGS = lineWord('flags');
const AGAIN = lineWord('again');
const NEXT = lineWord('next');
const PREVIOUS = lineWord('previous');
const UNMASK_FAILURES = lineWord('unmaskFailures');
const RETRY_WAIT = lineWord('retryWait');

const FIRST_WORD = layout.MACHINE >>> 2;
const ACTIVE_SET = layout.ACTIVE_SET >>> 2;
const RETRY_SET = layout.RETRY_SET >>> 2;
const SET_MEMBERS = layout.LINE_SET_WORDS >>> 2;

const FIRST_EFFECT = volatileWord('firstEffect');
const HEAD = volatileWord('effectHead');
const TAIL = volatileWord('effectTail');
const EFFECTS_LOST = volatileWord('effectsLost');
const OLDEST = volatileWord('oldestIndependent');
const NEWEST = volatileWord('newestIndependent');
const ACCESS_DEPTH = volatileWord('accessDepth');
const BUSY = wordOf('DeviceRecord', 'busy', layout.DEVICE);
const TIMING_WORDS = layout.LINE_TIMING_STRIDE >>> 2;
const UP_AT = timingWord('upAt');
const LIST_NEXT = timingWord('next');
const LIST_PREVIOUS = timingWord('previous');

// Of this module, because the test runner makes every use of an import a call.
const NO_LINE: number = layout.NO_LINE;
const ACTIVE: number = LINE_ACTIVE;
/** NO_LINE in a key. A line that does not exist is none either, but is never written. */
const NONE = 7;

function shortLine(line: number): number {
  return line === NO_LINE ? NONE : line;
}

function longLine(line: number): number {
  return line === NONE ? NO_LINE : line;
}

/**
 * Where the effects ring of every restored state stands. The core compares the
 * position of a line's "up" with that of the ring, so these have to give the
 * same states.
 * - new: as on a device that has just been opened
 * - used: right behind the last "up" of every line
 * - worn: so far behind it that the positions have half gone round
 */
export type RingPosition = 'new' | 'used' | 'worn';

/**
 * Turns the state of a rig at rest into a few words and back: one word for the
 * machine, one for each line. A value that does not fit is a finding, so equal
 * keys mean equal states.
 *
 * The key holds the whole machine part of the core's memory (MACHINE to the
 * end of LINES; what never changes is left out, and checkConstants() sees that
 * it never does) and the fake kernel with the virtual lines and what is owed.
 * What of the volatile part could make two equal keys behave differently?
 * - No effect waits at rest, so every ACTIVE line has been raised. The
 *   position of the ring only tells whether effects of the same event have
 *   been applied; tests with each RingPosition show that nothing else depends
 *   on it.
 *   The number of activations only tells them apart within one access.
 * - The list of independent ACTIVE lines has exactly those as members
 *   (checkRest() compares), in order of activation. The order and the times
 *   are only read by the search for stalls, which is off here. So it is
 *   rebuilt in order of index.
 * - The words that choose the short paths follow from options that never
 *   change and from `paused`, which never does here.
 * - Which accesses complete a line follows from the state as well (publish());
 *   checkRest() sees that the core says so.
 * - Time stands still; statistics and access reports are never read; the
 *   doorbell is empty, because what would be in it waits in the fake kernel.
 */
export class StateCodec {
  /** Words of a key. */
  readonly width: number;
  readonly #rig: CoreRig;
  readonly #ring: number;
  readonly #upAt: number;
  /** The machine part as it was when the device had been opened. */
  readonly #atStart: Uint32Array;
  /** Words of it that must stay so. */
  readonly #constant: Uint32Array;
  readonly #independent: readonly number[];

  constructor(rig: CoreRig, position: RingPosition) {
    this.#rig = rig;
    const atStart = rig.memory.words[HEAD] as number;
    this.#ring = { new: atStart, used: 0x100, worn: 0x80000100 }[position];
    this.#upAt = { new: rig.memory.words[UP_AT] as number, used: 0xff, worn: 0x80 }[position];
    this.width = rig.count + 1;
    this.#independent = rig.setup.lines.flatMap(({ eoi }, line) =>
      rig.setup.policy === 'strict' && (eoi === 'irqchip' || eoi === 'register') ? [line] : [],
    );
    const end = (layout.LINES >>> 2) + rig.count * LINE_WORDS;
    this.#atStart = rig.memory.words.slice(0, end);
    const changing = new Set([
      ...[SERIAL_ACTIVE, FIFO_HEAD, FIFO_TAIL, OUTSTANDING, MAPPING_ON, TIMER_RUNNING],
      ...[RETRY_CURSOR, ACTIVE_SET, ACTIVE_SET + SET_MEMBERS, RETRY_SET, RETRY_SET + SET_MEMBERS],
      ...rig.setup.lines.flatMap((_, line) =>
        [STATE, FLAGS, AGAIN, NEXT, PREVIOUS, UNMASK_FAILURES, RETRY_WAIT].map(
          (word) => word + line * LINE_WORDS,
        ),
      ),
    ]);
    this.#constant = Uint32Array.from(
      Array.from({ length: end - FIRST_WORD }, (_, index) => FIRST_WORD + index).filter(
        (word) => !changing.has(word),
      ),
    );
  }

  /** Writes the key of the rig's state; false when a value does not fit. */
  pack(key: Uint32Array): boolean {
    const rig = this.#rig;
    const { kernel, count } = rig;
    const { words } = rig.memory;
    const serialActive = shortLine(words[SERIAL_ACTIVE] as number);
    const head = shortLine(words[FIFO_HEAD] as number);
    const tail = shortLine(words[FIFO_TAIL] as number);
    const cursor = shortLine(words[RETRY_CURSOR] as number);
    const outstanding = words[OUTSTANDING] as number;
    const switches = (words[MAPPING_ON] as number) | ((words[TIMER_RUNNING] as number) << 1);
    const active = words[ACTIVE_SET + SET_MEMBERS] as number;
    const retry = words[RETRY_SET + SET_MEMBERS] as number;
    let tooWide =
      ((serialActive | head | tail | cursor | outstanding) >>> 3) |
      (switches >>> 2) |
      ((active | retry) >>> 4) |
      ((words[ACTIVE_SET] as number) ^ (active === 0 ? 0 : 1)) |
      ((words[RETRY_SET] as number) ^ (retry === 0 ? 0 : 1));
    key[0] =
      serialActive |
      (head << 3) |
      (tail << 6) |
      (cursor << 9) |
      (outstanding << 12) |
      (switches << 15) |
      (active << 17) |
      (retry << 21) |
      (kernel.failing << 25) |
      (rig.mapping << 26) |
      (rig.timer << 27);
    for (let line = 0; line < count; line++) {
      const at = line * LINE_WORDS;
      const state = words[at + STATE] as number;
      const flags = words[at + FLAGS] as number;
      const again = words[at + AGAIN] as number;
      const next = shortLine(words[at + NEXT] as number);
      const previous = shortLine(words[at + PREVIOUS] as number);
      const failures = words[at + UNMASK_FAILURES] as number;
      const wait = words[at + RETRY_WAIT] as number;
      const waiting = kernel.waiting[line] as number;
      const owed = rig.owed[line] as number;
      tooWide |=
        ((state | again | failures | wait | waiting | owed) >>> 2) |
        (flags >>> 7) |
        ((next | previous) >>> 3);
      key[line + 1] =
        state |
        (again << 2) |
        (flags << 4) |
        (next << 11) |
        (previous << 14) |
        (failures << 17) |
        (wait << 19) |
        (waiting << 21) |
        (owed << 23) |
        ((rig.up[line] as number) << 25) |
        ((kernel.masked[line] as number) << 26) |
        ((kernel.requested[line] as number) << 27) |
        ((kernel.high[line] as number) << 28);
    }
    return tooWide === 0;
  }

  /** Puts the rig into the state of a key. */
  unpack(key: Uint32Array): void {
    const rig = this.#rig;
    const { kernel, count } = rig;
    const { words } = rig.memory;
    const machine = key[0] as number;
    words[SERIAL_ACTIVE] = longLine(machine & 7);
    words[FIFO_HEAD] = longLine((machine >>> 3) & 7);
    words[FIFO_TAIL] = longLine((machine >>> 6) & 7);
    words[RETRY_CURSOR] = longLine((machine >>> 9) & 7);
    words[OUTSTANDING] = (machine >>> 12) & 7;
    words[MAPPING_ON] = (machine >>> 15) & 1;
    words[TIMER_RUNNING] = (machine >>> 16) & 1;
    const active = (machine >>> 17) & 15;
    words[ACTIVE_SET] = active === 0 ? 0 : 1;
    words[ACTIVE_SET + SET_MEMBERS] = active;
    const retry = (machine >>> 21) & 15;
    words[RETRY_SET] = retry === 0 ? 0 : 1;
    words[RETRY_SET + SET_MEMBERS] = retry;
    kernel.failing = (machine >>> 25) & 1;
    rig.mapping = (machine >>> 26) & 1;
    rig.timer = (machine >>> 27) & 1;
    for (let line = 0; line < count; line++) {
      const at = line * LINE_WORDS;
      const packed = key[line + 1] as number;
      words[at + STATE] = packed & 3;
      words[at + AGAIN] = (packed >>> 2) & 3;
      words[at + FLAGS] = (packed >>> 4) & 127;
      words[at + NEXT] = longLine((packed >>> 11) & 7);
      words[at + PREVIOUS] = longLine((packed >>> 14) & 7);
      words[at + UNMASK_FAILURES] = (packed >>> 17) & 3;
      words[at + RETRY_WAIT] = (packed >>> 19) & 3;
      kernel.waiting[line] = (packed >>> 21) & 3;
      rig.owed[line] = (packed >>> 23) & 3;
      rig.up[line] = (packed >>> 25) & 1;
      kernel.masked[line] = (packed >>> 26) & 1;
      kernel.requested[line] = (packed >>> 27) & 1;
      kernel.high[line] = (packed >>> 28) & 1;
    }
    this.#restoreVolatile();
    publish(rig);
  }

  /**
   * The part of a key that the invariants can tell apart: all but levels,
   * retry counts and order, the failing switch, the timer.
   */
  blur(key: Uint32Array, blurred: Uint32Array): void {
    blurred[0] = (key[0] as number) & ~((7 << 9) | (1 << 16) | (1 << 25) | (1 << 27));
    for (let i = 1; i < this.width; i++) {
      blurred[i] = (key[i] as number) & ~((15 << 17) | (1 << 28));
    }
  }

  /** What the argument above takes for granted of each state, or '' when it holds. */
  checkRest(): string {
    const { words } = this.#rig.memory;
    if (words[FIRST_EFFECT] !== 0 || words[HEAD] !== words[TAIL]) return 'effects wait';
    if (words[EFFECTS_LOST] !== 0) return 'effects were lost';
    if (words[ACCESS_DEPTH] !== 0) return 'an access never ended';
    if (words[BUSY] !== 0) return 'a control call never ended';
    return this.#checkList();
  }

  /** The same of what never changes: nothing restores that, so it may be looked at now and then. */
  checkConstants(): string {
    const { words } = this.#rig.memory;
    for (const word of this.#constant) {
      if (words[word] !== this.#atStart[word]) {
        return `the word at ${word * 4} has changed, but is not part of the key`;
      }
    }
    return '';
  }

  #checkList(): string {
    const { words } = this.#rig.memory;
    let members = 0;
    let previous = NO_LINE;
    let line = words[OLDEST] as number;
    while (line !== NO_LINE) {
      const timing = line * TIMING_WORDS;
      if ((members & (1 << line)) !== 0 || words[timing + LIST_PREVIOUS] !== previous) {
        return 'the list of independent ACTIVE lines is broken';
      }
      members |= 1 << line;
      previous = line;
      line = words[timing + LIST_NEXT] as number;
    }
    let active = 0;
    for (const each of this.#independent) {
      if (this.#rig.stateOf(each) === ACTIVE) active |= 1 << each;
    }
    const sound = members === active && words[NEWEST] === previous;
    return sound ? '' : 'the list of independent ACTIVE lines does not hold exactly those';
  }

  #restoreVolatile(): void {
    const { words } = this.#rig.memory;
    words[FIRST_EFFECT] = 0;
    words[HEAD] = this.#ring;
    words[TAIL] = this.#ring;
    for (let line = 0; line < this.#rig.count; line++) {
      words[line * TIMING_WORDS + UP_AT] = this.#upAt;
    }
    let newest = NO_LINE;
    words[OLDEST] = newest;
    for (const line of this.#independent) {
      const timing = line * TIMING_WORDS;
      words[timing + LIST_NEXT] = NO_LINE;
      words[timing + LIST_PREVIOUS] = NO_LINE;
      if (this.#rig.stateOf(line) !== ACTIVE) continue;
      words[timing + LIST_PREVIOUS] = newest;
      if (newest === NO_LINE) words[OLDEST] = line;
      else words[newest * TIMING_WORDS + LIST_NEXT] = line;
      newest = line;
    }
    words[NEWEST] = newest;
  }
}
