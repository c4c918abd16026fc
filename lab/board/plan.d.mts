// The lab's host side is plain JavaScript; this is what checked code sees of it.
import type { Task } from '../protocol';

export class Plan {
  constructor(only: string, all?: readonly string[]);
  readonly size: number;
  next(): Task;
  takeRest(): string[];
}
