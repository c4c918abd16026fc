import * as effects from '../../assembly/boundary/effects';
import { MAX_REGIONS } from '../../assembly/limits';
import * as layout from '../../assembly/state/layout';
import type { WindowMapping } from '../boundary/kernel';
import type { HostPort } from '../boundary/port';
import { narrow, word } from '../core/arguments';
import type { CoreExports } from '../core/boundary-types';
import type { Core } from '../core/core';
import type { EffectPump } from './effect-pump';

// Constants of this module: those of another file of the package are variables to the engine.
const { PERFORMED_WRITE } = effects;
const { EOI_NONE, EOI_SHORT } = layout;
const FIRST = layout.FIRST_EFFECT >>> 2;
const NEXT_READ_EOI = layout.NEXT_READ_EOI >>> 2;
const NEXT_WRITE_EOI = layout.NEXT_WRITE_EOI >>> 2;
const READS = layout.READS >>> 2;
const WRITES = layout.WRITES >>> 2;
// Of the first region; REGION_WORDS to the next.
const SHORT_POINTER = layout.SHORT_POINTER >>> 2;
const HOST_READ_END = layout.HOST_READ_END >>> 2;
const HOST_WRITE_END = layout.HOST_WRITE_END >>> 2;
const REGION_WORDS = layout.REGION_STRIDE >>> 2;
/** Regions that may exist; there is a power of two of them. */
const REGION_MASK = MAX_REGIONS - 1;
/** Accesses from here on take the long way, and those at negative offsets. */
const BEYOND = 2 ** 31;

/** What accesses that the host performs need of the host's side of the boundary. */
export type WindowPort = Pick<HostPort, 'windowAt' | 'accessFailed' | 'onUnmapped'>;

/**
 * The way of a guest access of up to 4 bytes into a device, and of an interrupt
 * out of it. The core has published in memory what it would do with an access
 * that the host performs, and which of them complete a line (state/layout.ts);
 * it is only called where that leaves something to do.
 *
 * All of it is written to be inlined into the machine's loop together with the
 * machine's own functions, for which V8 has a budget of 920 bytecodes: the
 * rarer a case, the further away it is.
 */
export class GuestPath {
  // Not #private: that costs a few per cent here.
  declare private readonly words: Int32Array;
  declare private readonly port: WindowPort;
  declare private readonly pump: EffectPump;
  declare private readonly refuse: (status: number, line: number) => void;
  // Calls through the exports object would cost a look-up each.
  declare private readonly signalShort: CoreExports['signalShort'];
  declare private readonly completeShort: CoreExports['completeShort'];
  declare private readonly coreSignal: CoreExports['signal'];
  declare private readonly corePerformed: CoreExports['performed'];
  declare private coreRead: CoreExports['read'];
  declare private coreWrite: CoreExports['write'];
  /** The region of the access before, which mostly is that of the next, and its window. */
  private region = 0;
  // Not assigned before there is one: then it has one class, which the engine takes for granted.
  declare private window: WindowMapping;
  /** Windows that are known, by region; where one is does not change while it is mapped. */
  private readonly windows = new Map<number, WindowMapping>();

  /**
   * @param refuse throws what a negative status of boundary/status.ts means, with which
   *   the core refuses a signal of the line
   */
  constructor(
    { exports, memory }: Core,
    port: WindowPort,
    pump: EffectPump,
    refuse: (status: number, line: number) => never,
  ) {
    this.words = memory.signedWords;
    this.port = port;
    this.pump = pump;
    this.refuse = refuse;
    this.signalShort = exports.signalShort;
    this.completeShort = exports.completeShort;
    this.coreSignal = exports.signal;
    this.corePerformed = exports.performed;
    this.coreRead = exports.read;
    this.coreWrite = exports.write;
    this.enter(0);
    port.onUnmapped = () => {
      this.windows.clear();
      this.enter(this.region);
    };
  }

  /** From now on every access does what `refuse` does. */
  close(refuse: () => never): void {
    this.coreRead = refuse;
    this.coreWrite = refuse;
  }

  signal(line: number, count: number): void {
    const effect = (line | 0) === line && count === 1 ? this.signalShort(line) : 0;
    if (effect === 0) this.signalAny(line, count);
    else this.pump.raise(line);
  }

  private signalAny(line: number, count: number): void {
    const effect = this.coreSignal(word(line), count);
    if (effect < 0) this.refuse(effect, line);
    if (effect !== 0) this.pump.apply(effect);
  }

