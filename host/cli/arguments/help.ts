import { exitCodes } from '../exit-codes';
import { hang } from '../output/text';
import type { Command, OptionSpec } from './command';
import { globalOptions } from './parse';

const HELP_COLUMNS = 80;

function optionLines(specs: Readonly<Record<string, OptionSpec>>): string[] {
  const rows = Object.entries(specs).map(([name, { short, value, help }]) => ({
    left: `${short === undefined ? '' : `-${short}, `}--${name}${value === undefined ? '' : ` ${value}`}`,
    help,
  }));
  const width = Math.min(Math.max(0, ...rows.map(({ left }) => left.length)), 24);
  return rows.flatMap(({ left, help }) => {
    if (left.length <= width) return hang(`  ${left.padEnd(width)}  `, help, HELP_COLUMNS);
    return [`  ${left}`, ...hang(' '.repeat(width + 4), help, HELP_COLUMNS)];
  });
}

/** The text of `vfio-wasm --help`. */
export function generalHelp(commands: readonly Command[]): string {
  const width = Math.max(...commands.map(({ name }) => name.length));
  return [
    'Usage: vfio-wasm COMMAND [arguments] [options]',
    '',
    'Finds, binds, inspects and uses devices of vfio-platform and vfio-amba.',
    '',
    ...commands.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`),
    '',
    'Options of every command:',
    ...optionLines(globalOptions),
    '',
    "'vfio-wasm COMMAND --help' explains a command. Start with 'vfio-wasm doctor', or",
    "try everything without hardware and without root: 'vfio-wasm list --host sim'.",
    '',
    'Exit codes:',
    ...exitCodes.map(([code, meaning]) => `  ${String(code).padStart(3)}  ${meaning}`),
    '',
  ].join('\n');
}

/** The text of `vfio-wasm COMMAND --help`. */
export function commandHelp(command: Command): string {
  const own = optionLines(command.options);
  return [
    `Usage: vfio-wasm ${command.name} ${command.usage}`.trimEnd() +
      (own.length > 0 ? ' [options]' : ''),
    '',
    command.description.trim(),
    '',
    ...(own.length > 0 ? ['Options:', ...own, ''] : []),
    'Options of every command:',
    ...optionLines(globalOptions),
    '',
    "'vfio-wasm --help' lists the exit codes.",
    '',
  ].join('\n');
}
