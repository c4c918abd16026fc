import { Trace, type TraceSink, type TraceSource } from '../../trace';
import type { OpenedFile, Terminal } from '../environment';
import { Progress } from './progress';

/** A trace in a file. */
export interface TraceFile {
  readonly path: string;
  readonly trace: Trace;
  close(): void;
}

/**
 * Opens a trace. One that was cut off opens up to there, with a warning.
 *
 * @param onRead told which part of the file (0 … 1) is read now
 * @throws CommandError NO_SUCH_FILE; VfioError TRACE_INVALID, TRACE_UNSUPPORTED, TRACE_CORRUPT
 */
export function openTraceFile(
  terminal: Terminal,
  path: string,
  onRead?: (part: number) => void,
): TraceFile {
  const file = terminal.files.open(path);
  try {
    const trace = Trace.open(onRead === undefined ? file : watched(file, onRead));
    if (trace.cut !== undefined) {
      terminal.error(
        `vfio-wasm: ${path} is cut off after ${trace.totals.events} events: ${trace.cut.reason}\n`,
      );
    }
    return { path, trace, close: () => file.close() };
  } catch (error) {
    file.close();
    throw error;
  }
}

/** Work on one trace that is closed in any case. */
export async function withTrace<T>(
  terminal: Terminal,
  path: string,
  work: (trace: Trace) => Promise<T> | T,
): Promise<T> {
  const opened = openTraceFile(terminal, path);
  try {
    return await work(opened.trace);
  } finally {
    opened.close();
  }
}

/**
 * Work on a trace that hardly gets back to the event loop: progress is told from
 * what it reads, and Ctrl-C ends the process.
 */
export async function blockingOnTrace<T>(
  terminal: Terminal,
  path: string,
  what: string,
  work: (trace: Trace) => T | Promise<T>,
): Promise<T> {
  const progress = new Progress(terminal, what);
  const { trace, close } = openTraceFile(terminal, path, (part) => progress.show(part));
  try {
    return await terminal.blocking(() => work(trace));
  } finally {
    progress.end();
    close();
  }
}

function watched(file: OpenedFile, onRead: (part: number) => void): TraceSource {
  return {
    size: file.size,
    read(at, length) {
      onRead(at / file.size);
      return file.read(at, length);
    },
  };
}

/** A new trace in a file; valid at any time, up to the last chunk that was written. */
export function createTraceFile(terminal: Terminal, path: string, replace: boolean): TraceSink {
  const file = terminal.files.create(path, replace);
  return { write: (bytes) => file.write(bytes), close: () => file.close() };
}

/** What a trace is of, for people and programs. */
export function traceData(trace: Trace) {
  const { header, device, totals, finalised, cut, size } = trace;
  return { uuid: header.uuid, bytes: size, finalised, cut, totals, header, device };
}
