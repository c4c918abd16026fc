import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import type { Terminal } from '../environment';
import { DEFAULT_COLUMNS } from '../limits';
import { nodeUserFiles } from './user-files';

/** Lines longer than this are hard to read, however wide the terminal is. */
const MOST_COLUMNS = 120;

/** What a shell answers for a command that it cannot run, and for one that a signal ended. */
const NOT_RUN = 127;
const BY_SIGNAL = 128;

const SIGNALS = ['SIGINT', 'SIGTERM'] as const;

/** The terminal of this process. */
export function nodeTerminal(interrupted: AbortSignal): Terminal {
  const { stdout, stderr, env } = process;
  const isTerminal = stdout.isTTY === true;
  return {
    out: (text) => stdout.write(text),
    error: (text) => stderr.write(text),
    colour: isTerminal && !env.NO_COLOR && env.TERM !== 'dumb',
    interactive: stderr.isTTY === true,
    columns: isTerminal
      ? Math.min(stdout.columns || DEFAULT_COLUMNS, MOST_COLUMNS)
      : DEFAULT_COLUMNS,
    interrupted,
    files: nodeUserFiles,
    uuid: () => randomUUID(),
    blocking: async (work) => {
      const listeners = SIGNALS.map((signal) => [signal, process.listeners(signal)] as const);
      for (const [signal] of listeners) process.removeAllListeners(signal);
      try {
        return await work();
      } finally {
        for (const [signal, each] of listeners) {
          for (const listener of each) process.on(signal, listener as () => void);
        }
      }
    },
    shell: (command, argument) =>
      new Promise((resolve) => {
        const child = spawn('/bin/sh', ['-c', `${command} "$0"`, argument], { stdio: 'ignore' });
        child.on('error', () => resolve(NOT_RUN));
        child.on('close', (code) => resolve(code ?? BY_SIGNAL));
      }),
    nowMs: () => performance.now(),
    sleep: (ms) =>
      new Promise((resolve) => {
        const end = () => {
          clearTimeout(timer);
          interrupted.removeEventListener('abort', end);
          resolve();
        };
        const timer = setTimeout(end, ms);
        interrupted.addEventListener('abort', end);
        if (interrupted.aborted) end();
      }),
  };
}
