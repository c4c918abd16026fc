import type { TimerHandle } from '../../../time/clock';
import type { DeviceModel, ModelIrq, ModelRegion, ModelWidth } from '../model';
import { WordRegisterModel } from '../registers';
import type { VirtioFunction } from './function';
import { QueueBroken, type Request, Virtqueue } from './virtqueue';

// VIRTIO 1.2, section 4.2.2: MMIO device register layout.
const MAGIC_VALUE = 0x000;
const VERSION = 0x004;
const DEVICE_ID = 0x008;
const VENDOR_ID = 0x00c;
const DEVICE_FEATURES = 0x010;
const DEVICE_FEATURES_SEL = 0x014;
const DRIVER_FEATURES = 0x020;
const DRIVER_FEATURES_SEL = 0x024;
const QUEUE_SEL = 0x030;
const QUEUE_NUM_MAX = 0x034;
const QUEUE_NUM = 0x038;
const QUEUE_READY = 0x044;
const QUEUE_NOTIFY = 0x050;
const INTERRUPT_STATUS = 0x060;
const INTERRUPT_ACK = 0x064;
const STATUS = 0x070;
const QUEUE_DESC_LOW = 0x080;
const QUEUE_DESC_HIGH = 0x084;
const QUEUE_DRIVER_LOW = 0x090;
const QUEUE_DRIVER_HIGH = 0x094;
const QUEUE_DEVICE_LOW = 0x0a0;
const QUEUE_DEVICE_HIGH = 0x0a4;
const SHM_LEN_LOW = 0x0b0;
const SHM_BASE_HIGH = 0x0bc;
const CONFIG_GENERATION = 0x0fc;
const CONFIG = 0x100;
const REGION_BYTES = 0x200;

/** 'virt' in ASCII, first letter lowest. */
const MAGIC = 0x74726976;
const MODERN = 2;
/** 'vfpw', of this package. */
const VENDOR = 0x77706676;
/** VIRTIO_F_VERSION_1. */
const FEATURE_VERSION_1 = 1n << 32n;

const STATUS_DRIVER_OK = 4;
const STATUS_FEATURES_OK = 8;
const STATUS_NEEDS_RESET = 64;
/** Bits that the driver sets; the rest are the device's or reserved. */
const STATUS_DRIVER_BITS = 0x8f;

const INTERRUPT_USED = 1 << 0;
const INTERRUPT_CONFIG = 1 << 1;

interface Queue {
  readonly maximum: number;
  size: number;
  descriptors: bigint;
  available: bigint;
  used: bigint;
  /** The running queue, while the driver says that it is ready. */
  running: Virtqueue | undefined;
}

function powerOn(sizes: readonly number[]) {
  return {
    deviceFeaturesSelect: 0,
    driverFeaturesSelect: 0,
    driverFeatures: 0n,
    queueSelect: 0,
    status: 0,
    interrupts: 0,
    queues: sizes.map(
      (maximum): Queue => ({
        maximum,
        size: 0,
        descriptors: 0n,
        available: 0n,
        used: 0n,
        running: undefined,
      }),
    ),
  };
}

const low = (address: bigint) => Number(BigInt.asUintN(32, address));
const withLow = (old: bigint, value: number) => (old & ~0xffffffffn) | BigInt(value);
const withHigh = (old: bigint, value: number) => BigInt.asUintN(32, old) | (BigInt(value) << 32n);

/** Options of {@link VirtioMmio}. */
export interface VirtioMmioOptions {
  /** Time from a notification to the work on the queue in nanoseconds, 0 or more; 1000 by default. */
  readonly latencyNs?: number;
}

/**
 * The MMIO transport of VIRTIO 1.2, section 4.2 (version 2, not the legacy
 * interface), around a device such as {@link VirtioRng}. Line 0 is high while
 * InterruptStatus is not 0. Registers only take accesses of 32 bits, as drivers
 * must make them (4.2.2.2); the configuration space is read with any width.
 *
 * DMA that the IOMMU stops, or a queue that makes no sense, puts the device
 * into DEVICE_NEEDS_RESET (2.1.2); only a reset brings it back.
 */
