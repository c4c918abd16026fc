import { type GuestSetup, Idle } from './bus-guest';
import { V86Guest, type V86Setup } from './v86-emulator';

export interface PcGuestSetup extends GuestSetup {
  /** Inputs that are edges; the others are levels. */
  readonly edges?: readonly number[];
}

const mask = (inputs: readonly number[] = []) => inputs.reduce((bits, n) => bits | (1 << n), 0);

/** A v86 that runs firmware/test-bus-pc.elf, or its build for the IOAPIC. */
export class PcBusGuest {
  readonly #guest: V86Guest;

  private constructor(guest: V86Guest) {
    this.#guest = guest;
  }

  static async create(
    firmware: 'test-bus-pc' | 'test-bus-ioapic' = 'test-bus-pc',
    setup: V86Setup = {},
  ): Promise<PcBusGuest> {
    return new PcBusGuest(await V86Guest.create(firmware, setup));
  }

  get machine() {
    return this.#guest.machine;
  }

  get emulator() {
    return this.#guest.emulator;
  }

  /** Starts the guest. */
  boot(setup: PcGuestSetup = {}): this {
    const { shared } = this.#guest;
    shared.fill(0);
    shared[1] = mask(setup.enable);
    shared[2] = setup.idle ?? Idle.spin;
    shared[6] = setup.systickPeriod ?? 0;
    shared[7] = mask(setup.edges);
    const accesses = setup.accesses ?? [];
    shared[3] = accesses.length;
    shared[0xc8] = (setup.repeat ?? 1) - 1;
    for (const [line, address] of Object.entries(setup.clear ?? {})) {
      shared[0x28 + Number(line)] = address;
    }
    for (const [index, { direction, width, address, value = 0 }] of accesses.entries()) {
      shared.set([direction === 'write' ? 1 : 0, width, address, value], 0x48 + 4 * index);
    }
    this.#guest.clearUnusedBars();
    this.#guest.run();
    return this;
  }

  /** v86's state; see V86Guest.clearUnusedBars(). */
  save(): Promise<ArrayBuffer> {
    this.#guest.clearUnusedBars();
    return this.emulator.save_state();
  }

  /** Goes on after a stop, or a restored state. */
  resume(): void {
    this.#guest.run();
  }

  /** Lets it run until the accesses are done. */
  async finish(): Promise<this> {
    await this.until(() => this.done);
    return this;
  }

  /** Lets it run for a while, however little the host gives it: in each slice it does what is due. */
  async slices(count = 3): Promise<void> {
    let slices = 0;
    const stop = this.machine.onSafePoint(() => slices++);
    await this.until(() => {
      this.machine.wake();
      return slices > count;
    });
    stop();
  }

  until(condition: () => boolean, limitMs?: number): Promise<void> {
    return this.#guest.until(condition, limitMs);
  }

  get done(): boolean {
    return this.#guest.shared[0] === 1;
  }

  /** What access number `index` has read. */
  result(index: number): number {
    return this.#guest.shared[0x48 + 4 * index + 3] as number;
  }

  /** Interrupts of an input that were handled. */
  handled(line: number): number {
    return this.#guest.shared[8 + line] as number;
  }

  get passes(): number {
    return this.#guest.shared[4] as number;
  }

  get systicks(): number {
    return this.#guest.shared[5] as number;
  }

  destroy(): Promise<void> {
    return this.#guest.destroy();
  }
}
