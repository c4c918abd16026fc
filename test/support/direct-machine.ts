import type { VfioPlatformDevice } from '../../host/device/device';
import type { DeviceEvent } from '../../host/device/events';
import type { LineTarget } from '../../host/device/line-targets';
import { openDevice } from '../../host/device/open';
import type { DeviceOptions } from '../../host/options/options';
import type { DeviceModel } from '../../host/sim/models/model';
import { SimulatedHost } from '../../host/sim/simulated-host';
import type { Clock } from '../../host/time/clock';
import { VirtualClock } from '../../host/time/virtual-clock';
import { LineLog } from './board';
import { coreModule } from './core';

/** One piece of a guest access, which the machine performs on its own. */
export interface Piece {
  readonly offset: number;
  readonly bytes: number;
}

/** S5: an access in naturally aligned pieces of at most 8 bytes. */
export function piecesOf(offset: number, size: number): Piece[] {
  const pieces: Piece[] = [];
  for (let at = offset; at < offset + size; ) {
    const left = offset + size - at;
    let bytes = 8;
    while (bytes > left || at % bytes !== 0) bytes /= 2;
    pieces.push({ offset: at, bytes });
    at += bytes;
  }
  return pieces;
}

export interface DirectMachineOptions<M extends DeviceModel> {
  readonly model: M;
  readonly device?: DeviceOptions;
  /**
   * Who splits wide and misaligned trapped accesses: the device (unless
   * given), or the machine before it hands them over, as QEMU does.
   */
  readonly splits?: 'device' | 'machine';
  /** false: a machine without the capability, for comparison. */
  readonly direct?: boolean;
  /** Where the virtual lines go; to {@link DirectMachine.lines} unless given. */
  readonly target?: (line: number) => LineTarget;
  /** The clock that the device gets; by default the machine's own. */
  readonly wrapClock?: (clock: Clock) => Clock;
  /** Called when the device switches its direct mapping. */
  readonly onMapping?: (on: boolean) => void;
  /** Called with the simulated host before the device is opened. */
  readonly prepare?: (host: SimulatedHost) => void;
}

/**
 * A machine with the capability `directMapping`, as one with a hardware MMU
 * has it: while the mapping is on, guest accesses to mapped areas reach the
 * device without being trapped. Its guest is the test.
 */
export class DirectMachine<M extends DeviceModel> {
  readonly clock: VirtualClock;
  readonly host: SimulatedHost;
  readonly placed: ReturnType<SimulatedHost['addDevice']> & { readonly model: M };
  readonly lines = new LineLog();
  readonly events: DeviceEvent[] = [];
  readonly #splits: 'device' | 'machine';
  #device: VfioPlatformDevice | undefined;
  #mapped: boolean;

  private constructor(options: DirectMachineOptions<M>) {
    this.clock = new VirtualClock();
    this.host = new SimulatedHost({ clock: this.clock });
    this.placed = this.host.addDevice({ name: 'dev', model: options.model });
    this.#splits = options.splits ?? 'device';
    this.#mapped = options.direct ?? true;
  }

  /** The model on a board of its own, opened as 'dev' with the core under test, all lines connected. */
  static async open<M extends DeviceModel>(
    options: DirectMachineOptions<M>,
  ): Promise<DirectMachine<M>> {
    const machine = new DirectMachine(options);
    options.prepare?.(machine.host);
    const device = await openDevice(
      machine.host,
      { host: 'dev', ...options.device },
      {
        clock: options.wrapClock?.(machine.clock) ?? machine.clock,
        core: coreModule,
        listener: (event) => machine.events.push(event),
        ...((options.direct ?? true) && {
          setDirectMapping: (on: boolean) => {
            machine.#mapped = on;
            options.onMapping?.(on);
          },
        }),
      },
    );
    machine.#device = device;
    const target = options.target ?? ((line: number) => machine.lines.target(line));
    for (const { index } of device.lines) device.connectLine(index, target(index));
    return machine;
  }

  get device(): VfioPlatformDevice {
    if (this.#device === undefined) throw new Error('the device is not open yet');
    return this.#device;
  }

  /** Whether the guest reaches the device directly. */
  get mapped(): boolean {
    return this.#mapped;
  }

  /** Whether an access would reach the device without being trapped. */
  reachesDirectly(region: number, offset: number, bytes: number): boolean {
    return (
      this.#mapped &&
      (this.device.regions[region]?.mapped ?? []).some(
        (area) => offset >= area.offset && offset + bytes <= area.offset + area.size,
      )
    );
  }

  /** A guest read; it does not reach a safe point by itself. */
  read(region: number, offset: number, size: number): bigint {
    return this.#access(region, offset, size, (at, bytes, direct) => {
      if (bytes === 8 && !direct) return this.device.read64(region, at);
      if (bytes !== 8) {
        return BigInt(
          direct
            ? this.device.directRead(region, at, bytes)
            : this.device.read(region, at, bytes) >>> 0,
        );
      }
      // directRead() returns 32 bits; a machine of 32 bits loads twice.
      const low = BigInt(this.device.directRead(region, at, 4));
      return low | (BigInt(this.device.directRead(region, at + 4, 4)) << 32n);
    });
  }

  /** A guest write; it does not reach a safe point by itself. */
  write(region: number, offset: number, size: number, value: bigint): void {
    this.#access(region, offset, size, (at, bytes, direct) => {
      const data = (value >> BigInt(8 * (at - offset))) & ((1n << BigInt(8 * bytes)) - 1n);
      if (bytes === 8 && !direct) this.device.write64(region, at, data);
      else if (direct) {
        for (let done = 0; done < bytes; done += 4) {
          const word = Number((data >> BigInt(8 * done)) & 0xffffffffn);
          this.device.directWrite(region, at + done, Math.min(bytes, 4), word);
        }
      } else this.device.write(region, at, bytes, Number(data));
      return 0n;
    });
  }

  /** A safe point of the run loop. */
  safePoint(): void {
    this.device.safePoint();
  }

  #access(
    region: number,
    offset: number,
    size: number,
    perform: (offset: number, bytes: number, direct: boolean) => bigint,
  ): bigint {
    const whole =
      !this.#mapped && this.#splits === 'device' && [1, 2, 4, 8].includes(size)
        ? [{ offset, bytes: size }]
        : piecesOf(offset, size);
    let value = 0n;
    for (const { offset: at, bytes } of whole) {
      const part = perform(at, bytes, this.reachesDirectly(region, at, bytes));
      const mask = (1n << BigInt(8 * bytes)) - 1n;
      value |= (part & mask) << BigInt(8 * (at - offset));
    }
    return value;
  }
}
