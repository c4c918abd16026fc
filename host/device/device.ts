import * as effects from '../../assembly/boundary/effects';
import * as options from '../../assembly/boundary/options';
import { RULE_EXACT, RULE_READ, RULE_WRITE } from '../../assembly/boundary/options';
import * as status from '../../assembly/boundary/status';
import * as layout from '../../assembly/state/layout';
import type { GuestRam } from '../boundary/guest-ram';
import type { DeviceLocation } from '../boundary/host';
import type { HostPort } from '../boundary/port';
import { narrow, word } from '../core/arguments';
import type { CoreExports } from '../core/boundary-types';
import type { Core } from '../core/core';
import type { CoreMemory } from '../core/core-memory';
import { readRecord } from '../core/fields';
import { errnoName, VfioError } from '../errors';
import type { EoiSource, ResolvedOptions } from '../options/options';
import { ruleProblem } from '../options/parse-options';
import type { DeviceProfile, EoiRule } from '../profiles/profile';
import type { Clock, TimerHandle } from '../time/clock';
import { formatTrace, type TraceEvent } from '../trace/events';
import {
  type DeviceStatistics,
  type LineInfo,
  type RegionInfo,
  readDeviceFlags,
  readLine,
  readRegion,
  readStatistics,
} from './device-info';
import { EffectPump } from './effect-pump';
import type { AccessProblem, DeviceEvent, DeviceListener } from './events';
import { failureError, statusError } from './failure';
import { GuestPath } from './guest-path';
import { type LineTarget, LineTargets } from './line-targets';
import { checkSnapshot, copySnapshot, takeSnapshot } from './snapshot';

const FIRST = layout.FIRST_EFFECT >>> 2;
const DOORBELL = layout.DOORBELL >>> 2;
const LINE_FLAGS = (layout.LINES + 4) >>> 2;
const LINE_WORDS = layout.LINE_STRIDE >>> 2;
const NS_PER_MS = 1e6;
const MASK_FLAGS = options.LINE_ARMED | options.LINE_MASK_REQUESTED;

const EOI_SOURCES: Readonly<Record<EoiSource, number>> = {
  irqchip: options.EOI_IRQCHIP,
  register: options.EOI_REGISTER,
  write: options.EOI_WRITE,
  access: options.EOI_ACCESS,
};

const PROBLEMS: Readonly<Record<number, AccessProblem>> = {
  [status.ACCESS_NO_REGION]: 'no-region',
  [status.ACCESS_BAD_WIDTH]: 'bad-width',
  [status.ACCESS_OUT_OF_BOUNDS]: 'out-of-bounds',
  [status.ACCESS_NOT_READABLE]: 'not-readable',
  [status.ACCESS_NOT_WRITABLE]: 'not-writable',
  [status.ACCESS_NESTED_TOO_DEEP]: 'nested-too-deep',
  [status.ACCESS_FAILED]: 'failed',
  [status.ACCESS_SHORT]: 'short',
};

/** What a device needs of its surroundings. */
export interface DeviceParts {
  readonly core: Core;
  readonly port: HostPort;
  readonly location: DeviceLocation;
  readonly options: ResolvedOptions;
  readonly profile: DeviceProfile | undefined;
  readonly clock: Clock;
  readonly setDirectMapping: ((on: boolean) => void) | undefined;
  /** Called once, when the device has been closed. */
  readonly released: () => void;
}

/**
 * An open VFIO platform device: guest accesses go in, virtual interrupt lines
 * come out. Made by openDevice(). Once it is closed, calls throw VfioError CLOSED;
 * only close(), listen() and the counters go on working.
 */
export class VfioPlatformDevice {
  /** Name of the device on its bus. */
  readonly name: string;
  /** Compatible strings, most specific first; empty where the host does not know them. */
  readonly compatible: readonly string[];
  readonly profile: DeviceProfile | undefined;
  readonly options: ResolvedOptions;
  readonly bus: 'platform' | 'amba';
  /** Whether reset() also resets the device itself. */
  readonly resettable: boolean;

  /** Called when a signal arrives while none waits: bring the machine to a safe point soon. */
  onSignal: (() => void) | undefined;

