import type {
  DeviceModel,
  ModelDma,
  ModelEnvironment,
  ModelWidth,
} from '../../host/sim/models/model';
import { SeededRandom } from '../../host/sim/random';
import { VirtualClock } from '../../host/time/virtual-clock';

/** Guest memory behind a fake IOMMU that maps one range, its end perhaps read-only. */
export class FakeDma implements ModelDma {
  readonly memory: Uint8Array;
  /** The size of every access that got through, in order. */
  readonly accesses: number[] = [];
  /** How many accesses were asked for. */
  requests = 0;

  constructor(
    readonly base = 0x1000,
    size = 0x4000,
    readonly readOnlyFrom = Number.POSITIVE_INFINITY,
  ) {
    this.memory = new Uint8Array(size);
  }

  read(iova: number, into: Uint8Array): boolean {
    if (!this.#maps(iova, into.length)) return false;
    this.accesses.push(into.length);
    into.set(this.memory.subarray(iova - this.base, iova - this.base + into.length));
    return true;
  }

  write(iova: number, from: Uint8Array): boolean {
    if (!this.#maps(iova, from.length) || iova + from.length > this.readOnlyFrom) return false;
    this.accesses.push(from.length);
    this.memory.set(from, iova - this.base);
    return true;
  }

  #maps(iova: number, length: number): boolean {
    this.requests++;
    return iova >= this.base && iova + length <= this.base + this.memory.length;
  }
}

/** A board with one model on it: drives registers by address and watches the lines. */
export class Board<Model extends DeviceModel = DeviceModel> implements ModelEnvironment {
  readonly clock = new VirtualClock();
  readonly random = new SeededRandom(1);
  /** Every call of setLine, as 'line↑' or 'line↓'. */
  readonly lineLog: string[] = [];
  /** Called by setLine, to play a guest that runs at once. */
  onLine: ((line: number, high: boolean) => void) | undefined;
  readonly #high = new Set<number>();

  constructor(
    readonly model: Model,
    readonly dma: FakeDma = new FakeDma(),
  ) {
    model.connect(this);
  }

  setLine(line: number, high: boolean): void {
    this.lineLog.push(`${line}${high ? '↑' : '↓'}`);
    if (high) this.#high.add(line);
    else this.#high.delete(line);
    this.onLine?.(line, high);
  }

  isHigh(line = 0): boolean {
    return this.#high.has(line);
  }

  /** Reads a register of region 0. */
  read(offset: number, width: ModelWidth = 4): number {
    return this.model.read(0, offset, width);
  }

  /** Writes a register of region 0. */
  write(offset: number, value: number, width: ModelWidth = 4): void {
    this.model.write(0, offset, width, value);
  }

  advance(ns: number): void {
    this.clock.advance(ns);
  }

  /** Whether no timer waits. */
  isIdle(): boolean {
    return this.clock.nextDueNs() === undefined;
  }
}

/** The eight PrimeCell identification registers. */
export function identification(board: Board): number[] {
  return Array.from({ length: 8 }, (_, index) => board.read(0xfe0 + 4 * index));
}
