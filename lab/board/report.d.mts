// The lab's host side is plain JavaScript; this is what checked code sees of it.
export class Summary {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  take(line: string): void;
  finish(): boolean;
}
