import type { DeviceEvent } from '../host/device/events';

/** A guest access that was trapped. */
export interface Access {
  readonly direction: 'read' | 'write';
  readonly offset: number;
  /** Bytes. */
  readonly width: number;
  /** Of a read: known once it is over. */
  value: number | undefined;
}

/** One thing that happened to an interrupt, and how its line was afterwards. */
export interface Step {
  readonly atNs: number;
  readonly what: 'signal' | 'up' | 'taken' | 'access' | 'eoi' | 'return';
  readonly access: Access | undefined;
  /** The wire from the device is high. */
  wire: boolean;
  /** The host's kernel keeps the line masked. */
  masked: boolean;
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
  /** The kernel masks the line and signals the eventfd. */
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
  /** All of it in order, with the guest's accesses to the device until it returns. */
  readonly steps: Step[];
}

/** What happened besides interrupts. */
export interface Note {
  readonly atNs: number;
  readonly from: 'firmware' | 'outside' | 'problem';
  readonly text: string;
}

export type Entry =
  | { readonly kind: 'interrupt'; readonly interrupt: Interrupt }
  | { readonly kind: 'note'; readonly note: Note };

/** How often a register was accessed. */
export interface RegisterCount {
  reads: number;
  writes: number;
}

/** What was seen of one device. */
export class DeviceRecord {
  readonly interrupts: Interrupt[] = [];
  /** By offset, of region 0. */
  readonly registers = new Map<number, RegisterCount>();
  /** Times that the plugin raised and lowered the line. */
  raised = 0;
  lowered = 0;
  /** Times that the guest entered the handler of the device's input. */
  entries = 0;
  /** The device's own trace events, by name. */
  readonly traced = new Map<string, number>();
}

/** The device's side of a line. */
export interface WireState {
  readonly high: boolean;
  readonly masked: boolean;
}

/**
 * Writes down what happens, in order. It is told by the simulated host (wire
 * and eventfd), by the machine into which the device was plugged (lines and
 * accesses) and by the emulator (handlers).
 */
export class Recorder {
  readonly entries: Entry[] = [];
  readonly devices: readonly DeviceRecord[];
  readonly #nowNs: () => number;
  /** When the access that is going on began: what comes of it happens then, whatever the clock does. */
  #accessNs: number | undefined;
  readonly #wire: (device: number) => WireState;
  /** The interrupt of each device that is not completed yet. */
  readonly #open: (Interrupt | undefined)[];
  /** The interrupt in whose handler the guest is. */
  readonly #handled: (Interrupt | undefined)[];
  /** The access that is going on. */
  #access: { readonly device: number; readonly access: Access } | undefined;

  constructor(devices: number, nowNs: () => number, wire: (device: number) => WireState) {
    this.devices = Array.from({ length: devices }, () => new DeviceRecord());
    this.#nowNs = nowNs;
    this.#wire = wire;
    this.#open = new Array(devices).fill(undefined);
    this.#handled = new Array(devices).fill(undefined);
  }

  note(from: Note['from'], text: string): void {
    this.entries.push({ kind: 'note', note: { atNs: this.#now(), from, text } });
  }

  /** The kernel signals the device's eventfd. */
  triggered(device: number): void {
    const atNs = this.#now();
    const { interrupts } = this.#record(device);
    const before = interrupts.at(-1)?.steps.at(-1);
    // Time stands still while an EOI is carried out, and a device does not act by itself meanwhile.
    const again = before?.what === 'eoi' && before.atNs === atNs;
    if (again) before.masked = false;
    const interrupt: Interrupt = {
      device,
      number: interrupts.length + 1,
      cause: again ? 'still high' : 'rise',
      triggerNs: atNs,
      upNs: undefined,
      takenNs: undefined,
      eoiNs: undefined,
      eoiAccess: undefined,
      returnNs: undefined,
      steps: [],
    };
    interrupts.push(interrupt);
    this.#open[device] = interrupt;
    this.entries.push({ kind: 'interrupt', interrupt });
    this.#step(device, 'signal');
  }

  lineUp(device: number): void {
    this.#record(device).raised++;
    const interrupt = this.#open[device];
    if (!interrupt) return;
    interrupt.upNs = this.#now();
    this.#step(device, 'up');
  }

  lineDown(device: number): void {
    this.#record(device).lowered++;
    const interrupt = this.#open[device];
    if (!interrupt) return;
    interrupt.eoiNs = this.#now();
    if (this.#access?.device === device) interrupt.eoiAccess = this.#access.access;
    this.#settle(device);
    this.#step(device, 'eoi');
    this.#open[device] = undefined;
  }

  /** @param value what is written; undefined for a read */
  accessBegins(device: number, offset: number, width: number, value: number | undefined): void {
    const direction = value === undefined ? 'read' : 'write';
    const access: Access = { direction, offset, width, value };
    this.#accessNs = this.#nowNs();
    this.#access = { device, access };
    const { registers } = this.#record(device);
    const count = registers.get(offset) ?? { reads: 0, writes: 0 };
    registers.set(offset, count);
    if (direction === 'read') count.reads++;
    else count.writes++;
    if (this.#open[device] || this.#handled[device]) this.#step(device, 'access', access);
  }

  /** @param value what was read */
  accessEnds(device: number, value?: number): void {
    if (this.#access && value !== undefined) this.#access.access.value = value;
    this.#access = undefined;
    this.#settle(device);
    this.#accessNs = undefined;
  }

  /** The guest enters the handler of the device's input. */
  entered(device: number): void {
    this.#record(device).entries++;
    const interrupt = this.#open[device];
    this.#handled[device] = interrupt;
    if (!interrupt) return;
    interrupt.takenNs = this.#now();
    this.#step(device, 'taken');
  }

  /** The guest returns from it. */
  returned(device: number): void {
    const interrupt = this.#handled[device];
    if (interrupt) {
      interrupt.returnNs = this.#now();
      this.#step(device, 'return');
    }
    this.#handled[device] = undefined;
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

  #now(): number {
    return this.#accessNs ?? this.#nowNs();
  }

  #record(device: number): DeviceRecord {
    return this.devices[device] as DeviceRecord;
  }

  #step(device: number, what: Step['what'], access?: Access): void {
    const { high: wire, masked } = this.#wire(device);
    const { interrupts } = this.#record(device);
    interrupts.at(-1)?.steps.push({ atNs: this.#now(), what, access, wire, masked });
  }

  /** The last step has had its effect on the wire only now. */
  #settle(device: number): void {
    const step = this.#record(device).interrupts.at(-1)?.steps.at(-1);
    if (!step || step.atNs !== this.#now()) return;
    const { high, masked } = this.#wire(device);
    step.wire = high;
    step.masked = masked;
  }
}

function describeProblem(event: Exclude<DeviceEvent, { type: 'trace' }>): string {
  switch (event.type) {
    case 'warning':
      return event.message;
    case 'bus-error':
      return `the bus refused an access to region ${event.region} at ${event.offset}`;
    case 'line-stuck':
      return `line ${event.line} is stuck: it cannot be unmasked`;
    case 'device-gone':
      return `the device is gone: line ${event.line} fires no more`;
    case 'line-stalled':
      return `line ${event.line} has not been completed for ${event.ageMs} ms`;
    case 'access-failed':
      return `${event.direction} at 0x${event.offset.toString(16)} failed: ${event.problem}`;
  }
}
