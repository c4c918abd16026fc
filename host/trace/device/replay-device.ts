import { VfioError } from '../../errors';
import type {
  DeviceModel,
  ModelEnvironment,
  ModelIrq,
  ModelRegion,
  ModelWidth,
} from '../../sim/models/model';
import type { Trace } from '../format/trace';
import { TOLERANT_LOOKAHEAD } from '../limits';
import { type AccessStep, type DeviceStep, deviceSteps } from './steps';

export interface ReplayDeviceOptions {
  /**
   * 'strict': the driver must make exactly the recorded accesses; another one
   * fails with TRACE_DIVERGED. 'tolerant' (default): accesses may be missing,
   * repeated or in between; a register that is not next answers what it said last.
   */
  readonly matching?: 'strict' | 'tolerant';
  /**
   * Event of the recording at which the device begins; the first one unless given.
   * For drivers that go on from there, as with continueRecording().
   */
  readonly from?: number;
}

/**
 * A simulated device that does what a recorded one did, for a driver under
 * test: put it on a SimulatedHost. Reads answer in the recorded order; signals
 * come after the access, or as long after it, as they did.
 *
 * @throws VfioError TRACE_CORRUPT, TRACE_UNSUPPORTED
 */
export function replayDevice(trace: Trace, options: ReplayDeviceOptions = {}): ReplayDeviceModel {
  return new ReplayDeviceModel(trace, options);
}

/** Made by replayDevice(). */
export class ReplayDeviceModel implements DeviceModel {
  readonly compatible: readonly string[];
  readonly regions: readonly ModelRegion[];
  readonly irqs: readonly ModelIrq[];
  readonly resettable: boolean;
  readonly #name: string;
  readonly #strict: boolean;
  readonly #steps: readonly DeviceStep[];
  #next = 0;
  /** Time of the recording at the step before the next. */
  #lastNs: number;
  #waiting: { cancel(): void } | undefined;
  /** It begins in the middle, and no driver has come yet. */
  #opening = false;
  #environment: ModelEnvironment | undefined;
  /** What each register said or was told last. */
  readonly #last = new Map<string, number>();
  readonly #high = new Set<number>();

  constructor(trace: Trace, { matching = 'tolerant', from = 0 }: ReplayDeviceOptions) {
    const { device, header } = trace;
    if (device === undefined) {
      throw new VfioError(
        'TRACE_UNSUPPORTED',
        `${header.device.name}: the recording has no open device to make one of`,
      );
    }
    this.compatible = header.device.compatible;
    this.regions = device.regions.map(({ size, readable, writable, mapped }) => ({
      size: Number(size),
      access: readable && writable ? 'rw' : readable ? 'ro' : writable ? 'wo' : 'none',
      mappable: mapped.length > 0,
    }));
    this.irqs = device.lines.map(({ trigger }) => ({ trigger }));
    this.resettable = device.resettable;
    this.#name = header.device.name;
    this.#strict = matching === 'strict';
    this.#steps = deviceSteps(trace);
    this.#lastNs = trace.chunks[0]?.timeNs ?? 0;
    if (from > 0) this.#skipTo(trace, from);
  }

  /** Steps of the recording that are still to come. */
  get remaining(): number {
    return this.#steps.length - this.#next;
  }

