import { divergenceText, MemorySink, record, replayCore, Trace } from '../host/trace';

/** The recording of one device, and what came of doing it again without the device. */
export interface RecordingOutcome {
  readonly name: string;
  readonly events: number;
  readonly accesses: number;
  /** Bytes of the file. */
  readonly bytes: number;
  /** Why the replay differs; undefined when it does the same from start to end. */
  readonly difference: string | undefined;
  /** Recorded again while replaying, it gives the same bytes. */
  readonly identical: boolean;
}

/** The recordings of a run, by name of the device. */
export type Recordings = ReadonlyMap<string, MemorySink>;

/** Replays each recording in the core, and records that again. */
export async function verifyRecordings(
  recordings: Recordings,
  core?: WebAssembly.Module,
): Promise<readonly RecordingOutcome[]> {
  const outcomes: RecordingOutcome[] = [];
  for (const [name, sink] of recordings) {
    const bytes = sink.bytes();
    const trace = Trace.open(bytes);
    const again = new MemorySink();
    const report = await replayCore(trace, {
      through: (host) => record(host, { uuid: trace.header.uuid, sink: again }),
      ...(core && { core }),
    });
    const { events, accesses } = trace.totals;
    outcomes.push({
      name,
      events,
      accesses,
      bytes: bytes.length,
      difference: report.divergence ? divergenceText(report.divergence) : report.cut,
      identical: sameBytes(bytes, again.bytes()),
    });
  }
  return outcomes;
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}
