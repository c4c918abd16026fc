import { ABI_VERSION } from '../../../assembly/boundary/version';
import { STATE_END, STATE_START } from '../../../assembly/state/layout';
import type { GuestRam } from '../../boundary/guest-ram';
import type { VfioHost } from '../../boundary/host';
import { checkMemoryBytes } from '../../core/core';
import type { VfioPlatformDevice } from '../../device/device';
import type { LineTarget } from '../../device/effect-pump';
import type { DeviceListener } from '../../device/events';
import { openDevice } from '../../device/open';
import { VfioError } from '../../errors';
import type { DeviceOptions, EoiSource } from '../../options/options';
import { parseOptions } from '../../options/parse-options';
import type { EoiRule } from '../../profiles/profile';
import {
  type Checkpoint,
  decodeCheckpoint,
  encodeCheckpoint,
  type RamMapping,
} from '../format/checkpoint';
import { crc32 } from '../format/crc32';
import type { RecordedEvent } from '../format/event';
import * as ops from '../format/ops';
import { corrupt, unsupported } from '../format/problem';
import type { Trace, TraceCheckpoint } from '../format/trace';
import { MAX_REPLAYED_RAM } from '../limits';
import { DivergenceError } from './divergence';
import { noKernel, noSysfs } from './kernel';
import { ReplaySession } from './session';
import { isReplayFailure, ReplayTap } from './tap';

/** How a core replay is done. */
export interface CoreReplayOptions {
  /** Another build of the core than the embedded one. */
  readonly core?: WebAssembly.Module;
  /** Told of the device's events. */
  readonly listener?: DeviceListener;
  /** Gets between the replayed host and the device, for example record(). */
  readonly through?: (host: VfioHost) => VfioHost;
}

/** The options with which the device of a trace was opened. */
export function replayOptions(trace: Trace): DeviceOptions {
  return { ...trace.header.options, host: trace.header.device.name } as DeviceOptions;
}

/**
 * Runs the core again from a trace, which also makes the calls: no device and
 * no machine is needed. Every import and every effect must be the recorded one.
 */
export class CoreReplay {
  readonly session: ReplaySession;
  /** The device; undefined where the recorded opening failed. */
  device: VfioPlatformDevice | undefined;
  #tap: ReplayTap | undefined;
  protected readonly options: CoreReplayOptions;
  readonly #targets: LineTarget[] = [];

  protected constructor(trace: Trace, options: CoreReplayOptions) {
    this.session = new ReplaySession(trace);
    this.options = options;
    this.session.runCall = (event) => this.#runCall(event);
  }

  /**
   * Opens the device of the trace; it then stands right behind its opening.
   * @throws DivergenceError; VfioError TRACE_*
   */
  static async start(trace: Trace, options: CoreReplayOptions = {}): Promise<CoreReplay> {
    const replay = new CoreReplay(trace, options);
    await replay.open();
    return replay;
  }

  /**
   * Brings a device to a checkpoint of the trace, without what came before it.
   * @returns undefined where this build cannot take the checkpoint over
   */
  static async at(
    trace: Trace,
    place: TraceCheckpoint,
    options: CoreReplayOptions = {},
  ): Promise<CoreReplay | undefined> {
    const checkpoint = decodeCheckpoint(trace.contents(place.chunk));
    if (checkpoint.abi !== ABI_VERSION) return undefined;
    const replay = await CoreReplay.start(trace, options);
    if (replay.#takeOver(checkpoint, place)) return replay;
    replay.dispose();
    return undefined;
  }

  #takeOver(checkpoint: Checkpoint, place: TraceCheckpoint): boolean {
    const { session, device } = this;
    const tap = this.#tap;
    const memory = tap?.memory;
    if (device === undefined || tap === undefined || memory === undefined) return false;
    const state = memory.words.subarray(STATE_START >>> 2, (STATE_END + 3) >>> 2);
    if (state.length !== checkpoint.state.length) return false;
    // What the host's side remembers comes about by calls that nobody answers or compares.
    session.muted = true;
    try {
      for (const [line, gsi] of checkpoint.lines) {
        device.connectLine(line, this.target(line), gsi === 0 ? undefined : gsi - 1);
      }
      for (const { size, iova, writable } of checkpoint.rams) {
        device.mapGuestRam(ramOf(size), iova, writable);
      }
      if (checkpoint.timerUsed) this.#learnTimer(device, checkpoint);
    } catch {
      return false;
    } finally {
      session.muted = false;
    }
    if (checkpoint.timerUsed && tap.timer === undefined) return false;
    state.set(checkpoint.state);
    tap.windows.restore(checkpoint.windows);
    tap.timerRuns = checkpoint.timerRuns;
    session.seek(place.event, place.chunk.timeNs);
    return true;
  }