  readonly #exports: CoreExports;
  readonly #memory: CoreMemory;
  declare private readonly words: Int32Array;
  declare private readonly port: HostPort;
  readonly #clock: Clock;
  // Not #private: on the hot path that costs a few per cent.
  declare private readonly pump: EffectPump;
  declare private readonly path: GuestPath;
  readonly #targets: LineTargets;
  readonly #parts: DeviceParts;
  readonly #listeners = new Set<DeviceListener>();
  readonly #timeoutNs: number;
  #timer: TimerHandle | undefined;
  #lost = 0;
  /** Blocks of guest RAM that are mapped, by I/O virtual address. */
  readonly #guestRam: { first: bigint; last: bigint; handle: number }[] = [];
  #closed = false;
  // Kept as fields: calls through the exports object cost a look-up each.
  declare private coreSafePoint: CoreExports['safePoint'];
  declare private readonly coreCompleteLine: CoreExports['completeLine'];

  /** @internal use openDevice(); `parts` are DeviceParts, which are not public */
  constructor(parts: object) {
    this.#parts = parts as DeviceParts;
    const { core, port, location, profile, clock } = this.#parts;
    this.name = location.name;
    this.compatible = location.compatible;
    this.profile = profile;
    this.options = this.#parts.options;
    this.#exports = core.exports;
    this.#memory = core.memory;
    this.words = core.memory.signedWords;
    this.port = port;
    this.#clock = clock;
    this.coreSafePoint = core.exports.safePoint;
    this.coreCompleteLine = core.exports.completeLine;
    const { mmapTimeoutMs } = this.#parts.options;
    this.#timeoutNs = typeof mmapTimeoutMs === 'number' ? mmapTimeoutMs * NS_PER_MS : 0;
    const flags = readDeviceFlags(core.memory);
    this.bus = flags.bus;
    this.resettable = flags.resettable;
    this.#targets = new LineTargets(this.#record().lineCount);
    this.pump = new EffectPump(
      this.words,
      {
        port,
        mayUnmask: (line) => this.#mayUnmask(line),
        unmaskFailed: (line, result) => this.#exports.unmaskResult(line, result),
        numbered: (effect, line) => this.#numbered(effect, line),
        drained: () => this.#drained(),
      },
      this.#targets,
    );
    this.path = new GuestPath(core, port, this.pump, (result, line) =>
      this.#refuse(result, 'signal', line),
    );
    port.onRing = () => this.onSignal?.();
    port.onHangUp = (line) => this.#emit({ type: 'device-gone', line });
    port.onRefused = (pointer, offset) => this.#refused(pointer, offset);
  }

  /**
   * A guest read of 1, 2 or 4 bytes.
   *
   * @param region index of the region
   * @param offset bytes from its start
   * @returns the value, 0 … 2^(8·width) − 1; all ones when the access failed or
   *   may not reach the device, which an 'access-failed' event then tells
   */
  read(region: number, offset: number, width: number): number {
    return this.path.read(region, offset, width);
  }

  /** A guest write of 1, 2 or 4 bytes. */
  write(region: number, offset: number, width: number, value: number): void {
    this.path.write(region, offset, width, value);
  }

  /** A guest read of 8 bytes. */
  read64(region: number, offset: number): bigint {
    this.#check('access');
    const low = this.#exports.read(word(region), word(offset), 8) >>> 0;
    // Before the effects, because they may make the machine read again.
    const high = this.#memory.word(layout.VALUE_HIGH);
    this.#apply();
    return (BigInt(high) << 32n) | BigInt(low);
  }

  /** A guest write of 8 bytes. */
  write64(region: number, offset: number, value: bigint): void {
    const low = Number(value & 0xffffffffn);
    const high = Number((value >> 32n) & 0xffffffffn);
    this.#check('access');
    const effect = this.#exports.write(word(region), word(offset), 8, low, high);
    if (effect !== 0) this.pump.apply(effect);
  }

  /**
   * A read by a machine that really maps the device, while its direct mapping
   * is on: it reaches the device without being trapped.
   */
  directRead(region: number, offset: number, width: number): number {
    this.#check('read');
    const value = this.#exports.directRead(word(region), word(offset), narrow(width)) >>> 0;
    this.#apply();
    return value;
  }

  /** A write by a machine that really maps the device, while its direct mapping is on. */
  directWrite(region: number, offset: number, width: number, value: number): void {
    this.#check('write');
    this.#exports.directWrite(word(region), word(offset), narrow(width), value, 0);
    this.#apply();
  }

