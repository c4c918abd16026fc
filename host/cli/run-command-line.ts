import type { Command, Report } from './arguments/command';
import { commandHelp, generalHelp } from './arguments/help';
import { checkPositionals, commandName, parseCommandLine } from './arguments/parse';
import { flag, oneOf } from './arguments/values';
import { commandNames, loadCommand, loadCommands } from './commands';
import type { HostSystem, Terminal } from './environment';
import { EXIT_OK } from './exit-codes';
import { type Failure, failureOf } from './failure';
import { toJson } from './output/json';
import { coloured, type Paint, plain } from './output/paint';
import { hang } from './output/text';

/** The computers that `--host` can name. */
export interface Systems {
  native(): Promise<HostSystem>;
  sim(): Promise<HostSystem>;
}

function printFailure(terminal: Terminal, paint: Paint, failure: Failure): void {
  const lines = [
    ...hang('vfio-wasm: ', failure.message, terminal.columns),
    ...(failure.remedy === undefined
      ? []
      : hang('           ', failure.remedy, terminal.columns).map((line) => paint('cyan', line))),
  ];
  // A stack is not for wrapping.
  const text = failure.code === 'INTERNAL' ? `vfio-wasm: ${failure.message}` : lines.join('\n');
  terminal.error(`${text}\n`);
}

function failureJson({ exitCode, ...error }: Failure): string {
  return toJson('error', { exitCode, error });
}

/**
 * One call of vfio-wasm. Nothing is thrown; all that goes wrong is told, with
 * what to do about it.
 *
 * @param args the arguments, without the interpreter and the program
 * @returns the exit code (exit-codes.ts)
 */
export async function runCommandLine(
  args: readonly string[],
  terminal: Terminal,
  systems: Systems,
  version: string,
): Promise<number> {
  const paint = terminal.colour ? coloured : plain;
  // Asked before parsing, so that a wrong command line is told as JSON, too.
  const json = args.includes('--json');
  try {
    const name = commandName(args, commandNames);
    const command = name === undefined ? undefined : await loadCommand[name]?.();
    const { positionals, values } = parseCommandLine(args, command);
    if (flag(values, 'version')) {
      terminal.out(json ? `${toJson('version', { version })}\n` : `${version}\n`);
      return EXIT_OK;
    }
    if (command === undefined || flag(values, 'help')) {
      terminal.out(
        command === undefined ? generalHelp(await loadCommands()) : commandHelp(command),
      );
      return EXIT_OK;
    }
    checkPositionals(command, positionals);
    const kind = oneOf(values, 'host', ['native', 'sim'], 'native');
    const system = await systems[kind]();
    const report = await command.run({ positionals, values, json, terminal, system });
    printReport(command, report, terminal, paint, json);
    return report.exitCode;
  } catch (error) {
    const failure = failureOf(error);
    if (json) terminal.out(`${failureJson(failure)}\n`);
    else printFailure(terminal, paint, failure);
    return failure.exitCode;
  }
}

function printReport(
  command: Command,
  report: Report,
  terminal: Terminal,
  paint: Paint,
  json: boolean,
): void {
  if (json) {
    if (report.data) terminal.out(`${toJson(command.name, report.data)}\n`);
    return;
  }
  const lines = report.text(paint, terminal.columns);
  if (lines.length > 0) terminal.out(`${lines.join('\n')}\n`);
}