  /** An interrupt makes the device set its timer, and so tell what that does. */
  #learnTimer(device: VfioPlatformDevice, { lines }: Checkpoint): void {
    const line = lines[0]?.[0] ?? device.lines.find(({ usable }) => usable)?.index;
    if (line === undefined) return;
    if (lines.length === 0) device.connectLine(line, this.target(line));
    device.signal(line, 1);
  }

  protected async open(): Promise<void> {
    const { session, options } = this;
    checkOptions(session.trace);
    const { header } = session.trace;
    const host: VfioHost = {
      kernel: noKernel([session]),
      sysfs: noSysfs,
      tap: {
        tap: (resolved) => {
          this.#tap = new ReplayTap(session, resolved);
          return this.#tap;
        },
      },
    };
    try {
      this.device = await openDevice(
        options.through ? options.through(host) : host,
        replayOptions(session.trace),
        {
          clock: { nowNs: () => session.timeNs, setTimer: () => ({ cancel() {} }) },
          guestRam: header.guestRam.map((block) => ({ ...block, ...ramOf(block.size) })),
          ...(header.directMapping && { setDirectMapping: () => {} }),
          ...(header.irqchip && { vmFd: 0 }),
          ...(header.machine && {
            machine: { name: header.machine.name, capabilities: header.machine as never },
          }),
          ...(options.listener && { listener: options.listener }),
          ...(options.core && { core: options.core }),
        },
      );
    } catch (error) {
      // Else the recorded opening failed in the same way.
      if (isReplayFailure(error) || !this.#tap?.failedAsRecorded) throw error;
    }
    session.device = this.device;
    await this.#enterWindow();
  }

  /** A trimmed recording goes on from a checkpoint behind its opening. */
  async #enterWindow(): Promise<void> {
    const { trace } = this.session;
    const how = trace.header.derived?.how;
    if (how === 'lines') {
      throw new VfioError(
        'TRACE_UNSUPPORTED',
        'the recording has some lines only, so it cannot be replayed; use the one it was made from',
      );
    }
    const [place] = trace.checkpoints;
    if (how !== 'window' || place === undefined) return;
    const checkpoint = decodeCheckpoint(trace.contents(place.chunk));
    if (checkpoint.abi !== ABI_VERSION || !this.#takeOver(checkpoint, place)) {
      throw new VfioError(
        'TRACE_UNSUPPORTED',
        `the recording begins at a checkpoint of boundary version ${checkpoint.abi}, this release has ${ABI_VERSION}; ` +
          'trim the whole recording again',
      );
    }
  }

  /**
   * The state between two calls, as the contents of a checkpoint.
   * @throws VfioError TRACE_UNSUPPORTED where guest RAM was unmapped before
   */
  checkpoint(): Uint8Array {
    const { device } = this;
    const tap = this.#tap;
    if (device === undefined || device.closed || tap?.memory === undefined) {
      throw new VfioError('TRACE_UNSUPPORTED', 'there is no open device to take a checkpoint of');
    }
    const { lines, rams } = connectedAt(this.session.trace, this.position);
    const armed = device.lines.map((line) => line.armed);
    return encodeCheckpoint({
      abi: ABI_VERSION,
      timerRuns: tap.timerRuns,
      timerUsed: tap.timer !== undefined,
      // Of those that were to be connected, some may have been refused.
      lines: [...lines]
        .filter(([line]) => armed[line] !== undefined && armed[line] !== 'no')
        .sort(([a], [b]) => a - b),
      rams,
      windows: tap.windows.list(),
      state: tap.memory.words.subarray(STATE_START >>> 2, (STATE_END + 3) >>> 2),
    });
  }

  /** Number of the next event. */
  get position(): number {
    const { cursor, event } = this.session;
    return cursor.peek() ? event.ordinal : this.session.trace.totals.events;
  }

  /** Whether all events have been replayed. */
  get ended(): boolean {
    return this.session.ended;
  }

  /**
   * Makes the next call or stimulus of the trace, with all that happens inside.
   * @returns false at the end
   * @throws DivergenceError
   */
  step(): boolean {
    const { session } = this;
    if (!session.cursor.peek()) return false;
    const { event } = session;
    if (event.depth !== 0) throw session.diverged('nothing');
    if (event.window >= 0) this.#runAccess(event);
    else if (ops.opShape(event.op)?.kind === 'stimulus') session.stimulate();
    else if (ops.opShape(event.op)?.kind === 'call') this.#runCall(event);
    else throw session.diverged('nothing');
    return true;
  }

  /** Replays everything up to event `event` (default: the end). @throws DivergenceError */
  run(event = Number.POSITIVE_INFINITY): void {
    const { cursor } = this.session;
    const current = this.session.event;
    while (cursor.peek() && current.ordinal < event) this.step();
  }

  /** Ends the replay. */
  dispose(): void {
    const { session, device } = this;
    session.muted = true;
    session.runCall = undefined;
    try {
      device?.close();
    } catch {
      // It may be in the middle of a call that diverged.
    }
  }

  /** The target of a line: what the trace says happens when it moves. */
  protected target(line: number): LineTarget {
    const { session } = this;
    const move = (op: number) => {
      if (!session.muted) session.within(op, () => {}, line);
    };
    this.#targets[line] ??= {
      up: () => move(ops.OP_LINE_UP),
      down: () => move(ops.OP_LINE_DOWN),
    };
    return this.#targets[line] as LineTarget;
  }

  /** An access in short form: nothing but its load or store happens in it. */
  #runAccess(event: RecordedEvent): void {
    const { session } = this;
    const { args } = event;
    const value = event.results[0] as number;
    session.beginAccess();
    try {
      if (event.op === ops.OP_WRITE) {
        this.#open.write(
          args[0] as number,
          args[1] as number,
          args[2] as number,
          args[3] as number,
        );
      } else {
        const read = this.#open.read(args[0] as number, args[1] as number, args[2] as number);
        if (read !== value) this.#compare(event.op, read, 0, value, 0);
      }
    } catch (error) {
      if (isReplayFailure(error)) throw error;
      session.leaveThrown(event.op, false, error);
    }
    session.endAccess();
  }

  #runCall(event: RecordedEvent): void {
    if (event.window >= 0) {
      this.#runAccess(event);
      return;
    }
    const { session } = this;
    const { op } = event;
    const [a = 0, b = 0, c = 0, d = 0] = event.args;
    const { input } = event;
    const expected = event.results[0] as number;
    const whole = event.phase === 'whole';
    const begun = session.enter(op, a, b, c, d, event.args[4], event.args[5], input);
    let first = 0;
    let second = 0;
    try {
      switch (op) {
        case ops.OP_READ:
          first = this.#open.read(a, b, c);
          break;
        case ops.OP_WRITE:
          this.#open.write(a, b, c, d);
          break;
        case ops.OP_SAFE_POINT:
          this.#open.safePoint();
          break;
        default:
          [first, second] = this.#runOther(op, a, b, c, d, input);
      }
    } catch (error) {
      if (error instanceof DivergenceError || isReplayFailure(error)) throw error;
      session.leaveThrown(op, begun, error);
      return;
    }
    const secondExpected = whole ? (event.results[1] as number) : 0;
    session.leave(op, begun);
    this.#compare(op, first, second, whole ? expected : undefined, secondExpected);
  }

  #compare(op: number, first: number, second: number, whole: number | undefined, other: number) {
    const count = (ops.opShape(op) as ops.OpShape).results.length;
    if (count === 0) return;
    const { event } = this.session;
    const expected = whole ?? (event.results[0] as number);
    const expectedSecond = whole === undefined ? (event.results[1] as number) : other;
    if (first === expected && (count < 2 || second === expectedSecond)) return;
    const { name } = ops.opShape(op) as ops.OpShape;
    const value =
      count < 2 ? `0x${first.toString(16)}` : `0x${first.toString(16)}, 0x${second.toString(16)}`;
    throw this.session.diverged(`${name} -> ${value} (recorded 0x${expected.toString(16)})`, true);
  }

  get #open(): VfioPlatformDevice {
    if (this.device === undefined) throw corrupt('a call is made on a device that is not open');
    return this.device;
  }

  #runOther(
    op: number,
    a: number,
    b: number,
    c: number,
    d: number,
    input: Uint8Array,
  ): [number, number] {
    const device = this.#open;
    switch (op) {
      case ops.OP_READ64: {
        const value = device.read64(a, b);
        return [Number(value & 0xffffffffn), Number(value >> 32n)];
      }
      case ops.OP_WRITE64:
        device.write64(a, b, (BigInt(d) << 32n) | BigInt(c));
        break;
      case ops.OP_DIRECT_READ:
        return [device.directRead(a, b, c), 0];
      case ops.OP_DIRECT_WRITE:
        device.directWrite(a, b, c, d);
        break;
      case ops.OP_SIGNAL:
        device.signal(a, b);
        break;
      case ops.OP_COMPLETE_LINE:
        device.completeLine(a);
        break;
      case ops.OP_CONNECT_LINE:
        device.connectLine(a, this.target(a), b === 0 ? undefined : b - 1);
        break;
      case ops.OP_DISCONNECT_LINE:
        device.disconnectLine(a);
        break;
      case ops.OP_MASK_LINE:
        device.maskLine(a);
        break;
      case ops.OP_UNMASK_LINE:
        device.unmaskLine(a);
        break;
      case ops.OP_SET_EOI:
        device.setEoiSource(a, text(input) as EoiSource);
        break;
      case ops.OP_ADD_RULE:
        device.addEoiRule(parseRule(input));
        break;
      case ops.OP_RESET:
        device.reset();
        break;
      case ops.OP_PAUSE:
        device.pause();
        break;
      case ops.OP_RESUME:
        device.resume();
        break;
      case ops.OP_SNAPSHOT:
        return [crc32(device.snapshot()), 0];
      case ops.OP_RESTORE:
        device.restore(input.slice());
        break;
      case ops.OP_MAP_RAM:
        device.mapGuestRam(ramOf(a), (BigInt(c) << 32n) | BigInt(b), d !== 0);
        break;
      case ops.OP_UNMAP_RAM:
        return [device.unmapGuestRam((BigInt(b) << 32n) | BigInt(a)) ? 1 : 0, 0];
      case ops.OP_CLOSE:
        device.close();
        break;
      case ops.OP_TIMER:
        if (this.#tap?.timer === undefined) throw corrupt('a timer fires that was never set');
        this.#tap.timerRuns = false;
        this.#tap.timer();
        break;
      default:
        throw corrupt(`'${ops.opShape(op)?.name}' is no call that can be repeated`);
    }
    return [0, 0];
  }
}

