import type { VfioHost } from '../../host/boundary/host';
import { MemorySink, type RecordOptions, record, Trace, TraceDebugger } from '../../host/trace';
import { LifeBoard, type LifeLog, live } from './random-life';

/** A recorded random life: many chunks and checkpoints for few events. */
export const smallChunks: Partial<RecordOptions> = { chunkBytes: 300, checkpointInterval: 40 };

export function recordLife(
  host: VfioHost,
  sink: MemorySink,
  options: Partial<RecordOptions> = smallChunks,
): VfioHost {
  return record(host, { uuid: 'a life', sink, ...options });
}

/** Lives the life of a seed and records it. */
export async function recordedLife(
  seed: number,
  options?: Partial<RecordOptions>,
): Promise<{ readonly bytes: Uint8Array; readonly trace: Trace; readonly log: LifeLog }> {
  const board = new LifeBoard(seed);
  const sink = new MemorySink();
  const host = recordLife(board.host, sink, options);
  const log = await live(seed, host, board.clock, () => board.act());
  const bytes = sink.bytes();
  return { bytes, trace: Trace.open(bytes), log };
}

/** Has a debugger come from each checkpoint in turn, and go on to the end. @throws DivergenceError */
export async function walkFromCheckpoints(trace: Trace): Promise<void> {
  for (const { event } of trace.checkpoints) {
    const at = await TraceDebugger.start(trace);
    await at.seek(event);
    while (at.stepForward());
    at.dispose();
  }
}
