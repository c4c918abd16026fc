import { VfioError } from '../../errors';
import type { TraceSink } from '../format/writer';

/** Gives each device its sink. One sink takes one trace, because nothing can follow its end. */
export class SinkOwner {
  readonly #sink: TraceSink | ((device: string) => TraceSink);
  /** The opening that has the only sink. */
  #owner: object | undefined;
  /** Why it failed; undefined while it has not. */
  #failure: string | undefined;

  constructor(sink: TraceSink | ((device: string) => TraceSink)) {
    this.#sink = sink;
  }

  /** The sink for the trace of this device. @throws VfioError OPTION_INVALID, TRACE_SINK */
  take(owner: object, device: string): TraceSink {
    if (typeof this.#sink === 'function') return make(this.#sink, device);
    if (this.#owner) throw new VfioError('OPTION_INVALID', this.#refusal(), { device });
    this.#owner = owner;
    return this.#sink;
  }

  /** An opening failed. */
  failed(owner: object, error: unknown): void {
    if (this.#owner !== owner) return;
    this.#failure = error instanceof VfioError ? error.code : String(error);
  }

  #refusal(): string {
    if (this.#failure === undefined) {
      return 'a second device is opened on this recording; give record() a function as sink, one trace for each device';
    }
    return (
      `the first opening on this recording failed (${this.#failure}), and its trace is in the sink, which takes one only; ` +
      'to try again, call record() with a new sink, or give it a function that makes a sink for each opening'
    );
  }
}

function make(sink: (device: string) => TraceSink, device: string): TraceSink {
  try {
    return sink(device);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new VfioError('TRACE_SINK', `${device}: there is no sink for its recording (${why})`, {
      device,
      cause,
    });
  }
}