  read(region: number, offset: number, width: number): number {
    if (
      region !== this.region ||
      (offset & (BEYOND - width)) !== offset ||
      (width !== 4 && width !== 1 && width !== 2)
    ) {
      return this.readAny(region, offset, width);
    }
    const { words } = this;
    if (offset >= (words[region * REGION_WORDS + HOST_READ_END] as number)) {
      return this.readCore(region, offset, width);
    }
    const next = words[NEXT_READ_EOI] as number;
    let value: number;
    try {
      value = this.window.read(offset, width);
    } catch (error) {
      return this.failed(error, READS);
    }
    if ((next & EOI_SHORT) !== 0) {
      const effect = this.completeShort(next, 0);
      if (effect !== 0) {
        this.pump.lower(effect);
        return value >>> 0;
      }
    }
    this.finish(next, region, offset, width, value);
    return value >>> 0;
  }

  write(region: number, offset: number, width: number, value: number): void {
    // What is no number throws before it has reached anything.
    const data = value >>> 0;
    if (
      region !== this.region ||
      (offset & (BEYOND - width)) !== offset ||
      (width !== 4 && width !== 1 && width !== 2)
    ) {
      this.writeAny(region, offset, width, data);
      return;
    }
    const { words } = this;
    if (offset >= (words[region * REGION_WORDS + HOST_WRITE_END] as number)) {
      this.writeCore(region, offset, width, data);
      return;
    }
    const next = words[NEXT_WRITE_EOI] as number;
    try {
      this.window.write(offset, width, data);
    } catch (error) {
      this.failed(error, WRITES);
      return;
    }
    if ((next & EOI_SHORT) !== 0) {
      const effect = this.completeShort(next, PERFORMED_WRITE);
      if (effect !== 0) {
        this.pump.lower(effect);
        return;
      }
    }
    this.finish(next, region, offset, width | PERFORMED_WRITE, data);
  }

  /** An access that fails completes nothing. The error is thrown once the core has its effects applied. */
  private failed(error: unknown, counter: number): number {
    const { words } = this;
    words[counter] = ((words[counter] as number) + 1) | 0;
    this.port.accessFailed(error);
    this.pump.run();
    return 0xffffffff;
  }

  /** What follows an access that has not completed a line and no more; see state/layout.ts. */
  private finish(
    next: number,
    region: number,
    offset: number,
    access: number,
    value: number,
  ): void {
    const { words } = this;
    const write = (access & PERFORMED_WRITE) !== 0;
    if (next === EOI_NONE && words[write ? NEXT_WRITE_EOI : NEXT_READ_EOI] === EOI_NONE) {
      const counter = write ? WRITES : READS;
      words[counter] = ((words[counter] as number) + 1) | 0;
      if (words[FIRST] !== 0) this.pump.run();
      return;
    }
    const effect = this.corePerformed(region, offset, access, value, next);
    if (effect !== 0) this.pump.apply(effect);
  }

  /** An access to another region than the one before, or one that a device cannot have. */
  private readAny(region: number, offset: number, width: number): number {
    if (this.enter(region)) return this.read(region, offset, width);
    return this.readCore(word(region), word(offset), narrow(width));
  }

  private writeAny(region: number, offset: number, width: number, value: number): void {
    if (this.enter(region)) this.write(region, offset, width, value);
    else this.writeCore(word(region), word(offset), narrow(width), value);
  }

  /** @returns whether a region that may exist has become the present one, which it was not */
  private enter(region: number): boolean {
    if ((region & REGION_MASK) !== region) return false;
    let window = this.windows.get(region);
    if (region === this.region && window !== undefined) return false;
    if (window === undefined) {
      window = this.port.windowAt(this.words[region * REGION_WORDS + SHORT_POINTER] as number);
      this.windows.set(region, window);
    }
    this.region = region;
    this.window = window;
    return true;
  }

  /** An access that the core performs, or refuses. */
  private readCore(region: number, offset: number, width: number): number {
    const value = this.coreRead(region, offset, width);
    if (this.words[FIRST] !== 0) this.pump.run();
    return value >>> 0;
  }

  private writeCore(region: number, offset: number, width: number, value: number): void {
    const effect = this.coreWrite(region, offset, width, value, 0);
    if (effect !== 0) this.pump.apply(effect);
  }
}
