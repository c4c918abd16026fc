import {
  GOLDEN_REGION_BYTES,
  type GoldenTrace,
  type MachineUnderTest,
  RUN_MS,
  type StepResult,
} from '../golden/player';
import { type KernelAnswer, KernelLines } from './kernel-lines';
import { type Output, ReferenceModel, type Trigger } from './model';

interface Lists extends StepResult {
  readonly trace: string[];
  readonly irq: string[];
  readonly sys: string[];
}

/** The reference model under 'qemu', dressed as the machine that the golden traces were taken from. */
export class GoldenReference implements MachineUnderTest {
  readonly #model: ReferenceModel;
  readonly #kernel: KernelLines;
  readonly #timeoutMs: number;
  #now = 0;
  #deadline = 0;
  #lists: Lists = { trace: [], irq: [], sys: [] };

  constructor({ irqs, mmap_timeout_ms: timeoutMs }: GoldenTrace) {
    const triggers = [...irqs].map((letter): Trigger => (letter === 'L' ? 'level' : 'edge'));
    this.#timeoutMs = timeoutMs;
    this.#kernel = new KernelLines(triggers);
    this.#model = new ReferenceModel({
      policy: 'qemu',
      lines: triggers.map((trigger) => ({ trigger, eoi: 'access' })),
      edgeCount: 'coalesce',
      directMapping: true,
      timeoutMs,
    });
  }

  fire(line: number): StepResult {
    return this.#step(() => this.#hardware(line, this.#kernel.fire(line)));
  }

  high(line: number): StepResult {
    return this.#step(() => this.#hardware(line, this.#kernel.high(line)));
  }

  low(line: number): StepResult {
    return this.#step(() => this.#hardware(line, this.#kernel.low(line)));
  }

  read(offset: number, size: number): StepResult {
    return this.#step(() => this.#access('pread', offset, size, false));
  }

  write(offset: number, size: number): StepResult {
    return this.#step(() => this.#access('pwrite', offset, size, false));
  }

  failRead(offset: number, size: number): StepResult {
    return this.#step(() => this.#access('pread', offset, size, true));
  }

  failWrite(offset: number, size: number): StepResult {
    return this.#step(() => this.#access('pwrite', offset, size, true));
  }

  run(): StepResult {
    return this.#step(() => {
      const end = this.#now + RUN_MS;
      while (this.#model.timerArmed && this.#deadline <= end) {
        this.#now = this.#deadline;
        const named = this.#model.highestActive;
        for (const output of this.#apply(this.#model.timer())) {
          this.#lists.trace.push(output.kind === 'timer' ? `still-active ${named}` : 'mmaps 1');
        }
      }
      this.#now = end;
    });
  }

  #step(stimulus: () => void): StepResult {
    this.#lists = { trace: [], irq: [], sys: [] };
    stimulus();
    // One round after the event is over: signals of this round cannot cause further ones.
    for (const line of this.#kernel.waiting) {
      this.#signal(line);
    }
    return this.#lists;
  }

  #signal(line: number): void {
    const outputs = this.#apply(this.#model.signal(line, this.#kernel.drain(line)));
    this.#lists.trace.push(
      ...(outputs.length > 0 ? [`inject ${line}`, 'mmaps 0'] : [`pending ${line}`]),
    );
  }

  #access(call: 'pread' | 'pwrite', offset: number, size: number, failed: boolean): void {
    if (!this.#model.accessIsTrapped) {
      return;
    }
    if (offset + size > GOLDEN_REGION_BYTES) {
      throw new RangeError('no golden access leaves the region');
    }
    for (const [at, bytes] of chunksOf(offset, size)) {
      if (!failed) {
        this.#lists.sys.push(`${call} 0 ${at} ${bytes}`);
      }
      const chunk = { write: call === 'pwrite', failed, completes: [], chunks: 1 };
      for (const output of this.#apply(this.#model.access(chunk))) {
        if (output.kind === 'down') {
          this.#lists.trace.push(`eoi ${output.line}`);
        } else if (output.kind === 'up') {
          this.#lists.trace.push(`inject-pending ${output.line}`);
        }
      }
    }
  }

  #hardware(line: number, answer: KernelAnswer): void {
    if (answer === 'signal' || answer === 'masked') {
      this.#lists.sys.push(`hw ${line} ${answer}`);
    }
  }

  readonly #up = new Set<number>();

  #apply(outputs: Output[]): Output[] {
    for (const output of outputs) {
      switch (output.kind) {
        case 'up':
          if (!this.#up.has(output.line)) {
            this.#up.add(output.line);
            this.#lists.irq.push(`+${output.line}`);
          }
          break;
        case 'down':
          if (this.#up.delete(output.line)) {
            this.#lists.irq.push(`-${output.line}`);
          }
          break;
        case 'unmask':
          this.#lists.sys.push(`set_irqs ${output.line} 0x11`);
          this.#hardware(output.line, this.#kernel.unmask(output.line));
          break;
        case 'timer':
          this.#deadline = this.#now + this.#timeoutMs;
          break;
      }
    }
    return outputs;
  }
}

/** S5: the pieces of an access, as [offset, size]. */
export function chunksOf(offset: number, size: number): [number, number][] {
  const chunks: [number, number][] = [];
  for (let at = offset; at < offset + size; ) {
    const left = offset + size - at;
    let bytes = 8;
    while (bytes > left || at % bytes !== 0) {
      bytes /= 2;
    }
    chunks.push([at, bytes]);
    at += bytes;
  }
  return chunks;
}
