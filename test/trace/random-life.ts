import { allocGuestRam } from '../../host/boundary/alloc-guest-ram';
import type { VfioHost } from '../../host/boundary/host';
import type { VfioPlatformDevice } from '../../host/device/device';
import { type DeviceEnvironment, openDevice } from '../../host/device/open';
import { VfioError } from '../../host/errors';
import type { DeviceOptions, EoiSource } from '../../host/options/options';
import {
  type DeviceModel,
  DmaEngine,
  MemoryDevice,
  Ns16550,
  Pl011,
  Pl031,
  Pl061,
  SeededRandom,
  SimulatedHost,
  VirtualClock,
} from '../../host/sim';
import type { DeviceHandle } from '../../host/sim/simulated-host';
import { isReplayFailure } from '../../host/trace/error-code';

const ACTIONS = 120;
const EIO = 5;
const SET_IRQS = 0x3b6e;
const RAM_BASE = 0x2000_0000;

type Pick = <T>(...from: T[]) => T;

function picker(random: SeededRandom): Pick {
  return (...from) => from[random.below(from.length)] as (typeof from)[number];
}

/** What a life is lived with, from its seed alone. */
export interface LifeOptions {
  readonly model: string;
  readonly options: DeviceOptions;
  /** The machine really maps the device into its guest. */
  readonly directMapping: boolean;
}

const models: Readonly<Record<string, () => DeviceModel>> = {
  pl031: () => new Pl031({ tickNs: 50_000 }),
  pl061: () => new Pl061(),
  pl011: () => new Pl011(),
  ns16550: () => new Ns16550(),
  dma: () => new DmaEngine(),
  edges: () => new MemoryDevice({ lines: ['edge', 'edge', 'edge', 'edge'], doorbell: true }),
  levels: () => new MemoryDevice({ lines: ['level', 'level', 'level'], doorbell: true }),
  mixed: () =>
    new MemoryDevice({
      lines: ['edge', 'level', 'edge', 'level', 'level'],
      regions: [{ size: 4096 }, { size: 100 }, { size: 8192 }],
    }),
};

export function lifeOf(seed: number): LifeOptions {
  const random = new SeededRandom(seed * 2654435761 + 12345);
  const pick = picker(random);
  // xorshift needs a few rounds to forget its seed.
  for (let i = 0; i < 8; i++) random.below(2);
  const model = pick(...Object.keys(models));
  const policy = pick<'strict' | 'qemu'>('strict', 'strict', 'qemu');
  const directMapping = random.below(4) === 0;
  const eoi = pick<'access' | 'write' | 'irqchip'>('access', 'write', 'irqchip');
  const options: DeviceOptions = {
    host: 'dev',
    memoryBytes: 0x200000,
    policy,
    xNoMmap: random.below(3) === 0,
    iommufd: random.below(3) === 0,
    edgeCount: pick<'coalesce' | 'replay'>('coalesce', 'replay'),
    trace: random.below(5) === 0,
    dma: model === 'dma',
    unmaskAttempts: pick(1, 3, 16),
    stallLimitMs: pick(0, 1, 1000),
    mmapTimeoutMs: pick<number | 'never' | 'on-idle'>(
      1,
      'never',
      policy === 'qemu' ? 3 : 'on-idle',
    ),
    accessWidths: pick([1, 2, 4, 8], [4], [1, 2, 4]),
    ...(policy === 'strict' && { eoi: { default: eoi } }),
    ...(random.below(3) === 0 && { profile: null }),
  };
  return { model, options, directMapping };
}

/** Lets accesses to a device fail, with errors of this package and others. */
function breakNowAndThen(model: DeviceModel, random: SeededRandom): void {
  const read = model.read.bind(model);
  const write = model.write.bind(model);
  const maybeBreak = () => {
    const chance = random.below(60);
    if (chance === 0) throw new Error('the device breaks');
    if (chance === 1) throw new VfioError('HOST_FAILED', 'the device breaks');
  };
  model.read = (...place) => {
    maybeBreak();
    return read(...place);
  };
  model.write = (...place) => {
    maybeBreak();
    write(...place);
  };
}