  /** Whether the direct mapping is on. */
  get directMapping(): boolean {
    return this.#machine().mappingOn !== 0;
  }

  /** Whether signals wait for a safe point. */
  get signalsWaiting(): boolean {
    return this.words[DOORBELL] !== 0;
  }

  /**
   * A safe point of the machine: handles the signals that wait, tries failed
   * unmasks again, looks for stalled lines.
   */
  safePoint(): void {
    const effect = this.coreSafePoint(this.#clock.nowNs() / NS_PER_MS);
    if (effect !== 0) this.pump.apply(effect);
  }

  /**
   * Handles `count` signals of a line that were drained from its eventfd
   * elsewhere; signals that the host watches arrive by themselves.
   */
  signal(line: number, count: number): void {
    this.path.signal(line, count);
  }

  /** The machine's interrupt controller saw the guest complete the line (EOI source 'irqchip'). */
  completeLine(line: number): void {
    const effect = this.coreCompleteLine(word(line));
    if (effect > 0) this.pump.apply(effect);
    else if (effect < 0) this.#refuse(effect, 'complete', line);
  }

  /**
   * Connects a line and arms it: from now on its interrupts arrive. A line that
   * is connected already goes to the new target from now on.
   *
   * @param gsi input of the machine's kernel irqchip; with it and the option
   *   x-irqfd the line is given to the irqchip, and `target` is only used
   *   where that is refused
   */
  connectLine(line: number, target: LineTarget, gsi?: number): void {
    const wasUp = this.lines[line]?.up === true;
    const before = this.#targets.connect(line, target);
    const byIrqchip = gsi !== undefined && this.options.xIrqfd;
    const result = byIrqchip
      ? this.#exports.armIrqfd(word(line), word(gsi))
      : this.#exports.armLine(word(line));
    if (result < status.STATUS_OK) {
      this.#targets.connect(line, before);
    } else if (wasUp) {
      before?.down();
      target.up();
    }
    this.#apply();
    if (result === status.STATUS_FELL_BACK) {
      this.#emit({
        type: 'warning',
        message: `${this.#failure().message}; it is served without the kernel irqchip`,
      });
    } else if (result !== status.STATUS_OK) {
      throw this.#error(result, `arm line ${line}`);
    }
  }

  /** Takes a line out of service; it can be connected again. */
  disconnectLine(line: number): void {
    const result = this.#exports.disarmLine(word(line));
    this.#apply();
    // A disarm that failed in the kernel has taken the line out all the same.
    const out = result === status.STATUS_OK || result === status.STATUS_FAILED;
    if (out) this.#targets.connect(line, undefined);
    if (result !== status.STATUS_OK) throw this.#error(result, `disarm line ${line}`);
  }

  /** Masks a level line in the host until unmaskLine(). */
  maskLine(line: number): void {
    this.#maskCall(line, this.#exports.maskLine(word(line)), 'mask');
  }

  /** Ends maskLine(); also one more try for a line that is stuck. */
  unmaskLine(line: number): void {
    this.#maskCall(line, this.#exports.unmaskLine(word(line)), 'unmask');
  }

  /** Chooses how the completion of an inactive line is noticed. */
  setEoiSource(line: number, source: EoiSource): void {
    this.#checkEoi();
    if (!Object.hasOwn(EOI_SOURCES, source)) {
      throw new VfioError(
        'RULE_INVALID',
        `${this.name}: there is no EOI source '${source}'; there are ${Object.keys(EOI_SOURCES).join(', ')}`,
        { device: this.name },
      );
    }
    const result = this.#exports.setEoi(word(line), EOI_SOURCES[source]);
    if (result === status.STATUS_INVALID) {
      throw new VfioError(
        'RULE_INVALID',
        `${this.name}: line ${line} cannot get EOI source '${source}' while it is being handled, ` +
          "and 'register' only when there is a rule for it",
        { device: this.name },
      );
    }
    if (result !== status.STATUS_OK)
      throw this.#error(result, `set the EOI source of line ${line}`);
  }

  /** Adds an EOI register rule; its line gets the EOI source 'register'. */
  addEoiRule(rule: EoiRule): void {
    this.#checkEoi();
    const wrong = ruleProblem(rule);
    if (wrong !== undefined) {
      throw new VfioError('RULE_INVALID', `${this.name}: the EOI rule ${wrong}`, {
        device: this.name,
      });
    }
    const { region, offset, width = 4, access, value, line } = rule;
    // A value without a mask is about the whole register.
    const mask = rule.mask ?? (value === undefined ? 0 : 2 ** (8 * width) - 1);
    const direction =
      (access === 'read' ? RULE_READ : RULE_WRITE) | (value === undefined ? 0 : RULE_EXACT);
    const result = this.#exports.addRule(
      word(region),
      word(offset),
      word(width),
      direction,
      mask,
      value ?? 0,
      word(line),
    );
    if (result === status.STATUS_OK) return;
    const what = `EOI rule for line ${line} (${access} of region ${region} at 0x${offset.toString(16)})`;
    if (result === status.STATUS_FULL) {
      throw new VfioError('RULES_FULL', `${this.name}: there is no room for the ${what}`, {
        device: this.name,
      });
    }
    if (result === status.STATUS_INVALID) {
      throw new VfioError(
        'RULE_INVALID',
        `${this.name}: the ${what} names no aligned register of 1, 2 or 4 bytes inside the region, or bits that are not among those of the mask or of the register, ` +
          'or its line is being handled',
        { device: this.name },
      );
    }
    throw this.#error(result, `add the ${what}`);
  }

  /**
   * Machine reset: lines down, nothing pending, level lines unmasked, the
   * device itself reset where it can be.
   */
  reset(): void {
    const result = this.#exports.reset();
    this.#apply();
    if (result !== status.STATUS_OK) throw this.#error(result, 'reset');
  }

  /** The machine stands still: signals wait, lines keep their level. */
  pause(): void {
    const result = this.#exports.pause();
    if (result !== status.STATUS_OK) throw this.#error(result, 'pause');
  }

  /** Ends pause(). */
  resume(): void {
    const result = this.#exports.resume();
    if (result !== status.STATUS_OK) throw this.#error(result, 'resume');
    this.safePoint();
  }

  /** What the interrupt machine remembers, for restore() on this or another run. */
  snapshot(): Uint8Array {
    const gathered = this.#exports.gatherSignals();
    if (gathered !== status.STATUS_OK) throw this.#error(gathered, 'take a snapshot');
    return takeSnapshot(this.#memory);
  }

  /**
   * Takes over the state of a snapshot of the same kind of device with the
   * same options. Lines must be connected as they were; level lines are
   * sampled again.
   */
  restore(snapshot: Uint8Array): void {
    this.#check('restore a snapshot');
    checkSnapshot(this.name, this.#memory, snapshot);
    const begun = this.#exports.beginRestore();
    if (begun !== status.STATUS_OK) throw this.#error(begun, 'restore a snapshot');
    this.#apply();
    const waiting = copySnapshot(this.#memory, snapshot);
    const result = this.#exports.endRestore(this.#clock.nowNs() / NS_PER_MS);
    for (const { line, count } of waiting) this.port.ring(line, count);
    this.#apply();
    if (result !== status.STATUS_OK) throw this.#error(result, 'restore a snapshot');
  }

  /**
   * Maps guest RAM for the device (spec S10).
   *
   * @param iova where the device sees it; the guest physical address
   */
  mapGuestRam(ram: GuestRam, iova: bigint, writable = true): void {
    this.#check('map guest RAM');
    const size = BigInt(ram.bytes.length);
    const { handle, offset } = this.port.guestRam(ram);
    const result = this.#exports.dmaMap(
      handle,
      offset,
      0,
      Number(iova & 0xffffffffn),
      Number(iova >> 32n),
      Number(size & 0xffffffffn),
      Number(size >> 32n),
      writable ? 1 : 0,
    );
    if (result !== status.STATUS_OK) {
      this.port.releaseGuestRam(handle);
      throw this.#error(result, 'map guest RAM');
    }
    this.#guestRam.push({ first: iova, last: iova + size - 1n, handle });
  }

  /** Ends the mapping in which `iova` lies; false when there is none. */
  unmapGuestRam(iova: bigint): boolean {
    const result = this.#exports.dmaUnmap(Number(iova & 0xffffffffn), Number(iova >> 32n));
    if (result === status.STATUS_INVALID) return false;
    const index = this.#guestRam.findIndex(({ first, last }) => first <= iova && iova <= last);
    const [ended] = index < 0 ? [] : this.#guestRam.splice(index, 1);
    if (ended) this.port.releaseGuestRam(ended.handle);
    if (result !== status.STATUS_OK) throw this.#error(result, 'unmap guest RAM');
    return true;
  }

  get regions(): readonly RegionInfo[] {
    this.#check('list its regions');
    const { regionCount } = this.#record();
    return Array.from({ length: regionCount }, (_, index) => readRegion(this.#memory, index));
  }

  get lines(): readonly LineInfo[] {
    this.#check('list its lines');
    const { lineCount } = this.#record();
    return Array.from({ length: lineCount }, (_, index) => readLine(this.#memory, index));
  }

  get statistics(): DeviceStatistics {
    return readStatistics(this.#memory);
  }

  get closed(): boolean {
    return this.#closed;
  }

  /**
   * Calls `listener` for every event from now on.
   * @returns ends that; idempotent
   */
  listen(listener: DeviceListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /**
   * Gives everything back. Idempotent. What fails on the way does not stop it;
   * the first failure is thrown at the end.
   */
  close(): void {
    if (this.#closed) return;
    const result = this.#exports.close();
    if (result === status.STATUS_REENTRANT) throw this.#error(result, 'close');
    this.#closed = true;
    const failure = result === status.STATUS_OK ? undefined : this.#failure();
    const refuse = () => {
      throw statusError(this.name, status.STATUS_CLOSED, 'access');
    };
    this.path.close(refuse);
    this.coreSafePoint = refuse;
    this.#timer?.cancel();
    this.#parts.released();
    const thrown: unknown[] = [];
    // Every line goes down, whatever the others' targets do.
    while (this.words[FIRST] !== 0) {
      try {
        this.pump.run();
      } catch (error) {
        thrown.push(error);
      }
    }
    if (failure) throw failure;
    if (thrown.length > 0) throw thrown[0];
  }

  /** @internal Tells an event that the core does not know. */
  announce(trace: TraceEvent): void {
    if (this.options.trace) this.#emit({ type: 'trace', trace });
  }

  /** @internal Tells what happened while the device was opened. */
  start(): void {
    this.#apply();
    for (const { index, mmapErrno, size } of this.regions) {
      if (size > REACHABLE_BYTES) {
        this.#emit({
          type: 'warning',
          message: `${this.name}: region ${index} has ${size} bytes, of which only the first 4 GiB can be accessed`,
        });
      }
      if (mmapErrno === undefined) continue;
      this.#emit({
        type: 'warning',
        message: `${this.name}: region ${index}: mmap unsupported (${errnoName(mmapErrno)}), performance may be slow`,
      });
    }
  }

  #checkEoi(): void {
    this.#check('choose an EOI source');
    if (this.options.policy !== 'qemu') return;
    throw new VfioError(
      'RULE_INVALID',
      `${this.name}: policy 'qemu' completes lines by any access; EOI sources need policy 'strict'`,
      { device: this.name },
    );
  }

  #record() {
    return readRecord(this.#memory, 'DeviceRecord', layout.DEVICE);
  }

  #machine() {
    return readRecord(this.#memory, 'MachineRecord', layout.MACHINE);
  }

  #check(what: string): void {
    if (this.#closed) throw statusError(this.name, status.STATUS_CLOSED, what);
  }

  #apply(): void {
    if (this.words[FIRST] !== 0) this.pump.run();
  }

  #failure(): VfioError {
    const { failureStep, failureErrno, failureDetail } = this.#record();
    return failureError(this.name, {
      step: failureStep,
      errno: failureErrno,
      detail: failureDetail,
      iommufd: this.options.iommufd,
    });
  }

  #error(result: number, what: string): VfioError {
    return result === status.STATUS_FAILED ? this.#failure() : statusError(this.name, result, what);
  }

  #refuse(result: number, what: string, line: number): never {
    throw this.#error(result, `${what} line ${line}`);
  }

  #maskCall(line: number, result: number, what: string): void {
    this.#apply();
    if (result === status.STATUS_INVALID) {
      throw new VfioError(
        'LINE_NOT_MASKABLE',
        `${this.name}: cannot ${what} line ${line}, an edge line has no mask`,
        { device: this.name },
      );
    }
    if (result !== status.STATUS_OK) throw this.#error(result, `${what} line ${line}`);
  }

  /**
   * Whether the line may still be unmasked: since the effect was queued it may
   * have been masked on request, disarmed or closed, by what the machine did in
   * "line down".
   */
  #mayUnmask(line: number): boolean {
    const flags = this.words[LINE_FLAGS + line * LINE_WORDS] as number;
    return (flags & MASK_FLAGS) === options.LINE_ARMED;
  }

  #numbered(effect: number, line: number): void {
    switch (effect) {
      case effects.EFFECT_MAPPING_ON:
        this.#parts.setDirectMapping?.(true);
        break;
      case effects.EFFECT_MAPPING_OFF:
        this.#parts.setDirectMapping?.(false);
        break;
      case effects.EFFECT_TIMER_START:
        this.#timer?.cancel();
        this.#timer = this.#clock.setTimer(this.#timeoutNs, () => {
          this.#exports.timerFired();
          this.#apply();
        });
        break;
      case effects.EFFECT_TIMER_STOP:
        this.#timer?.cancel();
        break;
      case effects.EFFECT_RETRY_UNMASK:
        this.#exports.unmaskResult(line, this.#mayUnmask(line) ? this.port.unmask(line) : 0);
        break;
      case effects.EFFECT_STUCK:
        this.#emit({ type: 'line-stuck', line });
        break;
      case effects.EFFECT_STALLED:
        this.#emit({ type: 'line-stalled', line, ageMs: this.#age(line) });
        break;
      case effects.EFFECT_ACCESS_REPORT:
        this.#reportAccess(line);
        break;
      case effects.EFFECT_TRACE:
        this.#deliverTrace();
        break;
    }
  }

  /** Milliseconds of machine time since the line became active. */
  #age(line: number): number {
    const { serialActive } = this.#machine();
    const since =
      serialActive === line
        ? this.#memory.double(layout.SERIAL_SINCE_MS)
        : this.#memory.double(layout.LINE_TIMING + line * layout.LINE_TIMING_STRIDE);
    return this.#clock.nowNs() / NS_PER_MS - since;
  }

  #reportAccess(slot: number): void {
    const at = layout.ACCESS_REPORTS + slot * layout.ACCESS_REPORT_STRIDE;
    const field = (index: number) => this.#memory.word(at + index * 4);
    const errno = field(1);
    this.#emit({
      type: 'access-failed',
      problem: PROBLEMS[field(0)] ?? 'failed',
      direction: field(5) === 0 ? 'read' : 'write',
      region: field(2),
      offset: field(3),
      width: field(4),
      errno: errno === 0 ? undefined : errno,
      suppressed: this.#memory.word(layout.REPORTS_SUPPRESSED),
    });
  }

  #deliverTrace(): void {
    const raw = this.port.traced.shift();
    if (raw !== undefined) this.#emit({ type: 'trace', trace: formatTrace(raw) });
  }

  /** The bus has refused an access to what is mapped at `pointer` of the linear memory. */
  #refused(pointer: number, offset: number): void {
    for (const { index, mapped } of this.#closed ? [] : this.regions) {
      const area = mapped.find((candidate) => candidate.pointer === pointer);
      if (area) this.#emit({ type: 'bus-error', region: index, offset: area.offset + offset });
    }
  }

  /** Every listener hears of the event, whatever the others do. */
  #emit(event: DeviceEvent): void {
    const thrown: unknown[] = [];
    for (const listener of this.#listeners) {
      try {
        listener(event);
      } catch (error) {
        thrown.push(error);
      }
    }
    if (thrown.length > 0) throw thrown[0];
  }

  /** Throws what waited until the core had returned. */
  #drained(): void {
    const lost = this.#memory.word(layout.EFFECTS_LOST);
    const newlyLost = lost - this.#lost;
    this.#lost = lost;
    const waiting = this.port.takeError();
    // The next call tells of the next one.
    if (this.port.failed) this.words[FIRST] = (this.words[FIRST] as number) | effects.EFFECT_MORE;
    if (waiting) throw waiting.error;
    if (newlyLost === 0) return;
    throw new VfioError(
      'EFFECTS_LOST',
      `${this.name}: ${newlyLost} effects found the queue full, because listeners or lines threw ` +
        'again and again; reset the device',
      { device: this.name },
    );
  }
}

/** Offsets have 32 bits. */
const REACHABLE_BYTES = 0x100000000n;