/** What the host has connected and mapped before an event, as far as a trace tells. */
function connectedAt(trace: Trace, event: number) {
  const lines = new Map<number, number>();
  const rams: RamMapping[] = [];
  const cursor = trace.cursor();
  const begun: { op: number; args: number[] }[] = [];
  while (cursor.peek() && cursor.event.ordinal < event && cursor.next()) {
    const { op, phase, args } = cursor.event;
    if (phase === 'begin') begun.push({ op, args: [...args] });
    if (phase === 'begin') continue;
    const call = phase === 'whole' ? { op, args } : begun.pop();
    const [a = 0, b = 0, c = 0, d = 0] = call?.args ?? [];
    if (op === ops.OP_CONNECT_LINE) lines.set(a, b);
    else if (op === ops.OP_DISCONNECT_LINE) lines.delete(a);
    else if (op === ops.OP_MAP_RAM && phase !== 'thrown') {
      rams.push({ size: a, iova: (BigInt(c) << 32n) | BigInt(b), writable: d !== 0 });
    } else if (op === ops.OP_UNMAP_RAM) {
      throw new VfioError(
        'TRACE_UNSUPPORTED',
        'there is no checkpoint after guest RAM was unmapped; begin before that',
      );
    }
  }
  return { lines, rams };
}

