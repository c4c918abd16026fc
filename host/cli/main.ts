#!/usr/bin/env node
import { readFileSync } from 'node:fs';
import { EXIT_INTERRUPTED, EXIT_OK } from './exit-codes';
import { runCommandLine } from './run-command-line';
import { nativeSystem } from './system/native-system';
import { nodeTerminal } from './system/node-terminal';

/** The package's version; this file is dist/cli.js then. */
function version(): string {
  return JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')).version;
}

const interrupt = new AbortController();
let signals = 0;

/** The first signal asks the command to undo or finish; who insists gets out at once. */
function onSignal(): void {
  interrupt.abort();
  signals++;
  if (signals === 2)
    process.stderr.write('vfio-wasm: leaving things in order; once more to stop now\n');
  if (signals > 2) process.exit(EXIT_INTERRUPTED);
}

process.on('SIGINT', onSignal);
process.on('SIGTERM', onSignal);
// `vfio-wasm list | head` closes the pipe: nobody is interested in the rest.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit(EXIT_OK);
});

process.exitCode = await runCommandLine(
  process.argv.slice(2),
  nodeTerminal(interrupt.signal),
  {
    native: nativeSystem,
    sim: async () => {
      const { SimulatedSystem } = await import('./simulated/simulated-system');
      return new SimulatedSystem();
    },
  },
  version(),
);
