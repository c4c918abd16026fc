import type { Terminal } from '../environment';
import { CommandError } from '../failure';
import { PARTS_PER_TURN } from '../limits';
import { Progress } from './progress';

/** Where text goes: a file, or the standard output. */
interface TextSink {
  write(text: string): void;
  close(): void;
}

function sinkFor(terminal: Terminal, path: string | undefined, replace: boolean): TextSink {
  if (path === undefined) return { write: (text) => terminal.out(text), close: () => {} };
  const file = terminal.files.create(path, replace);
  const encoder = new TextEncoder();
  return { write: (text) => file.write(encoder.encode(text)), close: () => file.close() };
}

/**
 * Writes the parts of a text that is made on the way, with progress.
 *
 * @param path a new file; the standard output when undefined
 * @param part how much of the work is done, 0 … 1
 * @returns characters written
 * @throws CommandError INTERRUPTED; what has been written stays
 */
export async function writeParts(
  terminal: Terminal,
  path: string | undefined,
  replace: boolean,
  parts: Iterable<string>,
  what: string,
  part: () => number,
): Promise<number> {
  const sink = sinkFor(terminal, path, replace);
  const progress = new Progress(terminal, what);
  let waiting = '';
  let count = 0;
  let length = 0;
  const flush = () => {
    if (waiting !== '') sink.write(waiting);
    length += waiting.length;
    waiting = '';
  };
  try {
    for (const text of parts) {
      waiting += text;
      if (++count % PARTS_PER_TURN !== 0) continue;
      flush();
      progress.show(part());
      await new Promise((resolve) => setImmediate(resolve));
      if (terminal.interrupted.aborted) throw new CommandError('INTERRUPTED', 'interrupted');
    }
    flush();
    return length;
  } finally {
    progress.end();
    sink.close();
  }
}
