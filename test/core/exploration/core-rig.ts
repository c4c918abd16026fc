import * as effects from '../../../assembly/boundary/effects';
import * as options from '../../../assembly/boundary/options';
import * as layout from '../../../assembly/state/layout';
import type { CoreExports } from '../../../host/core/boundary-types';
import { instantiateCore } from '../../../host/core/core';
import type { CoreMemory } from '../../../host/core/core-memory';
import { EffectPump } from '../../../host/device/effect-pump';
import { GuestPath } from '../../../host/device/guest-path';
import { LineTargets } from '../../../host/device/line-targets';
import { coreModule } from '../../support/core';
import { FakeKernel } from './fake-kernel';
import { wordOf } from './record-words';
import type { Setup } from './setup';
import * as setups from './setup';

const MEMORY_BYTES = 0x200000;
const SUMMARY = layout.DOORBELL >>> 2;
const WORDS = layout.DOORBELL_WORDS >>> 2;
const COUNTS = layout.DOORBELL_COUNTS >>> 2;
// Of this module, because the test runner makes every use of an import a call.
const { EFFECT_DOWN, EFFECT_UNMASK, EFFECT_UP } = effects;
const ACTIVE: number = options.LINE_ACTIVE;
const LINE_WORDS = layout.LINE_STRIDE >>> 2;
const STATE = wordOf('LineRecord', 'state', layout.LINES);
const FLAGS = wordOf('LineRecord', 'flags', layout.LINES);
const AGAIN = wordOf('LineRecord', 'again', layout.LINES);
const NEXT = wordOf('LineRecord', 'next', layout.LINES);
const SERIAL_ACTIVE = wordOf('MachineRecord', 'serialActive', layout.MACHINE);
const FIFO_HEAD = wordOf('MachineRecord', 'fifoHead', layout.MACHINE);
const MAPPING_ON = wordOf('MachineRecord', 'mappingOn', layout.MACHINE);
const TIMER_RUNNING = wordOf('MachineRecord', 'timerRunning', layout.MACHINE);

/** Ways to break the device on purpose, to see that the search notices. */
export interface Sabotage {
  /** Line effects that get lost: EFFECT_DOWN, EFFECT_UNMASK, EFFECT_UP. */
  readonly lose?: number;
  /** Failed unmasks are never tried again. */
  readonly ignoreRetries?: boolean;
  /** Changes the core's memory after each event. */
  readonly tamper?: (memory: CoreMemory) => void;
}

/**
 * One compiled core on a fake kernel, with the paths and the pump that devices use. Every
 * method is one stimulus and leaves all effects applied.
 *
 * The account of signals and injections is the one of test/reference/ledger.ts
 * for I5 and I6. Of it only what is owed is remembered; an injection without
 * cause is a fault at once, so its number need not be part of a state.
 */
export class CoreRig {
  readonly exports: CoreExports;
  readonly memory: CoreMemory;
  readonly kernel: FakeKernel;
  readonly count: number;
  /** The virtual lines, as the machine was told last. */
  readonly up: Uint8Array;
  /** Injections that are owed for the signals so far. */
  readonly owed: Uint8Array;
  /** The direct mapping and the timer, as the machine was told last. */
  mapping = 1;
  timer = 0;
  /** What went wrong in this event, where the state does not show it. */
  fault = '';
  /** How often a line went up in this event. */
  ups = 0;
  /** A call back was made in this event. */
  wasNested = false;
  /** Lines that went down in this event, a bit each. */
  downs = 0;
  /** Calls back from inside "line up" number `nestAt` of this event. */
  nestAt = 0;
  nested: (line: number) => void = () => {};
  readonly #pump: EffectPump;
  readonly #path: GuestPath;
  readonly #lost: number;
  readonly #replay: boolean;
  /** After a reset from inside "line up" the outer call's "up" may still come, and goes down at once. */
  #forgiving = false;

