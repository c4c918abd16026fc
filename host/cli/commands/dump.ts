import { VfioError } from '../../errors';
import { eventData, ops, placedText } from '../../trace';
import type { Command } from '../arguments/command';
import { didYouMean } from '../arguments/parse';
import { numberOption, texts } from '../arguments/values';
import { EXIT_BAD_FILE, EXIT_INTERRUPTED, EXIT_OK } from '../exit-codes';
import { CommandError } from '../failure';
import { EVENTS_PER_TURN } from '../limits';
import { traceData, withTrace } from '../traces/trace-file';

const most = Number.MAX_SAFE_INTEGER;
/** Lines that are written together. */
const LINES_PER_WRITE = 500;

/** @throws CommandError USAGE for a name that no event has */
function checkKinds(kinds: readonly string[]): void {
  const known = ops.map(({ name }) => name);
  for (const kind of kinds) {
    if (known.includes(kind)) continue;
    throw new CommandError('USAGE', `there are no events '${kind}'`, {
      remedy: didYouMean(kind, known) ?? `There are ${known.join(', ')}.`,
    });
  }
}

export const dump: Command = {
  name: 'dump',
  summary: 'the events of a recording, as text or JSON lines',
  usage: 'TRACE',
  positionals: [1, 1],
  options: {
    from: { type: 'string', value: 'EVENT', help: 'begin before this event (0)' },
    count: { type: 'string', short: 'n', value: 'N', help: 'so many events at most' },
    kind: {
      type: 'string',
      multiple: true,
      value: 'NAME',
      help: 'only events of this kind (read, write, ioctl …); may be repeated',
    },
    line: { type: 'string', value: 'N', help: 'only events of this interrupt line' },
  },
  description: `
Prints a recording, an event a line: its number, the machine's time, and what
happened, indented by what it happened inside of. With --json each line is a
JSON object; the first one describes the trace.

Exit code 9 when the trace is damaged or cut off; what is sound is printed.

  vfio-wasm dump rtc.vfiotrace --kind read --kind write --count 20
`,
  async run({ positionals, values, json, terminal }) {
    const from = numberOption(values, 'from', { most, otherwise: 0 });
    const count = numberOption(values, 'count', { most, otherwise: most });
    const line = numberOption(values, 'line', { most, otherwise: -1 });
    const kinds = texts(values, 'kind');
    checkKinds(kinds);
    return withTrace(terminal, positionals[0] as string, async (trace) => {
      let waiting: string[] = [];
      const flush = () => {
        if (waiting.length > 0) terminal.out(`${waiting.join('\n')}\n`);
        waiting = [];
      };
      if (json) waiting.push(JSON.stringify(traceData(trace)));
      let exitCode = trace.cut === undefined ? EXIT_OK : EXIT_BAD_FILE;
      let shown = 0;
      try {
        const cursor = trace.cursor(from);
        for (let seen = 0; shown < count && cursor.next(); seen++) {
          if (seen % EVENTS_PER_TURN === EVENTS_PER_TURN - 1) {
            await new Promise((resolve) => setImmediate(resolve));
          }
          if (terminal.interrupted.aborted) {
            exitCode = EXIT_INTERRUPTED;
            break;
          }
          const { event } = cursor;
          if (kinds.length > 0 && !kinds.includes(event.name)) continue;
          const data = eventData(event);
          if (line >= 0 && data.args.line !== line) continue;
          waiting.push(json ? JSON.stringify(data) : placedText(data));
          if (waiting.length >= LINES_PER_WRITE) flush();
          if (event.phase === 'whole' || event.phase === 'begin') shown++;
        }
      } catch (error) {
        if (!(error instanceof VfioError)) throw error;
        flush();
        terminal.error(`vfio-wasm: ${error.message}\n`);
        exitCode = EXIT_BAD_FILE;
      }
      flush();
      return { exitCode, data: undefined, text: () => [] };
    });
  },
};
