import type { TimerHandle } from '../../time/clock';
import { memoryRegion } from './memory';
import type { DeviceModel, ModelIrq, ModelRegion, ModelWidth } from './model';
import { WordRegisterModel } from './registers';

// docs/dma-engine.md is the manual.
const ID = 0x00;
const CONTROL = 0x04;
const STATUS = 0x08;
const MODE = 0x0c;
const SOURCE_LO = 0x10;
const SOURCE_HI = 0x14;
const DEST_LO = 0x18;
const DEST_HI = 0x1c;
const LENGTH = 0x20;
const PROGRESS = 0x24;
const ERROR_CODE = 0x28;
const FAULT_LO = 0x30;
const FAULT_HI = 0x34;
const INT_STATUS = 0x38;
const INT_ENABLE = 0x3c;
const INT_MASKED = 0x40;

/** 'DMA1' in ASCII, first letter lowest. */
const ID_VALUE = 0x31414d44;

const CONTROL_START = 1 << 0;
const CONTROL_ABORT = 1 << 1;

const STATUS_BUSY = 1 << 0;
const STATUS_DONE = 1 << 1;
const STATUS_ERROR = 1 << 2;
const STATUS_ABORTED = 1 << 3;

const MODE_BITS = 0x3;
/** 0 is memory to memory, 3 is reserved. */
const MODE_MEMORY_TO_DEVICE = 1;
const MODE_DEVICE_TO_MEMORY = 2;

const ERROR_NONE = 0;
const ERROR_SOURCE = 1;
const ERROR_DESTINATION = 2;
const ERROR_MODE = 3;

const INT_COMPLETE = 1 << 0;
const INT_ERROR = 1 << 1;
const INT_BITS = INT_COMPLETE | INT_ERROR;

/** The edge line that announces completions. */
const LINE_COMPLETE = 0;
/** The level line that is high while an error waits. */
const LINE_ERROR = 1;

const BUFFER_REGION = 1;

/** No burst crosses a multiple of this, as on AXI. */
const BURST_BOUNDARY = 4096;
/** The engine has 52 address lines; this is also what a double holds exactly. */
const ADDRESS_END = 1n << 52n;

interface Transfer {
  readonly mode: number;
  readonly source: bigint;
  readonly destination: bigint;
  readonly length: number;
}

function powerOn() {
  return {
    mode: 0,
    sourceLow: 0,
    sourceHigh: 0,
    destinationLow: 0,
    destinationHigh: 0,
    length: 0,
    outcome: 0,
    progress: 0,
    errorCode: ERROR_NONE,
    fault: 0n,
    interrupts: 0,
    enabled: 0,
    transfer: undefined as Transfer | undefined,
  };
}

function address(low: number, high: number): bigint {
  return (BigInt(high) << 32n) | BigInt(low);
}

/** Options of {@link DmaEngine}. */
export interface DmaEngineOptions {
  /** Time per byte in nanoseconds, greater than 0; 1 by default (1 GB/s). */
  readonly nsPerByte?: number;
  /** Largest burst in bytes, a power of two, 1 … 4096; 4096 by default. */
  readonly burstBytes?: number;
  /** Size of the device buffer (region 1) in bytes, 1 … 2^24; 4096 by default. */
  readonly bufferBytes?: number;
}

/**
 * A DMA engine of our own, for tests and demos; its manual is
 * docs/dma-engine.md. Region 0: registers; region 1: the device buffer, plain
 * memory. Line 0: completion (edge); line 1: error (level).
 */
export class DmaEngine extends WordRegisterModel implements DeviceModel {
  readonly compatible: readonly string[] = ['vfio-platform-wasm,dma-engine'];
  readonly regions: readonly ModelRegion[];
  readonly irqs: readonly ModelIrq[] = [{ trigger: 'edge' }, { trigger: 'level' }];

  readonly #buffer: ReturnType<typeof memoryRegion>;
  readonly #nsPerByte: number;
  /** Holds one burst on its way; a copy of any length needs no more. */
  readonly #burst: Uint8Array;
  #state = powerOn();
  #timer: TimerHandle | undefined;