/** What came of a core replay. */
export interface CoreReplayReport {
  /** The whole recording was done again, and nothing differed. */
  readonly ok: boolean;
  readonly events: number;
  readonly accesses: number;
  readonly divergence: DivergenceError['divergence'] | undefined;
  /** Why the recording ends before its end, where it does. */
  readonly cut: string | undefined;
}

/**
 * Replays a trace from start to end.
 * @throws VfioError TRACE_CORRUPT, TRACE_UNSUPPORTED, TRACE_MISMATCH
 */
export async function replayCore(
  trace: Trace,
  options: CoreReplayOptions = {},
): Promise<CoreReplayReport> {
  let replay: CoreReplay | undefined;
  let divergence: DivergenceError['divergence'] | undefined;
  let cut = trace.cut?.reason;
  try {
    replay = await CoreReplay.start(trace, options);
    replay.run();
  } catch (error) {
    if (error instanceof DivergenceError) divergence = error.divergence;
    else if (error instanceof VfioError && error.code === 'TRACE_ENDED') cut ??= error.message;
    else throw error;
  } finally {
    replay?.dispose();
  }
  return {
    ok: divergence === undefined && cut === undefined,
    events: divergence?.event ?? trace.totals.events,
    accesses: divergence?.access ?? trace.totals.accesses,
    divergence,
    cut,
  };
}

/** @throws VfioError TRACE_UNSUPPORTED where this release does not know the recorded options */
function checkOptions(trace: Trace): void {
  try {
    checkMemoryBytes(parseOptions(replayOptions(trace)).memoryBytes);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw unsupported(
      `its device was opened with options that cannot be given here (${why})`,
      cause,
    );
  }
}

/** Guest RAM to do DMA writes in; of too much, only the size is there. */
function ramOf(size: number): GuestRam {
  const bytes = size <= MAX_REPLAYED_RAM ? new Uint8Array(size) : { length: size };
  return { bytes: bytes as Uint8Array };
}

function text(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

function parseRule(bytes: Uint8Array): EoiRule {
  try {
    return JSON.parse(text(bytes)) as EoiRule;
  } catch {
    throw corrupt('an EOI rule is no JSON text');
  }
}