  constructor(
    readonly setup: Setup,
    readonly sabotage: Sabotage = {},
  ) {
    const { lines } = setup;
    this.count = lines.length;
    this.up = new Uint8Array(this.count);
    this.owed = new Uint8Array(this.count);
    this.#lost = sabotage.lose ?? 0;
    this.#replay = setup.edgeCount === 'replay';
    const kernel = new FakeKernel(
      lines.map(({ trigger }) => trigger === 'level'),
      setup.mapped,
    );
    this.kernel = kernel;
    const core = instantiateCore(coreModule, kernel.imports(), MEMORY_BYTES);
    this.exports = core.exports;
    this.memory = core.memory;
    kernel.memory = core.memory;
    this.#open();
    const targets = new LineTargets(this.count);
    this.#pump = new EffectPump(
      core.memory.signedWords,
      {
        port: { unmask: (line) => this.#unmask(line) },
        unmaskFailed: (line, result) => this.#expectOk(this.exports.unmaskResult(line, result)),
        mayUnmask: (line) => this.#mayUnmask(line),
        numbered: (effect, line) => this.#numbered(effect, line),
        drained: () => {},
      },
      targets,
    );
    this.#path = new GuestPath(core, kernel, this.#pump, (status) => {
      throw new Error(`a signal was refused with ${status}`);
    });
    for (let line = 0; line < this.count; line++) {
      targets.connect(line, { up: () => this.#goUp(line), down: () => this.#goDown(line) });
    }
    this.#pump.run();
  }

  stateOf(line: number): number {
    return this.memory.words[line * LINE_WORDS + STATE] as number;
  }

  /** A bit for each ACTIVE line. */
  get activeLines(): number {
    let set = 0;
    for (let line = 0; line < this.count; line++) {
      if (this.stateOf(line) === ACTIVE) set |= 1 << line;
    }
    return set;
  }

  flagsOf(line: number): number {
    return this.memory.words[line * LINE_WORDS + FLAGS] as number;
  }

  again(line: number): number {
    return this.memory.words[line * LINE_WORDS + AGAIN] as number;
  }

  /** The line behind this one in the FIFO, or NO_LINE. */
  next(line: number): number {
    return this.memory.words[line * LINE_WORDS + NEXT] as number;
  }

  /** The ACTIVE serialised line (policy strict), or NO_LINE. */
  get serialActive(): number {
    return this.memory.words[SERIAL_ACTIVE] as number;
  }

  get fifoHead(): number {
    return this.memory.words[FIFO_HEAD] as number;
  }

  get coreMapping(): number {
    return this.memory.words[MAPPING_ON] as number;
  }

  get coreTimer(): number {
    return this.memory.words[TIMER_RUNNING] as number;
  }

  /** Must come before each event. */
  begin(): void {
    this.fault = '';
    this.ups = 0;
    this.nestAt = 0;
    this.wasNested = false;
    this.downs = 0;
    this.#forgiving = false;
  }

  /** Must come after each event. */
  end(): void {
    this.nestAt = 0;
    this.kernel.whileAccessed = undefined;
    this.sabotage.tamper?.(this.memory);
    if (this.memory.words[SUMMARY] !== 0) this.#takeDoorbellBack();
  }

  /** The signals of one line reach the core by themselves. */
  serve(line: number): void {
    const { waiting } = this.kernel;
    const count = waiting[line] as number;
    waiting[line] = 0;
    this.#noteSignals(line, count);
    this.#path.signal(line, count);
  }

  /** A safe point after all signals have arrived. */
  safePoint(): void {
    const { waiting } = this.kernel;
    const { words } = this.memory;
    for (let line = 0; line < this.count; line++) {
      const count = waiting[line] as number;
      if (count === 0) continue;
      waiting[line] = 0;
      this.#noteSignals(line, count);
      (words[COUNTS + line] as number) += count;
      (words[WORDS] as number) |= 1 << line;
      words[SUMMARY] = 1;
    }
    this.earlySafePoint();
  }

  /** A safe point while all signals are still on their way. */
  earlySafePoint(): void {
    this.#apply(this.exports.safePoint(0));
  }

  read(offset: number, width: number): void {
    this.#path.read(setups.REGION, offset, width);
  }

  /** A read and a write of everything, neither of which reaches the device. */
  failToRead(): void {
    this.kernel.failAccess = true;
    this.exports.read(setups.UNMAPPED_REGION, setups.PLAIN_REGISTER, 4);
    this.kernel.failAccess = false;
    this.#pump.run();
  }

  failToWrite(): void {
    this.kernel.failAccess = true;
    const { UNMAPPED_REGION, CLEAR_REGISTER } = setups;
    const effect = this.exports.write(UNMAPPED_REGION, CLEAR_REGISTER, 8, 0xff, 0xff);
    this.kernel.failAccess = false;
    this.#apply(effect);
  }

  write(offset: number, width: number, low: number, high = 0): void {
    if (width < 8) this.#path.write(setups.REGION, offset, width, low);
    else this.#apply(this.exports.write(setups.REGION, offset, width, low, high));
  }

  clear(line: number): void {
    this.write(setups.CLEAR_REGISTER, 4, 1 << line);
  }

  /** Fulfils both rules of every line in one access. */
  clearAll(): void {
    this.write(setups.CLEAR_REGISTER, 8, 0xff, 0xff);
  }

  complete(line: number): void {
    this.#apply(this.exports.completeLine(line));
  }

  fireTimer(): void {
    this.timer = 0;
    this.exports.timerFired();
    this.#pump.run();
  }

  mask(line: number): void {
    this.#expectOk(this.exports.maskLine(line));
    this.kernel.requested[line] = 1;
    this.#pump.run();
  }

  unmask(line: number): void {
    const status = this.exports.unmaskLine(line);
    if (status === 0) this.kernel.requested[line] = 0;
    else if (this.kernel.failing === 0) this.fault = `unmaskLine() gave ${status}`;
    this.#pump.run();
  }

  reset(): void {
    this.owed.fill(0);
    this.kernel.requested.fill(0);
    this.#forgiving = this.ups > 0;
    this.#expectOk(this.exports.reset());
    this.#pump.run();
  }

  #open(): void {
    const { exports, setup } = this;
    const settings: readonly [key: number, value: number][] = [
      [options.OPTION_POLICY, setup.policy === 'qemu' ? 1 : 0],
      [options.OPTION_MMAP_TIMEOUT, setup.timeout === 'timer' ? 1100 : options.TIMEOUT_ON_IDLE],
      [options.OPTION_EDGE_COUNT, this.#replay ? options.EDGE_REPLAY : options.EDGE_COALESCE],
      [options.OPTION_UNMASK_ATTEMPTS, setup.unmaskAttempts],
      [options.OPTION_ACCESS_WIDTHS, (1 << 1) | (1 << 2) | (1 << 4) | (1 << 8)],
      [options.OPTION_DIRECT_MAPPING, setup.directMapping ? 1 : 0],
      [options.OPTION_DEFAULT_EOI, options.EOI_ACCESS],
      [options.OPTION_WINDOW_START, MEMORY_BYTES / 2],
      [options.OPTION_WINDOW_END, MEMORY_BYTES],
    ];
    const results = settings.map(([key, value]) => exports.configure(key, value));
    results.push(exports.attach(options.BACKEND_NOIOMMU), exports.openDevice(0));
    setup.lines.forEach(({ eoi }, line) => {
      if (setup.policy === 'strict' && eoi !== 'register') {
        results.push(exports.setEoi(line, setups.EOI_NUMBERS[eoi]));
      }
      if (eoi === 'register') {
        // The first rule gives the line its source.
        for (const register of [setups.CLEAR_REGISTER, setups.CLEAR_REGISTER_TOO]) {
          results.push(exports.addRule(0, register, 4, options.RULE_WRITE, 1 << line, 0, line));
        }
        const own = setups.READ_REGISTERS + 4 * line;
        results.push(exports.addRule(setups.REGION, own, 4, options.RULE_READ, 0, 0, line));
      }
      results.push(exports.armLine(line));
    });
    if (results.some((result) => result !== 0)) {
      throw new Error(`the device does not open: ${results.join(' ')}`);
    }
  }

  /**
   * unmaskLine() may ring the doorbell itself. Such a signal waits as those do
   * that are still on their way, and at every safe point that answers it the
   * others may have arrived as well: one place is enough for both.
   */
  #takeDoorbellBack(): void {
    const { words } = this.memory;
    words[SUMMARY] = 0;
    words[WORDS] = 0;
    for (let line = 0; line < this.count; line++) {
      (this.kernel.waiting[line] as number) += words[COUNTS + line] as number;
      words[COUNTS + line] = 0;
    }
  }

  #noteSignals(line: number, count: number): void {
    if (count === 0) return;
    const owed = this.owed[line] as number;
    const adds = this.#replay && !this.kernel.isLevel[line];
    if (adds) this.owed[line] = owed + count;
    // Inside "line up" of another line, this one may have been made ACTIVE, but
    // not been raised yet: that is not the injection that the signal gets.
    else this.owed[line] = this.wasNested ? Math.max(owed - this.#promised(line), 0) + 1 : 1;
  }

  /** Injections that the core will make without a further signal. */
  #promised(line: number): number {
    return this.again(line) + (this.stateOf(line) === options.LINE_PENDING ? 1 : 0);
  }

  #goUp(line: number): void {
    if ((this.#lost & EFFECT_UP) !== 0) return;
    if (this.up[line] !== 0) {
      this.fault = `line ${line} goes up, but it is up`;
    } else {
      this.up[line] = 1;
      if (this.owed[line] !== 0) (this.owed[line] as number)--;
      else if (!this.#forgiving) this.fault = `I6 line ${line} was injected for no signal`;
    }
    this.ups++;
    if (this.ups === this.nestAt) this.nested(line);
  }

  #goDown(line: number): void {
    if ((this.#lost & EFFECT_DOWN) !== 0) return;
    if (this.up[line] === 0) this.fault = `line ${line} goes down, but it is down`;
    this.up[line] = 0;
    if (!this.wasNested && (this.downs & (1 << line)) !== 0) {
      this.fault = `line ${line} was completed twice at once`;
    }
    this.downs |= 1 << line;
    // A level that is still high signals afresh.
    if (this.kernel.isLevel[line]) this.owed[line] = 0;
  }

  /** As VfioPlatformDevice does it. */
  #mayUnmask(line: number): boolean {
    const { LINE_ARMED, LINE_MASK_REQUESTED } = options;
    return (this.flagsOf(line) & (LINE_ARMED | LINE_MASK_REQUESTED)) === LINE_ARMED;
  }

  #unmask(line: number): number {
    return (this.#lost & EFFECT_UNMASK) !== 0 ? 0 : this.kernel.unmask(line);
  }

  #numbered(effect: number, line: number): void {
    if (effect === effects.EFFECT_MAPPING_ON) this.mapping = 1;
    else if (effect === effects.EFFECT_MAPPING_OFF) this.mapping = 0;
    else if (effect === effects.EFFECT_TIMER_START) this.timer = 1;
    else if (effect === effects.EFFECT_TIMER_STOP) this.timer = 0;
    else if (effect === effects.EFFECT_RETRY_UNMASK && !this.sabotage.ignoreRetries) {
      this.#expectOk(this.exports.unmaskResult(line, this.#unmask(line)));
    }
  }

  /** As VfioPlatformDevice does it with what a call has returned. */
  #apply(effect: number): void {
    if (effect < 0) this.#expectOk(effect);
    else if (effect !== 0) this.#pump.apply(effect);
  }

  #expectOk(status: number): void {
    if (status !== 0) this.fault = `a call was refused with ${status}`;
  }
}
