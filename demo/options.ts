import { parseArgs } from 'node:util';
import { type MachineName, machineNames } from './devices';

/** What the command line asks for. */
export interface CliOptions {
  readonly help: boolean;
  readonly json: boolean;
  readonly machine: MachineName;
  readonly policy: 'strict' | 'qemu';
  readonly seed: number;
}

/** The command line is wrong; the message says what and names the option. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

const LARGEST_SEED = 0xffff_ffff;

/** @throws UsageError */
export function parseCommandLine(args: readonly string[]): CliOptions {
  const { help, json, machine, policy, seed } = parse(args);
  const known = machineNames.find((name) => name === machine);
  if (known === undefined) {
    throw new UsageError(`--machine must be 'rp2040js' or 'v86', got '${machine}'`);
  }
  if (policy !== 'strict' && policy !== 'qemu') {
    throw new UsageError(`--policy must be 'strict' or 'qemu', got '${policy}'`);
  }
  if (!/^\d{1,10}$/.test(seed) || Number(seed) > LARGEST_SEED) {
    throw new UsageError(`--seed must be a whole number from 0 to ${LARGEST_SEED}, got '${seed}'`);
  }
  return { help, json, machine: known, policy, seed: Number(seed) };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        help: { type: 'boolean', short: 'h', default: false },
        json: { type: 'boolean', default: false },
        machine: { type: 'string', default: 'rp2040js' },
        policy: { type: 'string', default: 'strict' },
        seed: { type: 'string', default: '1' },
      },
    }).values;
  } catch (error) {
    // Node's messages name the option; what follows the first sentence is about '--'.
    const message = error instanceof Error ? error.message : String(error);
    throw new UsageError(message.split('. ')[0] as string);
  }
}
