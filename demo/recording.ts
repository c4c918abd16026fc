import type { DeviceEvent } from '../host/device/events';

/** A guest access that was trapped. */
export interface Access {
  readonly atNs: number;
  readonly direction: 'read' | 'write';
  readonly offset: number;
  /** Bytes. */
  readonly width: number;
  /** Of a read: known once it is over. */
  value: number | undefined;
}

/** One interrupt, from the device to the guest and back; times are the machine's. */
export interface Interrupt {
  /** Index of the device. */
  readonly device: number;
  /** Counts from 1 for each device. */
  readonly number: number;
  /**
   * 'rise': the device raised its wire; 'still high': the wire was high when
   * the EOI unmasked it, so the kernel signalled again.
   */
  readonly cause: 'rise' | 'still high';
  /** The kernel signals the eventfd, and masks the line. */
  readonly triggerNs: number;
  /** The plugin raises the line at the machine's interrupt controller. */
  upNs: number | undefined;
  /** The guest enters its handler; never, when a handler that runs already deals with it. */
  takenNs: number | undefined;
  /** The plugin notices the completion: line down, host line unmasked. */
  eoiNs: number | undefined;
  /** The access by which it was noticed; none where the machine itself reported it. */
  eoiAccess: Access | undefined;
  /** The guest returns from the handler that it entered for this interrupt. */
  returnNs: number | undefined;
  /** Accesses to the device until then, or until its next interrupt. */
  readonly accesses: Access[];
}

/** What happened besides interrupts. */
export interface Note {
  readonly atNs: number;
  readonly from: 'firmware' | 'outside' | 'problem';
  readonly text: string;
}

export type Entry =
  | { readonly kind: 'interrupt'; readonly atNs: number; readonly interrupt: Interrupt }
  | { readonly kind: 'note'; readonly atNs: number; readonly note: Note };

/** How often a register was accessed. */
export interface RegisterCount {
  reads: number;
  writes: number;
}

/** What was seen of one device. */
export class DeviceRecord {
  readonly interrupts: Interrupt[] = [];
  /** By offset. */
  readonly registers = new Map<number, RegisterCount>();
  /** Wire went high while the kernel had it masked: no signal of its own. */
  blocked = 0;
  /** The guest entered the handler of this device's input. */
  entries = 0;
  returns = 0;
  /** Trace events, by name. */
  readonly traced = new Map<string, number>();
  ups = 0;
  downs = 0;
}

/**
 * Writes down what happens, in order. It is told by the simulated host (wire
 * and eventfd), by the machine around which the device was plugged in (lines
 * and accesses) and by the chip (handlers).
 */
export class Recorder {
  readonly entries: Entry[] = [];
  readonly devices: readonly DeviceRecord[];
  readonly #nowNs: () => number;
  /** The interrupt of each device that is not completed yet. */
  readonly #open: (Interrupt | undefined)[];
  /** The interrupt in whose handler the guest is. */
  readonly #handled: (Interrupt | undefined)[];
  readonly #lastDownNs: number[];
  /** The access that is going on. */
  #access: Access | undefined;

  constructor(devices: number, nowNs: () => number) {
    this.devices = Array.from({ length: devices }, () => new DeviceRecord());
    this.#nowNs = nowNs;
    this.#open = new Array(devices).fill(undefined);
    this.#handled = new Array(devices).fill(undefined);
    this.#lastDownNs = new Array(devices).fill(-1);
  }

  note(from: Note['from'], text: string): void {
    const atNs = this.#nowNs();
    this.entries.push({ kind: 'note', atNs, note: { atNs, from, text } });
  }

  triggered(device: number): void {
    const atNs = this.#nowNs();
    const { interrupts } = this.#record(device);
    const interrupt: Interrupt = {
      device,
      number: interrupts.length + 1,
      // Time stands still during an access, so an unmask that finds the wire high is at the time of the EOI.
      cause: this.#lastDownNs[device] === atNs ? 'still high' : 'rise',
      triggerNs: atNs,
      upNs: undefined,
      takenNs: undefined,
      eoiNs: undefined,
      eoiAccess: undefined,
      returnNs: undefined,
      accesses: [],
    };
    interrupts.push(interrupt);
    this.#open[device] = interrupt;
    this.entries.push({ kind: 'interrupt', atNs, interrupt });
  }

  blocked(device: number): void {
    this.#record(device).blocked++;
  }

  lineUp(device: number): void {
    this.#record(device).ups++;
    const interrupt = this.#open[device];
    if (interrupt) interrupt.upNs = this.#nowNs();
  }

  lineDown(device: number): void {
    this.#record(device).downs++;
    const atNs = this.#nowNs();
    this.#lastDownNs[device] = atNs;
    const interrupt = this.#open[device];
    this.#open[device] = undefined;
    if (!interrupt) return;
    interrupt.eoiNs = atNs;
    interrupt.eoiAccess = this.#access;
  }

  /** @param value what is written; undefined for a read */
  accessBegins(device: number, offset: number, width: number, value: number | undefined): void {
    const direction = value === undefined ? 'read' : 'write';
    this.#access = { atNs: this.#nowNs(), direction, offset, width, value };
    const { registers } = this.#record(device);
    const count = registers.get(offset) ?? { reads: 0, writes: 0 };
    registers.set(offset, count);
    if (direction === 'read') count.reads++;
    else count.writes++;
    (this.#open[device] ?? this.#handled[device])?.accesses.push(this.#access);
  }

  /** @param value what was read */
  accessEnds(value?: number): void {
    if (this.#access && value !== undefined) this.#access.value = value;
    this.#access = undefined;
  }

  entered(device: number): void {
    this.#record(device).entries++;
    const interrupt = this.#open[device];
    this.#handled[device] = interrupt;
    if (interrupt) interrupt.takenNs = this.#nowNs();
  }

  returned(device: number): void {
    this.#record(device).returns++;
    const interrupt = this.#handled[device];
    this.#handled[device] = undefined;
    if (interrupt) interrupt.returnNs = this.#nowNs();
  }

  /** The device itself tells something. */
  told(device: number, event: DeviceEvent): void {
    if (event.type === 'trace') {
      const { traced } = this.#record(device);
      traced.set(event.trace.name, (traced.get(event.trace.name) ?? 0) + 1);
    } else {
      this.note('problem', describeProblem(event));
    }
  }

  #record(device: number): DeviceRecord {
    return this.devices[device] as DeviceRecord;
  }
}

function describeProblem(event: Exclude<DeviceEvent, { type: 'trace' }>): string {
  switch (event.type) {
    case 'warning':
      return event.message;
    case 'line-stuck':
      return `line ${event.line} is stuck: it cannot be unmasked`;
    case 'line-stalled':
      return `line ${event.line} has not been completed for ${event.ageMs} ms`;
    case 'access-failed':
      return `${event.direction} at 0x${event.offset.toString(16)} failed: ${event.problem}`;
  }
}