  connect(environment: ModelEnvironment): void {
    this.#environment = environment;
    for (const line of this.#high) environment.setLine(line, true);
    this.#bring();
  }

  read(region: number, offset: number, width: ModelWidth): number {
    const step = this.#take('read', region, offset, width, undefined);
    const key = keyOf(region, offset, width);
    const value = step?.value ?? this.#last.get(key) ?? 0;
    this.#last.set(key, value);
    this.#bring();
    return value;
  }

  write(region: number, offset: number, width: ModelWidth, value: number): void {
    const step = this.#take('write', region, offset, width, value);
    // A register that is only ever written reads as it was written.
    if (step === undefined) this.#last.set(keyOf(region, offset, width), value);
    this.#bring();
  }

  /** What the recorded device did at a reset is in its answers. */
  reset(): void {
    // The kernel resets a device when it is opened; this one is beyond that.
    if (this.#opening) return;
    for (const line of this.#high) this.#environment?.setLine(line, false);
    this.#high.clear();
  }

  /** What came before has been: registers say what they said last, a level line may be high. */
  #skipTo(trace: Trace, from: number): void {
    for (let step = this.#steps[0]; step && step.event < from; step = this.#steps[this.#next]) {
      this.#next++;
      if (step.kind === 'signal') {
        if (this.irqs[step.line]?.trigger === 'level') this.#high.add(step.line);
      } else if (step.kind !== 'dma') {
        this.#high.clear();
        this.#last.set(keyOf(step.region, step.offset, step.width), step.value);
      }
    }
    const cursor = trace.cursor(from - 1);
    this.#lastNs = cursor.peek() ? cursor.event.timeNs : trace.totals.timeNs;
    this.#opening = true;
  }

  #take(
    kind: 'read' | 'write',
    region: number,
    offset: number,
    width: number,
    value: number | undefined,
  ): AccessStep | undefined {
    this.#opening = false;
    // The line of a level interrupt goes down when the driver comes to look.
    for (const line of this.#high) this.#environment?.setLine(line, false);
    this.#high.clear();
    const matches = (step: DeviceStep) =>
      step.kind === kind &&
      step.region === region &&
      step.offset === offset &&
      step.width === width &&
      (!this.#strict || value === undefined || step.value === value);
    const at = this.#find(matches);
    if (at === undefined) {
      if (this.#strict) throw this.#unexpected(kind, region, offset, width, value);
      return undefined;
    }
    // Signals on the way come now; accesses on the way are those that the driver left out.
    for (; this.#next < at; this.#next++) this.#do(this.#steps[this.#next] as DeviceStep);
    const step = this.#steps[at] as AccessStep;
    this.#next = at + 1;
    this.#lastNs = step.timeNs;
    return step;
  }

  #find(matches: (step: DeviceStep) => boolean): number | undefined {
    let accesses = 0;
    const most = this.#strict ? 1 : TOLERANT_LOOKAHEAD;
    for (let at = this.#next; at < this.#steps.length && accesses < most; at++) {
      const step = this.#steps[at] as DeviceStep;
      if (matches(step)) return at;
      if (step.kind === 'read' || step.kind === 'write') accesses++;
    }
    return undefined;
  }

  #do(step: DeviceStep): void {
    this.#lastNs = step.timeNs;
    if (step.kind === 'dma') {
      this.#environment?.dma.write(step.iova, step.bytes);
    } else if (step.kind === 'signal') {
      const level = this.irqs[step.line]?.trigger === 'level';
      for (let i = 0; i < (level ? 1 : step.count); i++) {
        this.#environment?.setLine(step.line, true);
        if (level) this.#high.add(step.line);
        else this.#environment?.setLine(step.line, false);
      }
    } else {
      this.#last.set(keyOf(step.region, step.offset, step.width), step.value);
    }
  }

  /** Does what comes before the next access, each at its time. */
  #bring(): void {
    this.#waiting?.cancel();
    this.#waiting = undefined;
    for (;;) {
      const step = this.#steps[this.#next];
      if (step === undefined || step.kind === 'read' || step.kind === 'write') return;
      const delayNs = step.timeNs - this.#lastNs;
      if (delayNs > 0) {
        this.#waiting = this.#environment?.clock.setTimer(delayNs, () => {
          this.#lastNs = step.timeNs;
          this.#bring();
        });
        return;
      }
      this.#next++;
      this.#do(step);
    }
  }

  #unexpected(
    kind: string,
    region: number,
    offset: number,
    width: number,
    value: number | undefined,
  ): VfioError {
    const text = (
      step: Omit<AccessStep, 'timeNs' | 'event' | 'value'> & { value?: number | undefined },
    ) =>
      `${step.kind} of ${step.width} bytes at 0x${step.offset.toString(16)} of region ${step.region}` +
      (step.kind === 'write' ? ` = 0x${(step.value ?? 0).toString(16)}` : '');
    const next = this.#steps
      .slice(this.#next)
      .find((step): step is AccessStep => step.kind === 'read' || step.kind === 'write');
    const actual = text({ kind: kind as 'read', region, offset, width, value });
    return new VfioError(
      'TRACE_DIVERGED',
      `${this.#name}: the driver makes a ${actual}; the recording has ${next ? `a ${text(next)}` : 'no more accesses'}`,
      { device: this.#name },
    );
  }
}

function keyOf(region: number, offset: number, width: number): string {
  return `${region}+${offset}:${width}`;
}