  constructor(options: DmaEngineOptions = {}) {
    super();
    const { nsPerByte = 1, burstBytes = BURST_BOUNDARY, bufferBytes = 4096 } = options;
    // Copies have to take time, or one of 4 GiB would hold up the clock.
    if (!(nsPerByte > 0))
      throw new RangeError(`nsPerByte must be greater than 0, got ${nsPerByte}`);
    if (
      !(burstBytes >= 1 && burstBytes <= BURST_BOUNDARY && Number.isInteger(Math.log2(burstBytes)))
    ) {
      throw new RangeError(`burstBytes must be a power of two, 1 … 4096, got ${burstBytes}`);
    }
    if (!(Number.isInteger(bufferBytes) && bufferBytes >= 1 && bufferBytes <= 2 ** 24)) {
      throw new RangeError(`bufferBytes must be 1 … 2^24, got ${bufferBytes}`);
    }
    this.#nsPerByte = nsPerByte;
    this.#burst = new Uint8Array(burstBytes);
    this.#buffer = memoryRegion(new Uint8Array(bufferBytes));
    this.regions = [{ size: 0x1000 }, this.#buffer];
  }

  /** The device buffer: the same bytes as region 1; do not keep them, for a mapping moves them. */
  get buffer(): Uint8Array {
    return this.#buffer.memory;
  }

  override read(region: number, offset: number, width: ModelWidth): number {
    if (region !== BUFFER_REGION) return super.read(region, offset, width);
    let value = 0;
    for (let lane = width - 1; lane >= 0; lane--) {
      value = value * 256 + (this.buffer[offset + lane] ?? 0);
    }
    return value;
  }

  override write(region: number, offset: number, width: ModelWidth, value: number): void {
    if (region !== BUFFER_REGION) {
      super.write(region, offset, width, value);
      return;
    }
    for (let lane = 0; lane < width; lane++) this.buffer[offset + lane] = value >>> (8 * lane);
  }

  reset(): void {
    this.#stopTimer();
    this.#state = powerOn();
    this.buffer.fill(0);
    this.#settle();
  }

  protected readWord(offset: number): number {
    const state = this.#state;
    switch (offset) {
      case ID:
        return ID_VALUE;
      case STATUS:
        return state.outcome | (state.transfer ? STATUS_BUSY : 0);
      case MODE:
        return state.mode;
      case SOURCE_LO:
        return state.sourceLow;
      case SOURCE_HI:
        return state.sourceHigh;
      case DEST_LO:
        return state.destinationLow;
      case DEST_HI:
        return state.destinationHigh;
      case LENGTH:
        return state.length;
      case PROGRESS:
        return state.progress;
      case ERROR_CODE:
        return state.errorCode;
      case FAULT_LO:
        return Number(BigInt.asUintN(32, state.fault));
      case FAULT_HI:
        return Number(BigInt.asUintN(32, state.fault >> 32n));
      case INT_STATUS:
        return state.interrupts;
      case INT_ENABLE:
        return state.enabled;
      case INT_MASKED:
        return state.interrupts & state.enabled;
      default:
        return 0;
    }
  }

  protected writeWord(offset: number, value: number, strobes: number): void {
    const state = this.#state;
    const held = (old: number) => this.merge(old, value, strobes);
    switch (offset) {
      case CONTROL:
        if (value & CONTROL_ABORT) this.#abort();
        if (value & CONTROL_START) this.#start();
        break;
      case MODE:
        state.mode = held(state.mode) & MODE_BITS;
        break;
      case SOURCE_LO:
        state.sourceLow = held(state.sourceLow);
        break;
      case SOURCE_HI:
        state.sourceHigh = held(state.sourceHigh);
        break;
      case DEST_LO:
        state.destinationLow = held(state.destinationLow);
        break;
      case DEST_HI:
        state.destinationHigh = held(state.destinationHigh);
        break;
      case LENGTH:
        state.length = held(state.length);
        break;
      case INT_STATUS:
        state.interrupts &= ~value;
        break;
      case INT_ENABLE:
        state.enabled = held(state.enabled) & INT_BITS;
        break;
    }
    this.#settle();
  }

  #start(): void {
    const state = this.#state;
    if (state.transfer) return;
    state.outcome = 0;
    state.progress = 0;
    state.errorCode = ERROR_NONE;
    state.fault = 0n;
    if (state.mode > MODE_DEVICE_TO_MEMORY) {
      this.#fail(ERROR_MODE, 0n);
      return;
    }
    state.transfer = {
      mode: state.mode,
      source: address(state.sourceLow, state.sourceHigh),
      destination: address(state.destinationLow, state.destinationHigh),
      length: state.length,
    };
    this.#scheduleBurst(state.transfer);
  }

