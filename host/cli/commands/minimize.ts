import { failsWith, MemorySink, minimizeTrace, type Trace, trimTrace } from '../../trace';
import type { Command, Values } from '../arguments/command';
import { flag, numberOption, text as textOption } from '../arguments/values';
import type { Terminal } from '../environment';
import { EXIT_INTERRUPTED, EXIT_OK } from '../exit-codes';
import { CommandError } from '../failure';
import { MAX_CORE_BYTES, MAX_MINIMIZE_TRIES, PROGRESS_MS } from '../limits';
import { withTrace } from '../traces/trace-file';

type Check = (candidate: Trace) => Promise<boolean> | boolean;

async function core(terminal: Terminal, path: string): Promise<WebAssembly.Module> {
  const bytes = terminal.files.read(path, MAX_CORE_BYTES);
  try {
    return await WebAssembly.compile(Uint8Array.from(bytes));
  } catch (cause) {
    throw new CommandError('BAD_FILE', `${path} is no WebAssembly module`, { cause });
  }
}

/** Asks a command of the user about each candidate. */
function commandCheck(terminal: Terminal, command: string, candidatePath: string): Check {
  return async (candidate) => {
    const sink = new MemorySink();
    await trimTrace(candidate, sink);
    terminal.files.write(candidatePath, sink.bytes());
    return (await terminal.shell(command, candidatePath)) !== 0;
  };
}

async function checkFor(terminal: Terminal, values: Values, candidatePath: string): Promise<Check> {
  const command = textOption(values, 'check');
  const bad = textOption(values, 'core');
  const good = textOption(values, 'good');
  if ((command === undefined) === (bad === undefined)) {
    throw new CommandError('USAGE', 'give either --core or --check');
  }
  if (command !== undefined) return commandCheck(terminal, command, candidatePath);
  return failsWith(
    await core(terminal, bad as string),
    good === undefined ? undefined : await core(terminal, good),
  );
}

export const minimize: Command = {
  name: 'minimize',
  summary: 'the shortest recording that still fails a check',
  usage: 'TRACE',
  positionals: [1, 1],
  options: {
    core: {
      type: 'string',
      value: 'WASM',
      help: 'it fails when it replays in the core of this package and not in this one',
    },
    good: { type: 'string', value: 'WASM', help: "another core in place of this package's" },
    check: {
      type: 'string',
      value: 'COMMAND',
      help: 'it fails when this shell command, with the trace behind it, does not end with 0',
    },
    tries: { type: 'string', value: 'N', help: `at most so many tries (${MAX_MINIMIZE_TRIES})` },
    output: { type: 'string', short: 'o', value: 'FILE', help: 'where to' },
    force: { type: 'boolean', help: 'replace a file that is there already' },
  },
  description: `
Leaves out calls and events of a recording as long as it still fails (delta
debugging). Ctrl-C ends the search; the best so far is written.

  vfio-wasm minimize bug.vfiotrace --core changed.wasm -o small.vfiotrace
  vfio-wasm minimize bug.vfiotrace --check ./still-fine.sh -o small.vfiotrace
`,
  async run({ positionals, values, terminal }) {
    const output = textOption(values, 'output');
    if (output === undefined) throw new CommandError('USAGE', 'there is no --output to write to');
    const maxTries = numberOption(values, 'tries', {
      least: 1,
      most: 1e9,
      otherwise: MAX_MINIMIZE_TRIES,
    });
    const candidatePath = `${output}.candidate`;
    const check = await checkFor(terminal, values, candidatePath);
    // Before the search, which may take long.
    terminal.files.create(output, flag(values, 'force')).close();
    let shownMs = terminal.nowMs();
    try {
      return await withTrace(terminal, positionals[0] as string, async (trace) => {
        const before = trace.totals.events;
        const found = await minimizeTrace(
          trace,
          async (candidate) => {
            // A search that never waits would not hear of Ctrl-C.
            await new Promise((resolve) => setImmediate(resolve));
            return check(candidate);
          },
          {
            maxTries,
            signal: terminal.interrupted,
            onProgress: ({ tries, calls }) => {
              if (!terminal.interactive || terminal.nowMs() - shownMs < PROGRESS_MS) return;
              shownMs = terminal.nowMs();
              terminal.error(`\rminimizing: ${calls} calls left, ${tries} tries`);
            },
          },
        );
        if (terminal.interactive) terminal.error('\r\x1b[K');
        terminal.files.write(output, found.bytes);
        const { events } = found.trace.totals;
        const { calls, tries } = found;
        return {
          exitCode: terminal.interrupted.aborted ? EXIT_INTERRUPTED : EXIT_OK,
          data: { file: output, events, before, calls, tries },
          text: () => [
            `${events} of ${before} events in ${output}, ${calls} calls; ${tries} tries`,
          ],
        };
      });
    } catch (error) {
      terminal.files.remove(output);
      if (!(error instanceof RangeError)) throw error;
      throw new CommandError('CHECK_PASSES', 'the recording does not fail the check', {
        remedy: 'There is nothing to minimize.',
      });
    } finally {
      terminal.files.remove(candidatePath);
    }
  },
};
