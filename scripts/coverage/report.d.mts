import type { Statement } from './instrument.mjs';

export type Hits = ArrayLike<number> | Record<string, number>;
export interface FileCoverage {
  file: string;
  covered: number;
  total: number;
  percent: number;
  missed: number[];
}
export interface Coverage {
  files: FileCoverage[];
  covered: number;
  total: number;
  percent: number;
  ok: boolean;
  text: string;
}
export const DEFAULT_THRESHOLD: number;
export function report(options: {
  statements: Statement[];
  hits: Hits;
  threshold?: number;
}): Coverage;
export function sumHits(count: number, runs: Hits[]): number[];
