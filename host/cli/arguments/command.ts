import type { HostSystem, Terminal } from '../environment';
import type { Paint } from '../output/paint';

/** An option of a command. */
export interface OptionSpec {
  readonly type: 'boolean' | 'string';
  readonly short?: string;
  readonly multiple?: boolean;
  /** What stands for the value in the help text, e.g. 'SECONDS'. */
  readonly value?: string;
  readonly help: string;
}

/** The values of the options that were given. */
export type Values = Readonly<Record<string, string | boolean | readonly string[] | undefined>>;

/** What a command is called with. */
export interface Invocation {
  readonly positionals: readonly string[];
  readonly values: Values;
  readonly json: boolean;
  readonly terminal: Terminal;
  readonly system: HostSystem;
}

/** What a command has to tell; printed as text or as JSON. */
export interface Report {
  readonly exitCode: number;
  /** For programs; gets the field `schema` in front. Undefined when all has been printed already. */
  readonly data: Readonly<Record<string, unknown>> | undefined;
  /** For people, at most `columns` wide. */
  readonly text: (paint: Paint, columns: number) => readonly string[];
}

export interface Command {
  readonly name: string;
  /** One line for the list of commands. */
  readonly summary: string;
  /** The positional arguments as the usage line shows them. */
  readonly usage: string;
  /** Least and most positional arguments. */
  readonly positionals: readonly [least: number, most: number];
  readonly options: Readonly<Record<string, OptionSpec>>;
  /** What it does, what it needs (root!) and examples; lines of at most 80 columns. */
  readonly description: string;
  run(invocation: Invocation): Promise<Report>;
}
