import { loadFirmware } from './firmware-image';
import { renderJson } from './json';
import { type CliOptions, parseCommandLine, UsageError } from './options';
import { renderFocus } from './render/focus';
import { renderIntro } from './render/intro';
import { renderSummary } from './render/summary';
import { coloured, plain } from './render/text';
import { renderTimeline } from './render/timeline';
import { runDemo } from './run';

/** Where the demo writes to. */
export interface Output {
  out(text: string): void;
  error(text: string): void;
  /** Whether colours are wanted. */
  readonly colour: boolean;
}

/** Exit codes of the demo. */
export const EXIT_OK = 0;
export const EXIT_FAILED = 1;
export const EXIT_USAGE = 2;

const HELP = `Usage: npm start -- [options]

Boots real firmware on an emulator, with three devices of a simulated Linux
host passed through to it, and shows every interrupt.

  --machine NAME    rp2040js: Cortex-M0+, in virtual time (default)
                    v86: a PC, in the host's time
  --policy strict   complete a line by the registers of its profile (default)
  --policy qemu     complete it by any access, exactly as QEMU does
  --seed N          reaction times of the world outside, 0 to 2^32-1 (1)
  --json            one JSON object instead of text; demo/README.md describes it
  -h, --help        this text

Exit code: 0 all checks passed, 1 one failed, 2 the command line is wrong.
Colours are used on a terminal, unless NO_COLOR is set.
`;

/** Whether to use colours: on a terminal, and where nobody has asked for none. */
export function wantsColour(isTerminal: boolean, env: NodeJS.ProcessEnv): boolean {
  return isTerminal && !env.NO_COLOR && env.TERM !== 'dumb';
}

/** The whole demo. @returns the exit code */
export async function runCli(args: readonly string[], output: Output): Promise<number> {
  let options: CliOptions;
  try {
    options = parseCommandLine(args);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    output.error(`${error.message}\nThe options are listed by --help.\n`);
    return EXIT_USAGE;
  }
  if (options.help) {
    output.out(HELP);
    return EXIT_OK;
  }
  try {
    return await show(options, output);
  } catch (error) {
    output.error(`The demo could not run: ${error instanceof Error ? error.message : error}\n`);
    return EXIT_FAILED;
  }
}

async function show({ json, machine, policy, seed }: CliOptions, output: Output): Promise<number> {
  const paint = output.colour ? coloured : plain;
  const print = (lines: readonly string[]) => output.out(`${lines.join('\n')}\n`);
  const firmware = loadFirmware(machine);
  // Before the run, so that there is something to read at once.
  if (!json) print(renderIntro(paint, machine, policy, seed));
  const outcome = await runDemo({ machine, firmware, policy, seed });
  if (json) {
    output.out(`${renderJson(outcome)}\n`);
  } else {
    print(renderFocus(paint, outcome));
    print(renderTimeline(paint, outcome));
    print(renderSummary(paint, outcome));
  }
  return outcome.ok ? EXIT_OK : EXIT_FAILED;
}