  #abort(): void {
    if (!this.#state.transfer) return;
    this.#stopTimer();
    this.#state.transfer = undefined;
    this.#state.outcome = STATUS_ABORTED;
  }

  /** A transfer of no bytes has one empty burst, so that completion never comes from within START. */
  #scheduleBurst(transfer: Transfer): void {
    const done = BigInt(this.#state.progress);
    const size = Math.min(
      this.#burst.length,
      transfer.length - this.#state.progress,
      BURST_BOUNDARY - Number(BigInt.asUintN(12, transfer.source + done)),
      BURST_BOUNDARY - Number(BigInt.asUintN(12, transfer.destination + done)),
    );
    this.#timer = this.clock.setTimer(size * this.#nsPerByte, () =>
      this.#moveBurst(transfer, size),
    );
  }

  #moveBurst(transfer: Transfer, size: number): void {
    const state = this.#state;
    this.#timer = undefined;
    const done = BigInt(state.progress);
    const source = transfer.source + done;
    const destination = transfer.destination + done;
    const bytes = this.#burst.subarray(0, size);
    if (!this.#fetch(transfer.mode, source, bytes)) {
      this.#fail(ERROR_SOURCE, source);
    } else if (!this.#store(transfer.mode, destination, bytes)) {
      this.#fail(ERROR_DESTINATION, destination);
    } else {
      state.progress += size;
      if (state.progress === transfer.length) {
        this.#complete();
        return;
      }
      this.#scheduleBurst(transfer);
    }
    this.#settle();
  }

  #fetch(mode: number, from: bigint, bytes: Uint8Array): boolean {
    if (bytes.length === 0) return true;
    if (mode !== MODE_DEVICE_TO_MEMORY) {
      if (from + BigInt(bytes.length) > ADDRESS_END) return false;
      return this.environment.dma.read(Number(from), bytes);
    }
    if (from + BigInt(bytes.length) > BigInt(this.buffer.length)) return false;
    const start = Number(from);
    bytes.set(this.buffer.subarray(start, start + bytes.length));
    return true;
  }

  #store(mode: number, to: bigint, bytes: Uint8Array): boolean {
    if (bytes.length === 0) return true;
    if (mode !== MODE_MEMORY_TO_DEVICE) {
      if (to + BigInt(bytes.length) > ADDRESS_END) return false;
      return this.environment.dma.write(Number(to), bytes);
    }
    if (to + BigInt(bytes.length) > BigInt(this.buffer.length)) return false;
    this.buffer.set(bytes, Number(to));
    return true;
  }

  #fail(code: number, at: bigint): void {
    const state = this.#state;
    state.transfer = undefined;
    state.outcome = STATUS_ERROR;
    state.errorCode = code;
    state.fault = at;
    state.interrupts |= INT_ERROR;
  }

  #complete(): void {
    const state = this.#state;
    state.transfer = undefined;
    state.outcome = STATUS_DONE;
    state.interrupts |= INT_COMPLETE;
    if (!(state.enabled & INT_COMPLETE)) return;
    this.drive(LINE_COMPLETE, true);
    this.drive(LINE_COMPLETE, false);
  }

  #stopTimer(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #settle(): void {
    this.drive(LINE_ERROR, (this.#state.interrupts & this.#state.enabled & INT_ERROR) !== 0);
  }
}