export class VirtioMmio<F extends VirtioFunction = VirtioFunction>
  extends WordRegisterModel
  implements DeviceModel
{
  readonly compatible: readonly string[] = ['virtio,mmio'];
  readonly regions: readonly ModelRegion[] = [{ size: REGION_BYTES }];
  readonly irqs: readonly ModelIrq[] = [{ trigger: 'level' }];
  /** Bytes that the device has written to guest memory for its requests. */
  bytesWritten = 0;
  /** Why the device needs a reset, when it does. */
  broken: string | undefined;

  readonly #function: F;
  readonly #features: bigint;
  readonly #latencyNs: number;
  #state: ReturnType<typeof powerOn>;
  readonly #timers = new Map<number, TimerHandle>();

  constructor(device: F, options: VirtioMmioOptions = {}) {
    super();
    const { latencyNs = 1000 } = options;
    if (!(latencyNs >= 0)) throw new RangeError(`latencyNs must be 0 or more, got ${latencyNs}`);
    this.#function = device;
    this.#features = device.features | FEATURE_VERSION_1;
    this.#latencyNs = latencyNs;
    this.#state = powerOn(device.queueSizes);
  }

  override read(region: number, offset: number, width: ModelWidth): number {
    if (offset < CONFIG) return width === 4 ? super.read(region, offset, width) : 0;
    let value = 0;
    for (let lane = width - 1; lane >= 0; lane--) {
      value = value * 256 + (this.#function.config[offset - CONFIG + lane] ?? 0);
    }
    return value;
  }

  override write(region: number, offset: number, width: ModelWidth, value: number): void {
    if (width === 4 && offset < CONFIG) super.write(region, offset, width, value);
  }

  reset(): void {
    for (const timer of this.#timers.values()) timer.cancel();
    this.#timers.clear();
    this.#state = powerOn(this.#function.queueSizes);
    this.broken = undefined;
    this.#settle();
  }

  protected readWord(offset: number): number {
    const state = this.#state;
    const queue = state.queues[state.queueSelect];
    if (offset >= SHM_LEN_LOW && offset <= SHM_BASE_HIGH) return 0xffffffff;
    switch (offset) {
      case MAGIC_VALUE:
        return MAGIC;
      case VERSION:
        return MODERN;
      case DEVICE_ID:
        return this.#function.deviceId;
      case VENDOR_ID:
        return VENDOR;
      case DEVICE_FEATURES:
        return state.deviceFeaturesSelect > 1
          ? 0
          : low(this.#features >> BigInt(32 * state.deviceFeaturesSelect));
      case QUEUE_NUM_MAX:
        return queue?.maximum ?? 0;
      case QUEUE_READY:
        return queue?.running ? 1 : 0;
      case INTERRUPT_STATUS:
        return state.interrupts;
      case STATUS:
        return state.status;
      case CONFIG_GENERATION:
        return 0;
      default:
        return 0;
    }
  }

  protected writeWord(offset: number, value: number): void {
    const state = this.#state;
    switch (offset) {
      case DEVICE_FEATURES_SEL:
        state.deviceFeaturesSelect = value;
        break;
      case DRIVER_FEATURES_SEL:
        state.driverFeaturesSelect = value;
        break;
      case DRIVER_FEATURES:
        this.#acceptFeatures(value);
        break;
      case QUEUE_SEL:
        state.queueSelect = value;
        break;
      case QUEUE_NOTIFY:
        this.#notified(value);
        break;
      case INTERRUPT_ACK:
        state.interrupts &= ~value;
        break;
      case STATUS:
        this.#setStatus(value);
        break;
      default:
        this.#writeQueue(offset, value);
    }
    this.#settle();
  }

  #acceptFeatures(value: number): void {
    const state = this.#state;
    // Once accepted they stand until a reset (3.1.1).
    if (state.status & STATUS_FEATURES_OK || state.driverFeaturesSelect > 1) return;
    state.driverFeatures =
      state.driverFeaturesSelect === 0
        ? withLow(state.driverFeatures, value)
        : withHigh(state.driverFeatures, value);
  }

  #setStatus(value: number): void {
    const state = this.#state;
    if (value === 0) {
      this.reset();
      return;
    }
    let status = value & STATUS_DRIVER_BITS;
    const { driverFeatures } = state;
    const acceptable =
      (driverFeatures & ~this.#features) === 0n && (driverFeatures & FEATURE_VERSION_1) !== 0n;
    if (!acceptable) status &= ~STATUS_FEATURES_OK;
    state.status = status | (state.status & STATUS_NEEDS_RESET);
  }

  #writeQueue(offset: number, value: number): void {
    const queue = this.#state.queues[this.#state.queueSelect];
    if (queue === undefined) return;
    if (offset === QUEUE_READY) {
      this.#setReady(queue, (value & 1) !== 0);
      return;
    }
    // The driver must not touch these while the queue is ready (4.2.2.2).
    if (queue.running) return;
    switch (offset) {
      case QUEUE_NUM:
        queue.size = value;
        break;
      case QUEUE_DESC_LOW:
        queue.descriptors = withLow(queue.descriptors, value);
        break;
      case QUEUE_DESC_HIGH:
        queue.descriptors = withHigh(queue.descriptors, value);
        break;
      case QUEUE_DRIVER_LOW:
        queue.available = withLow(queue.available, value);
        break;
      case QUEUE_DRIVER_HIGH:
        queue.available = withHigh(queue.available, value);
        break;
      case QUEUE_DEVICE_LOW:
        queue.used = withLow(queue.used, value);
        break;
      case QUEUE_DEVICE_HIGH:
        queue.used = withHigh(queue.used, value);
        break;
    }
  }

  #setReady(queue: Queue, ready: boolean): void {
    if (!ready) {
      queue.running = undefined;
      return;
    }
    if (queue.running) return;
    const { size, maximum, descriptors, available, used } = queue;
    if (!(size >= 1 && size <= maximum && Number.isInteger(Math.log2(size)))) {
      this.#fail(`a queue of ${size} entries`);
      return;
    }
    queue.running = new Virtqueue(this.environment.dma, {
      size,
      descriptors: Number(descriptors),
      available: Number(available),
      used: Number(used),
    });
  }

  #notified(index: number): void {
    if (this.#state.queues[index] === undefined || this.#timers.has(index)) return;
    const timer = this.clock.setTimer(this.#latencyNs, () => {
      this.#timers.delete(index);
      this.#work(index);
      this.#settle();
    });
    this.#timers.set(index, timer);
  }

  #work(index: number): void {
    const state = this.#state;
    const queue = state.queues[index]?.running;
    if (queue === undefined || !(state.status & STATUS_DRIVER_OK)) return;
    if (state.status & STATUS_NEEDS_RESET) return;
    try {
      let done = 0;
      // At most one queue full: what comes meanwhile comes with its own notification.
      const limit = this.#function.queueSizes[index] as number;
      for (let request = queue.take(); request; request = done < limit ? queue.take() : undefined) {
        queue.complete(request, this.#handle(index, request));
        done++;
      }
      if (done > 0 && !queue.interruptsSuppressed) state.interrupts |= INTERRUPT_USED;
    } catch (error) {
      if (!(error instanceof QueueBroken)) throw error;
      this.#fail(error.message);
    }
  }

  #handle(index: number, request: Request): number {
    const { dma, random } = this.environment;
    const written = this.#function.handle(index, request, { dma, random });
    if (written === undefined) throw new QueueBroken('a buffer of a request cannot be reached');
    this.bytesWritten += written;
    return written;
  }

  #fail(reason: string): void {
    const state = this.#state;
    this.broken = reason;
    state.status |= STATUS_NEEDS_RESET;
    if (state.status & STATUS_DRIVER_OK) state.interrupts |= INTERRUPT_CONFIG;
  }

  #settle(): void {
    this.drive(0, this.#state.interrupts !== 0);
  }
}
