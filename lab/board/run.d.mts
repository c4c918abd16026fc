// The lab's host side is plain JavaScript; this is what checked code sees of it.
import type { Readable, Writable } from 'node:stream';
import type { Plan } from './plan.mjs';
import type { Summary } from './report.mjs';

export const SILENCE_MS: number;

export interface Board {
  readonly console: Readable | null;
  readonly ended: Promise<unknown>;
  stop(): void;
}

export type OnReport = (line: string, answer: (message: object) => void) => void;

export function runMachine(options: {
  readonly name: string;
  readonly start: (onReport: OnReport) => Promise<Board>;
  readonly plan: Plan;
  readonly summary: Summary;
  readonly log: Writable;
}): Promise<void>;

export function runMachines(
  runs: readonly (() => Promise<void>)[],
  plan: Plan,
  summary: Summary,
): Promise<void>;
