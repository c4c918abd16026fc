import { parseArgs } from 'node:util';
import { distance } from '../../options/parse-options';
import { CommandError } from '../failure';
import type { Command, OptionSpec, Values } from './command';

/** Options that every command takes. */
export const globalOptions: Readonly<Record<string, OptionSpec>> = {
  host: {
    type: 'string',
    value: 'native|sim',
    help: 'this computer (default), or a simulated one to try things on',
  },
  json: { type: 'boolean', help: 'one JSON object on the standard output, errors too' },
  help: { type: 'boolean', short: 'h', help: 'explain the command' },
  version: { type: 'boolean', help: 'print the version' },
};

/** A command line, taken apart. */
export interface CommandLine {
  readonly positionals: readonly string[];
  readonly values: Values;
}

const MAX_TYPOS = 2;

/** "did you mean 'x'?", where one of `known` is near. */
export function didYouMean(name: string, known: readonly string[]): string | undefined {
  const nearest = known
    .map((each) => ({ each, far: distance(name, each) }))
    .sort((a, b) => a.far - b.far)[0];
  if (nearest === undefined || nearest.far > MAX_TYPOS) return undefined;
  return `Did you mean '${nearest.each}'?`;
}

function optionsFor(specs: Readonly<Record<string, OptionSpec>>) {
  return Object.fromEntries(
    Object.entries(specs).map(([name, { type, short, multiple }]) => [
      name,
      { type, ...(short !== undefined && { short }), ...(multiple && { multiple }) },
    ]),
  );
}

/** Where the name of the command stands: it is the first argument that belongs to no option. */
function commandIndex(args: readonly string[]): number | undefined {
  const { tokens } = parseArgs({
    args: [...args],
    options: optionsFor(globalOptions),
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  return tokens.find(({ kind }) => kind === 'positional')?.index;
}

/** Node's complaint, with the nearest option where one was mistyped. */
function usageError(error: unknown, specs: Readonly<Record<string, OptionSpec>>): CommandError {
  const message = error instanceof Error ? error.message : String(error);
  const unknown = /^Unknown option '--?([^']+)'/.exec(message)?.[1];
  const hint = unknown && didYouMean(unknown, Object.keys(specs));
  // What follows Node's first sentence is about '--'.
  const first = `${message.split('. ')[0]?.replace(/\.$/, '')}`;
  return new CommandError('USAGE', first, { remedy: hint });
}

/**
 * The name of the command in a command line; undefined when none is there.
 * @throws CommandError USAGE when it is none of `names`
 */
export function commandName(args: readonly string[], names: readonly string[]): string | undefined {
  const at = commandIndex(args);
  const name = at === undefined ? undefined : args[at];
  if (name === undefined || names.includes(name)) return name;
  throw new CommandError('USAGE', `there is no command '${name}'`, {
    remedy: didYouMean(name, names) ?? `The commands are ${names.join(', ')}.`,
  });
}

/**
 * @param command the one that {@link commandName} finds
 * @throws CommandError USAGE
 */
export function parseCommandLine(
  args: readonly string[],
  command: Command | undefined,
): CommandLine {
  const at = commandIndex(args);
  const specs = { ...globalOptions, ...command?.options };
  let parsed: ReturnType<typeof parseArgs>;
  try {
    parsed = parseArgs({
      args: args.filter((_, index) => index !== at),
      options: optionsFor(specs),
      strict: true,
      allowPositionals: true,
    });
  } catch (error) {
    throw usageError(error, specs);
  }
  return { positionals: parsed.positionals, values: parsed.values as Values };
}

/** @throws CommandError USAGE when there are too few or too many */
export function checkPositionals(command: Command, positionals: readonly string[]): void {
  const [least, most] = command.positionals;
  if (positionals.length >= least && positionals.length <= most) return;
  const what =
    positionals.length < least ? 'something is missing' : `'${positionals[most]}' is too much`;
  throw new CommandError('USAGE', `${what}: vfio-wasm ${command.name} ${command.usage}`.trimEnd(), {
    remedy: `'vfio-wasm ${command.name} --help' explains it.`,
  });
}
