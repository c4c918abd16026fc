import { EACCES } from '../../../assembly/abi/linux';
import { allocGuestRam } from '../../boundary/alloc-guest-ram';
import { SimulatedHost } from '../../sim/simulated-host';
import type { Clock } from '../../time/clock';
import { buses, vfioDriver } from '../devices/host-device';
import type { HostConnection, HostFiles, HostSystem, RecordStore } from '../environment';
import { BoardClock } from './board-clock';
import { type BoardDevice, holder, sampleBoard } from './sample-board';
import { addSampleFiles, SIMULATED_PID, SIMULATED_RELEASE } from './sample-files';
import { type DriverOptions, SimulatedDrivers } from './simulated-drivers';
import { SimulatedFiles } from './simulated-files';

/** What kind of computer to simulate. */
export interface SimulatedSystemOptions {
  /** The user is root; true unless given. */
  readonly root?: boolean;
  /** VFIO is there; true unless given. */
  readonly vfio?: boolean;
  /** iommufd and cdevs are there; true unless given. */
  readonly iommufd?: boolean;
  /** vfio.enable_unsafe_noiommu_mode; true unless given. */
  readonly unsafeNoiommu?: boolean;
  readonly board?: readonly BoardDevice[];
  /** Kernel release and machine; those of an arm64 board with Linux 6.12 unless given. */
  readonly release?: string;
  readonly machine?: string;
  readonly platform?: string;
  readonly refuse?: DriverOptions['refuse'];
  readonly beforeWrite?: DriverOptions['beforeWrite'];
}

const NS_PER_MS = 1e6;
/** Timers after which the event loop gets a turn, so that Ctrl-C is heard. */
const TIMERS_PER_TURN = 1000;
const O_RDWR = 2;

/** A whole computer to try commands on, new with every call of vfio-wasm. */
export class SimulatedSystem implements HostSystem {
  readonly kind = 'sim';
  readonly platform: string;
  readonly release: string;
  readonly machine: string;
  readonly pid = SIMULATED_PID;
  readonly host: SimulatedHost<Clock>;
  readonly files: HostFiles;
  readonly writer: SimulatedDrivers;
  readonly records: RecordStore;
  readonly #clock = new BoardClock();
  readonly #serial = new Set<(device: string, byte: number) => void>();

  constructor(options: SimulatedSystemOptions = {}) {
    this.platform = options.platform ?? 'linux';
    this.release = options.release ?? SIMULATED_RELEASE;
    this.machine = options.machine ?? 'aarch64';
    const { root = true, vfio = true, iommufd = true, unsafeNoiommu = true } = options;
    this.host = new SimulatedHost<Clock>({ clock: this.#clock, unsafeNoiommu, iommufd });
    const { sysfs } = this.host;
    addSampleFiles(sysfs, { root, vfio, iommufd, unsafeNoiommu });
    if (!vfio) {
      sysfs.remove('/dev/vfio');
      sysfs.remove('/sys/module');
      for (const bus of buses) sysfs.remove(`/sys/bus/${bus}/drivers/${vfioDriver(bus)}`);
    }
    if (!root) this.#denyNodes();
    this.files = new SimulatedFiles(sysfs, root);
    this.records = new MemoryRecords(root);
    this.writer = new SimulatedDrivers(
      this.host,
      { ...options, unsafeNoiommu, vfio },
      (device, byte) => {
        for (const listener of this.#serial) listener(device, byte);
      },
    );
    const board = options.board ?? sampleBoard;
    for (const device of board) this.writer.add(device);
    if (vfio && board.some(({ name }) => name === holder.device)) this.#addHolder();
  }

  allocGuestRam(size: number): Uint8Array<ArrayBuffer> {
    return allocGuestRam(size).bytes as Uint8Array<ArrayBuffer>;
  }

  async connect(clock?: Clock): Promise<HostConnection> {
    if (clock) this.#clock.follow(clock);
    let woken = false;
    const listeners: ((device: string, byte: number) => void)[] = [];
    return {
      host: this.host,
      clock: this.#clock,
      wake: () => {
        woken = true;
      },
      wait: async (ms, interrupted) => {
        const { own } = this.#clock;
        const endNs = own.nowNs() + ms * NS_PER_MS;
        for (let timers = 0; !woken && !interrupted.aborted; timers++) {
          const nextNs = own.nextDueNs() ?? Number.POSITIVE_INFINITY;
          own.advance(Math.max(0, Math.min(nextNs, endNs) - own.nowNs()));
          if (nextNs > endNs) break;
          if (timers % TIMERS_PER_TURN === 0) await nextTurn();
        }
        woken = false;
        return own.nextDueNs() !== undefined;
      },
      onSerial: (listener) => {
        listeners.push(listener);
        this.#serial.add(listener);
      },
      close: () => {
        for (const listener of listeners) this.#serial.delete(listener);
      },
    };
  }

  /** What the file system denies, open(2) denies as well. */
  #denyNodes(): void {
    for (let group = 0; group < 16; group++) {
      for (const path of [
        `/dev/vfio/${group}`,
        `/dev/vfio/noiommu-${group}`,
        `/dev/vfio/devices/vfio${group}`,
      ]) {
        this.host.kernel.faults.inject({
          call: 'open',
          path,
          errno: EACCES,
          times: Number.POSITIVE_INFINITY,
        });
      }
    }
  }

  /** Somebody has one of the devices open. */
  #addHolder(): void {
    const { groupPath = '' } = this.writer.handle(holder.device);
    const { sysfs, kernel } = this.host;
    kernel.open(groupPath, O_RDWR);
    sysfs.addFile(`/proc/${holder.pid}/comm`, `${holder.command}\n`);
    sysfs.addLink(`/proc/${holder.pid}/fd/9`, groupPath);
    sysfs.addLink(`/proc/${holder.pid}/fd/10`, 'anon_inode:[vfio-device]');
  }
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

class MemoryRecords implements RecordStore {
  readonly #records = new Map<string, string>();

  constructor(private readonly root: boolean) {}

  load(key: string): string | undefined {
    return this.#records.get(key);
  }

  save(key: string, text: string): number {
    if (!this.root) return EACCES;
    this.#records.set(key, text);
    return 0;
  }

  remove(key: string): void {
    this.#records.delete(key);
  }

  describe(key: string): string {
    return `/run/vfio-wasm/${key}.json`;
  }
}
