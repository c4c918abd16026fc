import type { GuestRam } from '../boundary/guest-ram';
import type { VfioHost } from '../boundary/host';
import type { Sysfs } from '../boundary/kernel';
import { errnoName, VfioError } from '../errors';
import { loadAddon } from './addon';
import { type NativeKernel, nativeKernel } from './kernel';
import { FileSysfs } from './sysfs';

const MOST_BYTES = 0x1_0000_0000;
/** HaltPoll::kMostUs in native/src/halt_poll.h. */
const MOST_HALT_POLL_US = 1000;

export interface NativeHostOptions {
  /** Where devices are looked up; the sysfs of this machine unless given. */
  readonly sysfs?: Sysfs;
}

/**
 * This machine: devices behind the VFIO of the running Linux. Needs the addon
 * (see native/README.md), and access to /dev/vfio.
 */
export class NativeHost implements VfioHost {
  readonly kernel: NativeKernel;
  readonly sysfs: Sysfs;

  /** @throws VfioError NATIVE_UNAVAILABLE, with what to do about it */
  constructor(options: NativeHostOptions = {}) {
    this.kernel = nativeKernel();
    this.sysfs = options.sysfs ?? new FileSysfs();
  }

  /** Why there can be no native host here; undefined when there can. */
  static problem(): VfioError | undefined {
    try {
      loadAddon();
      return undefined;
    } catch (error) {
      if (error instanceof VfioError) return error;
      throw error;
    }
  }

  /**
   * Whether armed lines keep the process alive, as a listening socket does. Off
   * at first: then a process ends when nothing but idle devices is left. One
   * setting for all hosts of this thread.
   */
  keepAlive(on: boolean): void {
    loadAddon().keepAlive(on);
  }

  /**
   * How long an event loop with nothing to do looks around for the next interrupt
   * before it sleeps, since waking up costs tens of microseconds. It adapts, as
   * KVM's halt_poll_ns does: a device whose interrupts are further apart costs
   * nothing, one whose interrupts are closer keeps a core busy meanwhile. Other
   * work of the loop ends it at once. One setting for all hosts of this thread.
   *
   * @param us microseconds at most, 0 (never) … 1000; at first 400, and 0 on a
   *   machine with one core
   * @throws VfioError OPTION_INVALID
   */
  haltPoll(us: number): void {
    if (!(Number.isInteger(us) && us >= 0 && us <= MOST_HALT_POLL_US)) {
      throw new VfioError(
        'OPTION_INVALID',
        `haltPoll must have 0 to ${MOST_HALT_POLL_US} microseconds, got ${us}`,
      );
    }
    loadAddon().haltPoll(us);
  }

  /**
   * Guest RAM that devices can reach by DMA (spec S10): page aligned, never
   * moved, zero at first, committed when touched, not inherited by child
   * processes.
   *
   * @param size bytes, 1 … 2^32
   * @throws VfioError OPTION_INVALID, HOST_FAILED
   */
  allocGuestRam(size: number): GuestRam {
    if (!(Number.isInteger(size) && size >= 1 && size <= MOST_BYTES)) {
      throw new VfioError('OPTION_INVALID', `guest RAM must have 1 to 2^32 bytes, got ${size}`);
    }
    const buffer = loadAddon().allocGuestRam(size);
    if (typeof buffer === 'number') {
      throw new VfioError(
        'HOST_FAILED',
        `cannot allocate ${size} bytes of guest RAM: ${errnoName(-buffer)}; ask for less, or raise the limit on address space (ulimit -v)`,
        { errno: -buffer, syscall: 'mmap' },
      );
    }
    return { bytes: new Uint8Array(buffer) };
  }
}
