import { EIO } from '../../../assembly/abi/linux';
import * as ops from '../format/ops';
import type { Trace } from '../format/trace';
import { type Latency, LatencyCounter } from './latency';
import { LineFollower } from './lines';

export interface LineStat {
  readonly line: number;
  /** Signals that the eventfd counted. */
  readonly signals: number;
  readonly injections: number;
  readonly completions: number;
  /** From the arrival of the signal until the line went down. */
  readonly triggerToEoi: Latency;
  /** Interrupts in the densest millisecond. */
  readonly mostPerMs: number;
  /** That is a storm: at least `stormPerMs`. */
  readonly storm: boolean;
  /** Completions that took longer than `stallNs`, and interrupts that were never completed. */
  readonly stalls: number;
}

export interface TraceStat {
  readonly events: number;
  readonly accesses: number;
  readonly timeNs: number;
  readonly bytes: number;
  readonly bytesPerEvent: number;
  /** Events by name. */
  readonly kinds: Readonly<Record<string, number>>;
  /** Calls of the core to its host that failed, by name and errno: 'ioctl -5'. */
  readonly failures: Readonly<Record<string, number>>;
  readonly lines: readonly LineStat[];
}

export interface StatOptions {
  /** 1 ms unless given. */
  readonly stallNs?: number;
  /** 100 unless given. */
  readonly stormPerMs?: number;
}

const MS = 1e6;

class LineCounter {
  signals = 0;
  injections = 0;
  completions = 0;
  stalls = 0;
  mostPerMs = 0;
  #window = -1;
  #inWindow = 0;
  readonly triggerToEoi = new LatencyCounter();

  up(timeNs: number): void {
    this.injections++;
    const window = Math.floor(timeNs / MS);
    if (window !== this.#window) this.#inWindow = 0;
    this.#window = window;
    this.#inWindow++;
    this.mostPerMs = Math.max(this.mostPerMs, this.#inWindow);
  }

  completed(latencyNs: number | undefined): void {
    this.completions++;
    if (latencyNs !== undefined) this.triggerToEoi.add(latencyNs);
  }
}

/** Counts what is in a trace. Memory does not grow with its length. */
export function statTrace(trace: Trace, options: StatOptions = {}): TraceStat {
  const { stallNs = MS, stormPerMs = 100 } = options;
  const kinds: Record<string, number> = {};
  const failures: Record<string, number> = {};
  const lines = new Map<number, LineCounter>();
  const counter = (line: number) => {
    const known = lines.get(line) ?? new LineCounter();
    lines.set(line, known);
    return known;
  };
  const follower = new LineFollower();
  const cursor = trace.cursor();
  const { event } = cursor;
  let timeNs = 0;
  while (cursor.next()) {
    timeNs = event.timeNs;
    const shape = ops.opShape(event.op);
    if (event.phase === 'whole' || event.phase === 'begin') {
      kinds[event.name] = (kinds[event.name] ?? 0) + 1;
      if (event.op === ops.OP_RING || event.op === ops.OP_SIGNAL) {
        counter(event.args[0] as number).signals += event.args[1] as number;
      }
    }
    if (event.phase !== 'begin' && shape?.results[0]?.name === 'result') {
      const result = event.phase === 'thrown' ? -EIO : (event.results[0] as number);
      const key = `${event.name} ${result}`;
      if (result < 0) failures[key] = (failures[key] ?? 0) + 1;
    }
    const interrupt = follower.take(event);
    if (interrupt === undefined) continue;
    const line = counter(interrupt.line);
    if (interrupt.downNs === undefined) line.up(interrupt.upNs);
    else {
      const since = interrupt.triggerNs ?? interrupt.upNs;
      line.completed(interrupt.downNs - since);
      if (interrupt.downNs - interrupt.upNs > stallNs) line.stalls++;
    }
  }
  for (const { line } of follower.active.values()) counter(line).stalls++;
  const { events, accesses } = trace.totals;
  return {
    events,
    accesses,
    timeNs,
    bytes: trace.size,
    bytesPerEvent: events > 0 ? trace.size / events : 0,
    kinds,
    failures,
    lines: [...lines]
      .sort(([a], [b]) => a - b)
      .map(([line, each]) => ({
        line,
        signals: each.signals,
        injections: each.injections,
        completions: each.completions,
        triggerToEoi: each.triggerToEoi.result(),
        mostPerMs: each.mostPerMs,
        storm: each.mostPerMs >= stormPerMs,
        stalls: each.stalls,
      })),
  };
}