/** A simulated host with the device of a life, and what happens to it from outside. */
export class LifeBoard {
  readonly clock = new VirtualClock();
  readonly host: SimulatedHost;
  readonly #handle: DeviceHandle;
  readonly #random: SeededRandom;

  constructor(seed: number) {
    this.#random = new SeededRandom(seed * 40503 + 77);
    this.host = new SimulatedHost({ clock: this.clock, seed });
    const model = (models[lifeOf(seed).model] as () => DeviceModel)();
    if (this.#random.below(4) === 0) breakNowAndThen(model, new SeededRandom(seed + 99));
    this.#handle = this.host.addDevice({ name: 'dev', model });
    if (this.#random.below(6) === 0) this.#inject(this.#random.below(40));
  }

  /** What happens outside between two acts of the guest. */
  act(): void {
    const random = this.#random;
    const { model, faults } = this.#handle;
    const lines = model.irqs.length;
    switch (random.below(8)) {
      case 0:
      case 1:
        if (lines > 0) this.#handle.pulse(random.below(lines));
        break;
      case 2:
        if (lines > 0) this.#handle.setLine(random.below(lines), random.below(2) === 0);
        break;
      case 3:
        if (model instanceof Pl061) model.setPin(random.below(8), random.below(2) === 0);
        if (model instanceof Pl011 || model instanceof Ns16550) {
          model.receive(Uint8Array.of(random.below(256), random.below(256)));
        }
        break;
      case 4:
        if (random.below(3) === 0) this.#inject(random.below(4));
        break;
      case 5:
        if (random.below(4) === 0) faults.clear();
        break;
      default:
    }
  }

  #inject(skip: number): void {
    const pick = picker(this.#random);
    const times = pick(1, 2, 20);
    const call = pick('unmask', 'pread', 'pwrite', 'eventfd', 'watch', 'ioctl', 'short', 'read');
    const { faults } = this.#handle;
    if (call === 'unmask') {
      faults.inject({ call: 'ioctl', request: SET_IRQS, flags: 0x11, errno: EIO, skip, times });
    } else if (call === 'short') faults.inject({ call: 'pread', bytes: 1, skip, times });
    else if (call === 'eventfd') {
      this.host.kernel.faults.inject({ call: 'eventfd', errno: EIO, skip, times: 1 });
    } else {
      faults.inject({
        call: call as 'pread' | 'pwrite' | 'watch' | 'ioctl' | 'read',
        errno: EIO,
        skip,
        times: 1,
      });
    }
  }
}

/** What the guest of a life has seen, for comparison. */
export interface LifeLog {
  readonly seen: readonly string[];
  readonly ram: Uint8Array;
  /** Its device, when it could be opened. */
  readonly opened: boolean;
}

/**
 * Lives a guest's life with a device of `host`. What the guest does depends on
 * the seed and on what it sees, on nothing else.
 */
export async function live(
  seed: number,
  host: VfioHost,
  clock: VirtualClock,
  outside: () => void,
  core?: WebAssembly.Module,
): Promise<LifeLog> {
  const { options, directMapping } = lifeOf(seed);
  const random = new SeededRandom(seed * 69069 + 5);
  const seen: string[] = [];
  const ram = allocGuestRam(0x4000);
  const environment: DeviceEnvironment = {
    clock,
    listener: (event) => seen.push(JSON.stringify(event)),
    guestRam: [{ ...ram, guestAddress: RAM_BASE, writable: true }],
    ...(directMapping && { setDirectMapping: (on: boolean) => void seen.push(`mapping ${on}`) }),
    ...(core && { core }),
  };
  let device: VfioPlatformDevice;
  try {
    device = await openDevice(host, options, environment);
  } catch (error) {
    if (!(error instanceof VfioError) || isReplayFailure(error)) throw error;
    return { seen: [...seen, error.code], ram: ram.bytes, opened: false };
  }
  const guest = new Guest(device, random, seen);
  for (let i = 0; i < ACTIONS; i++) {
    outside();
    guest.act();
    clock.advance(random.below(4) * 10_000);
    if (random.below(3) === 0) guest.attempt(() => device.safePoint());
  }
  guest.attempt(() => device.close());
  return { seen, ram: ram.bytes, opened: true };
}

class Guest {
  readonly #device: VfioPlatformDevice;
  readonly #random: SeededRandom;
  readonly #seen: string[];
  readonly #lines: number;
  #depth = 0;
  #snapshot: Uint8Array | undefined;

  constructor(device: VfioPlatformDevice, random: SeededRandom, seen: string[]) {
    this.#device = device;
    this.#random = random;
    this.#seen = seen;
    this.#lines = device.lines.length;
    for (let line = 0; line < this.#lines; line++) this.#connect(line);
  }

  /** Does something that may fail; how it fails is part of what the guest sees. */
  attempt(act: () => void): void {
    try {
      act();
    } catch (error) {
      if (isReplayFailure(error)) throw error;
      // A replay knows no more of it.
      this.#seen.push(error instanceof VfioError ? error.code : 'an error');
    }
  }

  act(): void {
    const device = this.#device;
    const random = this.#random;
    const line = random.below(this.#lines + 1);
    switch (random.below(24)) {
      case 0:
        this.attempt(() => device.maskLine(line));
        break;
      case 1:
        this.attempt(() => device.unmaskLine(line));
        break;
      case 2:
        this.attempt(() => device.disconnectLine(line));
        break;
      case 3:
        this.#connect(line);
        break;
      case 4:
        this.attempt(() => device.completeLine(line));
        break;
      case 5:
        this.attempt(() => device.signal(line, random.below(3)));
        break;
      case 6:
        if (random.below(4) === 0) this.attempt(() => device.reset());
        break;
      case 7:
        this.attempt(() => device.pause());
        break;
      case 8:
      case 9:
        this.attempt(() => device.resume());
        break;
      case 10:
        this.attempt(() => {
          this.#snapshot = device.snapshot();
        });
        break;
      case 11:
        this.attempt(() => device.restore(this.#snapshot ?? new Uint8Array(3)));
        break;
      case 12:
        this.attempt(() =>
          device.setEoiSource(line, picker(random)<EoiSource>('access', 'write', 'irqchip')),
        );
        break;
      case 13:
        this.attempt(() => this.#seen.push(String(device.read64(0, random.below(8) * 8))));
        break;
      case 14:
        this.attempt(() => device.write64(0, random.below(8) * 8, BigInt(random.below(1000))));
        break;
      default:
        this.#access();
    }
  }

  #access(): void {
    const random = this.#random;
    const device = this.#device;
    const region = random.below(20) === 0 ? 1 + random.below(3) : 0;
    const width = picker(random)(4, 4, 4, 2, 1, 3);
    const offset =
      random.below(10) === 0 ? random.below(9000) : random.below(18) * 4 + (width < 4 ? 1 : 0);
    // Small values start transfers, unmask interrupts and set alarms.
    const value = random.below(4) === 0 ? random.below(0x100000000) : random.below(32);
    this.attempt(() => {
      if (random.below(2) === 0) this.#seen.push(String(device.read(region, offset, width)));
      else device.write(region, offset, width, value);
      if (device.signalsWaiting) device.safePoint();
    });
  }

  #connect(line: number): void {
    const nested = (what: string) => {
      this.#seen.push(`${what} ${line}`);
      // A machine that runs its guest at once, and one that breaks.
      if (this.#depth < 3 && this.#random.below(4) === 0) {
        this.#depth++;
        try {
          this.#access();
        } finally {
          this.#depth--;
        }
      }
      if (this.#random.below(60) === 0) throw new Error('the machine breaks');
    };
    const target = { up: () => nested('up'), down: () => nested('down') };
    this.attempt(() => this.#device.connectLine(line, target));
  }
}
