import { readFileSync } from 'node:fs';
import { RP2040, Simulator } from 'rp2040js';
import {
  bootFirmware,
  Rp2040Machine,
  type Rp2040MachineOptions,
  runUntil,
} from '../../host/machines/rp2040js';

const IMAGE = readFileSync(new URL('../../firmware/test-bus.bin', import.meta.url));
const SHARED = 0x2000_0000;

/** What the guest does after its accesses; the numbers are firmware/test-bus.c's. */
export const Idle = { spin: 0, sleep: 1, sleepMasked: 2 } as const;

export interface GuestAccess {
  readonly direction: 'read' | 'write';
  /** 8 on a PC only: a write then has `value` in its lower half, the complement in its upper. */
  readonly width: 1 | 2 | 4 | 8;
  readonly address: number;
  readonly value?: number;
}

export interface GuestSetup {
  /** Interrupt inputs to enable. */
  readonly enable?: readonly number[];
  readonly idle?: (typeof Idle)[keyof typeof Idle];
  readonly accesses?: readonly GuestAccess[];
  /** Times that all accesses are made, 1 unless given. */
  readonly repeat?: number;
  /** Where the handler of an input writes 1. */
  readonly clear?: Readonly<Record<number, number>>;
  /** In cycles of 8 ns. */
  readonly systickPeriod?: number;
}

/** A chip that runs firmware/test-bus.bin. */
export class BusGuest {
  readonly chip: RP2040;
  readonly simulator: Simulator | undefined;
  readonly machine: Rp2040Machine;
  /** What rp2040js has logged. */
  readonly log: string[] = [];

  constructor(options: Rp2040MachineOptions & { readonly withSimulator?: boolean } = {}) {
    const { withSimulator, ...machineOptions } = options;
    this.simulator = withSimulator ? new Simulator() : undefined;
    this.chip = this.simulator?.rp2040 ?? new RP2040();
    const note = (_: string, message: string) => this.log.push(message);
    this.chip.logger = { debug: note, info: note, warn: note, error: note };
    this.machine = new Rp2040Machine(this.simulator ?? this.chip, machineOptions);
  }

  boot(setup: GuestSetup = {}): this {
    const enable = (setup.enable ?? []).reduce((mask, line) => mask | (1 << line), 0);
    this.#put(0x04, enable);
    this.#put(0x08, setup.idle ?? Idle.spin);
    this.#put(0x18, setup.systickPeriod ?? 0);
    const accesses = setup.accesses ?? [];
    this.#put(0x0c, accesses.length);
    this.#put(0x320, (setup.repeat ?? 1) - 1);
    for (const [line, address] of Object.entries(setup.clear ?? {})) {
      this.#put(0xa0 + 4 * Number(line), address);
    }
    for (const [index, access] of accesses.entries()) {
      const entry = 0x120 + 16 * index;
      this.#put(entry, access.direction === 'write' ? 1 : 0);
      this.#put(entry + 4, access.width);
      this.#put(entry + 8, access.address);
      this.#put(entry + 12, access.value ?? 0);
    }
    bootFirmware(this.machine, IMAGE);
    return this;
  }

  /** Runs until the accesses are done. */
  finish(): this {
    runUntil(this.machine, () => this.#get(0) === 1, 1e6);
    return this;
  }

  get finished(): boolean {
    return this.#get(0) === 1;
  }

  /** What access number `index` has read. */
  result(index: number): number {
    return this.#get(0x120 + 16 * index + 12);
  }

  /** Interrupts of an input that were handled. */
  handled(line: number): number {
    return this.#get(0x20 + 4 * line);
  }

  get passes(): number {
    return this.#get(0x10);
  }

  get systicks(): number {
    return this.#get(0x14);
  }

  #put(offset: number, value: number): void {
    this.chip.writeUint32(SHARED + offset, value);
  }

  #get(offset: number): number {
    return this.chip.readUint32(SHARED + offset);
  }
}
