import type {
  GuestRamBlock,
  Machine,
  MachineCapabilities,
  MachineLine,
  MmioHandler,
  StatePart,
} from '../contract';
import { V86AcpiTables } from './acpi';
import { V86Clock } from './clock';
import { isReady, partsOf, type V86Target } from './internals';
import { FIRST_LINE, LAST_LINE, V86Interrupts } from './interrupts';
import { MMIO_GRANULE, V86Mmio } from './mmio';
import { ramOf } from './ram';
import { RunLoop } from './run-loop';
import { SavedState } from './saved-state';

/**
 * A v86 emulator as a {@link Machine}. Devices go anywhere beyond RAM where v86
 * has nothing itself; 0xfea00000 … 0xfeafffff is free and where PCs have their
 * devices. They may be plugged in and out while the guest runs.
 *
 * v86 tells no 16-bit read from two 8-bit ones, makes two reads of one of 8
 * bytes and four accesses of one of 16, and does not report EOIs.
 *
 * What a device or a poll throws is thrown out of v86's run loop at the end of
 * the slice (at most about 1 ms later), when the guest's state is whole again.
 */
export class V86Machine implements Machine {
  readonly name = 'v86';
  readonly capabilities: MachineCapabilities = {
    directMapping: false,
    deterministic: false,
    reportsEoi: false,
    exactReadWidths: [1, 4],
    exactWriteWidths: [1, 2, 4, 8],
    mmioGranule: MMIO_GRANULE,
    lines: [FIRST_LINE, LAST_LINE],
    raiseInHandler: 'latched',
  };
  readonly clock: V86Clock;
  readonly guestRam: readonly GuestRamBlock[];
  readonly #loop: RunLoop;
  readonly #mmio: V86Mmio;
  readonly #interrupts: V86Interrupts;
  readonly #state: SavedState;
  readonly #tables: V86AcpiTables;

  /**
   * @param emulator a `V86` of npm v86 whose event 'emulator-ready' has come
   * @throws VfioError MACHINE when it has not, or when this is no supported v86
   */
  constructor(emulator: V86Target) {
    const parts = partsOf(emulator);
    this.clock = new V86Clock(parts.microtick);
    this.#loop = new RunLoop(parts, this.clock);
    this.clock.onSooner = () => this.#loop.wake();
    this.guestRam = ramOf(parts.cpu);
    this.#mmio = new V86Mmio(parts.cpu, this.#loop);
    this.#interrupts = new V86Interrupts(parts, this.#loop);
    this.#state = new SavedState(parts.cpu, this.#interrupts);
    this.#tables = new V86AcpiTables(parts.cpu);
  }

  /** Makes the machine as soon as the emulator is ready. @throws VfioError as the constructor */
  static async whenReady(emulator: V86Target): Promise<V86Machine> {
    const { add_listener: listen } = emulator as {
      add_listener?: (event: string, listener: () => void) => void;
    };
    if (!isReady(emulator) && typeof listen === 'function') {
      await new Promise<void>((resolve) => listen.call(emulator, 'emulator-ready', resolve));
    }
    return new V86Machine(emulator);
  }

  mapMmio(base: number, size: number, handler: MmioHandler): () => void {
    return this.#mmio.map(base, size, handler);
  }

  /** Inputs 0 … 15 without 2; see {@link V86Interrupts}. */
  line(number: number): MachineLine {
    return this.#interrupts.line(number);
  }

  onSafePoint(poll: () => void): () => void {
    return this.#loop.onSafePoint(poll);
  }

  /** Calls `listener` when the guest reboots or `V86.restart()` is called. */
  onReset(listener: () => void): () => void {
    return this.#loop.onReset(listener);
  }

  wake(): void {
    this.#loop.wake();
  }

  /** With this, v86's save_state() and restore_state() include `part`. */
  keepInState(name: string, part: StatePart): () => void {
    return this.#state.keep(name, part);
  }

  /**
   * Gives the guest another ACPI table, such as the SSDT of describe(). Needs
   * `acpi: true` and SeaBIOS, which looks for tables when the guest starts: call
   * it before run().
   *
   * @returns takes the table away again, which matters when the guest reboots; idempotent
   * @throws RangeError when `table` is no ACPI table
   * @throws VfioError MACHINE when this v86 takes none
   */
  addAcpiTable(table: Uint8Array): () => void {
    return this.#tables.add(table);
  }

  /** Undoes all that this machine did to the emulator; timers and listeners are forgotten. Idempotent. */
  detach(): void {
    this.#mmio.detach();
    this.#interrupts.detach();
    this.#state.detach();
    this.#tables.detach();
    this.clock.detach();
    this.#loop.detach();
  }
}
