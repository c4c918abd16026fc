import { readFileSync } from 'node:fs';

/** What one event did: the three lists of a golden step, each in order. */
export interface StepResult {
  readonly trace: readonly string[];
  readonly irq: readonly string[];
  readonly sys: readonly string[];
}

export interface GoldenStep extends StepResult {
  readonly event: string;
}

export interface GoldenTrace {
  /** Only in the random file. */
  readonly seed?: number;
  /** Only in the directed file. */
  readonly name?: string;
  /** One letter a line: E edge, L level (automasked). */
  readonly irqs: string;
  readonly mmap_timeout_ms: number;
  readonly steps: readonly GoldenStep[];
}

/**
 * One device under policy 'qemu', freshly opened, on a fake kernel. Every
 * method returns only after the signals that it caused have been handled.
 */
export interface MachineUnderTest {
  fire(line: number): StepResult;
  high(line: number): StepResult;
  low(line: number): StepResult;
  read(offset: number, size: number): StepResult;
  write(offset: number, size: number): StepResult;
  failRead(offset: number, size: number): StepResult;
  failWrite(offset: number, size: number): StepResult;
  /** {@link RUN_MS} of virtual time go by. */
  run(): StepResult;
}

export interface Mismatch {
  readonly step: number;
  readonly event: string;
  readonly expected: StepResult;
  readonly actual: StepResult;
}

export const GOLDEN_REGION_BYTES = 0x1000;
export const RUN_MS = 300;

export type GoldenFile = 'qemu-7.2.22.jsonl' | 'qemu-7.2.22-directed.jsonl';

export function loadGolden(file: GoldenFile): GoldenTrace[] {
  return readFileSync(new URL(file, import.meta.url), 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as GoldenTrace);
}

export function titleOf(golden: GoldenTrace): string {
  return golden.name ?? `seed ${golden.seed}`;
}

/** @returns the first step that differs, or none when the machine did all of it alike */
export function playGolden(golden: GoldenTrace, machine: MachineUnderTest): Mismatch | undefined {
  for (const [step, { event, trace, irq, sys }] of golden.steps.entries()) {
    // Whatever follows a difference differs too and would only hide the first.
    const expected = comparable({ trace, irq, sys });
    const actual = comparable(playEvent(event, machine));
    if (JSON.stringify(expected) !== JSON.stringify(actual)) {
      return { step, event, expected, actual };
    }
  }
  return undefined;
}

export function playEvent(event: string, machine: MachineUnderTest): StepResult {
  const [verb, first, second] = event.split(' ');
  const a = Number(first);
  const b = Number(second);
  switch (verb) {
    case 'fire':
      return machine.fire(a);
    case 'high':
      return machine.high(a);
    case 'low':
      return machine.low(a);
    case 'read':
      return machine.read(a, b);
    case 'write':
      return machine.write(a, b);
    case 'fail-read':
      return machine.failRead(a, b);
    case 'fail-write':
      return machine.failWrite(a, b);
    case 'run':
      return machine.run();
    default:
      throw new Error(`unknown golden event '${event}'`);
  }
}

/** How often the timer fits into a run is QEMU's scheduling, so repeats of 'still-active' are one. */
function comparable({ trace, irq, sys }: StepResult): StepResult {
  const once = trace.filter(
    (entry, at) => !(entry.startsWith('still-active ') && entry === trace[at - 1]),
  );
  return { trace: once, irq: [...irq], sys: [...sys] };
}
