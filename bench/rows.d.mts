// The scripts are plain JavaScript; this is what checked code sees of them.
export interface Sample {
  median: number;
  min: number;
  max: number;
}
export interface Row {
  name: string;
  unit: string;
  ours: Sample;
  baseline: Sample;
  ratio: number;
  goal: number | null;
  ok: boolean;
}
export type Measure = () => number | Promise<number>;
interface Alternatives {
  ours: Measure;
  baseline: Measure;
  repetitions?: number;
  warmUp?: number;
}
interface Heading {
  name: string;
  unit: string;
  goal?: number | null;
}
export function median(values: number[]): number;
export function sample(values: number[]): Sample;
export function row(
  values: Heading & { ours: number[]; baseline: number[]; paired?: boolean },
): Row;
export function interleave(options: Alternatives): Promise<{ ours: number[]; baseline: number[] }>;
export function compare(options: Heading & Alternatives): Promise<Row>;
export function table(rows: Row[]): string;
