// The lab's host side is plain JavaScript; this is what checked code sees of it.
import type { Report } from '../protocol';

export class Summary {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  machine(): MachineReport;
  fail(what: string): void;
  finish(): boolean;
}

interface MachineReport {
  readonly ended: boolean;
  take(report: Report): void;
  lost(why: string, said: string): void;
}
