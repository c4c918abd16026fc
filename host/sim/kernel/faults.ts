import {
  VFIO_DEVICE_GET_INFO,
  VFIO_DEVICE_GET_IRQ_INFO,
  VFIO_DEVICE_GET_REGION_INFO,
  VFIO_DEVICE_INFO_NUM_IRQS,
  VFIO_DEVICE_INFO_NUM_REGIONS,
  VFIO_INFO_CAP_HEADER_SIZE,
  VFIO_INFO_CAP_ID,
  VFIO_INFO_CAP_NEXT,
  VFIO_INFO_CAP_VERSION,
  VFIO_IOMMU_GET_INFO,
  VFIO_IOMMU_INFO_CAP_OFFSET,
  VFIO_IOMMU_INFO_FLAG_CAPS,
  VFIO_IOMMU_INFO_FLAGS,
  VFIO_IOMMU_INFO_SIZE,
  VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE,
  VFIO_IRQ_INFO_COUNT,
  VFIO_IRQ_INFO_FLAGS,
  VFIO_REGION_INFO_CAP_OFFSET,
  VFIO_REGION_INFO_CAP_SPARSE_MMAP,
  VFIO_REGION_INFO_FLAG_CAPS,
  VFIO_REGION_INFO_FLAGS,
  VFIO_REGION_INFO_OFFSET_LO64,
  VFIO_REGION_INFO_SIZE,
  VFIO_REGION_INFO_SIZE_LO64,
  VFIO_SPARSE_MMAP_NR_AREAS,
} from '../../../assembly/abi/vfio';
import type { IoctlArgument } from '../../boundary/kernel';
import { VFIO_INDEX } from './numbers';
import { getU32, hasBytes, setU16, setU32, setU64 } from './user-struct';

/** The system calls that can be made to fail. */
export type FaultCall =
  | 'open'
  | 'close'
  | 'ioctl'
  | 'eventfd'
  | 'read'
  | 'write'
  | 'pread'
  | 'pwrite'
  | 'mmap'
  | 'watch'
  | 'unwatch';

/** Which of the matching calls are hit. */
export interface FaultSpan {
  /** Matching calls that still work; 0 unless given. */
  readonly skip?: number;
  /** Calls that are hit after those, Infinity for all; 1 unless given. */
  readonly times?: number;
}

/** A call that fails or falls short. Every field that is given must match. */
export interface FaultRule extends FaultSpan {
  readonly call: FaultCall;
  /**
   * The positive errno to fail with. The call has no effect, except that
   * 'close' closes all the same. Without it the rule only counts.
   */
  readonly errno?: number;
  /** Instead of failing, 'read', 'write', 'pread' and 'pwrite' transfer so many bytes at most (0 or more). */
  readonly bytes?: number;
  /** 'open': the path. */
  readonly path?: string;
  /** 'ioctl': the request. */
  readonly request?: number;
  /** 'ioctl' on a device: the region or line index in the struct. */
  readonly index?: number;
  /** 'ioctl': the flags word of the struct, which is the second in every VFIO struct. */
  readonly flags?: number;
  /** 'pread', 'pwrite', 'mmap' on a device: the region, that is the offset's bits from 40 up. */
  readonly region?: number;
  /** 'pread', 'pwrite', 'mmap': the offset in the region. */
  readonly offset?: number;
}

/** An injected fault. */
export interface Fault {
  /** Calls that it has hit so far. */
  readonly hits: number;
  /** Ends it. Idempotent. */
  remove(): void;
}

/** Ways in which a chain of capabilities can be broken. */
export type BrokenChain =
  /** A capability names itself as the next one. */
  | 'loop'
  /** The first capability lies far beyond the struct. */
  | 'outside'
  /** The first capability is fine, the next one lies beyond the struct. */
  | 'next-outside'
  /** The first capability begins in the struct and ends beyond it. */
  | 'truncated'
  /** The first capability overlaps the struct's own fields. */
  | 'inside-header'
  /** The list inside the capability claims 2^32 − 1 elements. */
  | 'endless-list';

/** A lie about a region; what is not given stays true. */
export interface RegionLie extends FaultSpan {
  readonly size?: bigint;
  readonly flags?: number;
  readonly offset?: bigint;
  readonly argsz?: number;
  readonly capOffset?: number;
}

/** A lie about a line; what is not given stays true. */
export interface IrqLie extends FaultSpan {
  readonly flags?: number;
  readonly count?: number;
}

class Injected implements Fault {
  hits = 0;
  #skip: number;
  #left: number;

  constructor(span: FaultSpan) {
    this.#skip = span.skip ?? 0;
    this.#left = span.times ?? 1;
  }

  /** A matching call came. @returns whether it is hit */
  strike(): boolean {
    if (this.#skip > 0) {
      this.#skip--;
      return false;
    }
    if (this.#left <= 0) return false;
    this.#left--;
    this.hits++;
    return true;
  }

  remove(): void {
    this.#left = 0;
  }
}

interface Rule {
  readonly rule: FaultRule;
  readonly injected: Injected;
}

interface Tampering {
  readonly request: number;
  readonly index: number | undefined;
  readonly edit: (answer: IoctlArgument) => number | undefined;
  readonly injected: Injected;
}

interface InfoLayout {
  readonly size: number;
  readonly flags: number;
  readonly capsFlag: number;
  readonly capOffset: number;
  readonly capability: number;
}

const INFO_LAYOUTS = new Map<number, InfoLayout>([
  [
    VFIO_DEVICE_GET_REGION_INFO,
    {
      size: VFIO_REGION_INFO_SIZE,
      flags: VFIO_REGION_INFO_FLAGS,
      capsFlag: VFIO_REGION_INFO_FLAG_CAPS,
      capOffset: VFIO_REGION_INFO_CAP_OFFSET,
      capability: VFIO_REGION_INFO_CAP_SPARSE_MMAP,
    },
  ],
  [
    VFIO_IOMMU_GET_INFO,
    {
      size: VFIO_IOMMU_INFO_SIZE,
      flags: VFIO_IOMMU_INFO_FLAGS,
      capsFlag: VFIO_IOMMU_INFO_FLAG_CAPS,
      capOffset: VFIO_IOMMU_INFO_CAP_OFFSET,
      capability: VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE,
    },
  ],
]);

/** Room for one capability with a list of one element, and for a header after it. */
const BROKEN_CHAIN_BYTES = 48;

/**
 * Fault injection: makes chosen system calls fail, fall short or answer with
 * lies. The kernel has one for all calls, each device one for its own files.
 * The first rule that hits decides.
 */
export class Faults {
  #rules: Rule[] = [];
  #tamperings: Tampering[] = [];
  #armed = false;

  /** Whether anything was injected since the last {@link clear}; keeps the hot paths short. */
  get armed(): boolean {
    return this.#armed;
  }

  /** Makes matching calls fail (`errno`) or fall short (`bytes`). */
  inject(rule: FaultRule): Fault {
    const injected = new Injected(rule);
    this.#rules.push({ rule, injected });
    this.#armed = true;
    return injected;
  }

  /**
   * Lets `edit` change the answer of an ioctl that went well; a number that it
   * returns becomes the result of the call.
   * @param index only for this region or line
   */
  tamper(
    request: number,
    edit: (answer: IoctlArgument) => number | undefined,
    options: FaultSpan & { readonly index?: number } = {},
  ): Fault {
    const injected = new Injected(options);
    this.#tamperings.push({ request, index: options.index, edit, injected });
    this.#armed = true;
    return injected;
  }

  /** The answer claims to need `value` bytes (argsz), whatever it was given; for ever unless told otherwise. */
  lieArgsz(request: number, value: number, span: FaultSpan = { times: Infinity }): Fault {
    return this.tamper(
      request,
      ({ bytes }) => {
        setU32(bytes, 0, value);
        return undefined;
      },
      span,
    );
  }

  /**
   * Breaks the capability chain of GET_REGION_INFO or IOMMU_GET_INFO; a caller
   * without room for it is first told to grow. For ever unless told otherwise.
   */
  breakCapabilities(
    request: number,
    how: BrokenChain,
    options: FaultSpan & { readonly index?: number } = { times: Infinity },
  ): Fault {
    const layout = INFO_LAYOUTS.get(request);
    if (layout === undefined) throw new RangeError('this request has no capabilities');
    return this.tamper(
      request,
      (answer) => {
        writeBrokenChain(answer, layout, how);
        return undefined;
      },
      options,
    );
  }

  /** Ends all faults. */
  clear(): void {
    this.#rules = [];
    this.#tamperings = [];
    this.#armed = false;
  }

  /** @internal −errno for open(), or 0 */
  failOpen(path: string): number {
    return this.#strike((rule) => rule.call === 'open' && is(rule.path, path));
  }

  /** @internal −errno for a call without further particulars, or 0 */
  failCall(call: FaultCall): number {
    return this.#strike((rule) => rule.call === call);
  }

  /** @internal −errno for an ioctl, or 0 */
  failIoctl(request: number, argument: IoctlArgument): number {
    return this.#strike(
      (rule) =>
        rule.call === 'ioctl' &&
        is(rule.request, request) &&
        is(rule.flags, wordAt(argument, 4)) &&
        is(rule.index, wordAt(argument, VFIO_INDEX)),
    );
  }

  /** @internal −errno for a call at a file offset, or the bytes that it may transfer */
  limitTransfer(call: FaultCall, length: number, region: number, offset: number): number {
    for (const { rule, injected } of this.#rules) {
      if (rule.call !== call || !is(rule.region, region) || !is(rule.offset, offset)) continue;
      if (!injected.strike()) continue;
      if (rule.bytes !== undefined) return Math.min(rule.bytes, length);
      return rule.errno === undefined ? length : -rule.errno;
    }
    return length;
  }

  /** @internal the result of an ioctl after the lies */
  afterIoctl(request: number, argument: IoctlArgument, result: number): number {
    let answer = result;
    for (const { request: wanted, index, edit, injected } of this.#tamperings) {
      if (wanted !== request || !is(index, wordAt(argument, VFIO_INDEX))) continue;
      if (injected.strike()) answer = edit(argument) ?? answer;
    }
    return answer;
  }

  #strike(matches: (rule: FaultRule) => boolean): number {
    for (const { rule, injected } of this.#rules) {
      if (matches(rule) && injected.strike()) return -(rule.errno ?? 0);
    }
    return 0;
  }
}

/** Fault injection for one device; the lies concern what it answers, never what its kernel side does. */
export class DeviceFaults extends Faults {
  readonly #requestErrors = new Map<number, number>();

  /** GET_INFO claims so many regions. */
  lieRegionCount(count: number, span: FaultSpan = { times: Infinity }): Fault {
    return this.#lieInfo(VFIO_DEVICE_INFO_NUM_REGIONS, count, span);
  }

  /** GET_INFO claims so many lines. */
  lieIrqCount(count: number, span: FaultSpan = { times: Infinity }): Fault {
    return this.#lieInfo(VFIO_DEVICE_INFO_NUM_IRQS, count, span);
  }

  /** GET_REGION_INFO lies about one region; for ever unless told otherwise. */
  lieRegion(index: number, lie: RegionLie): Fault {
    return this.tamper(
      VFIO_DEVICE_GET_REGION_INFO,
      ({ bytes }) => {
        if (lie.size !== undefined) setU64(bytes, VFIO_REGION_INFO_SIZE_LO64, lie.size);
        if (lie.flags !== undefined) setU32(bytes, VFIO_REGION_INFO_FLAGS, lie.flags);
        if (lie.offset !== undefined) setU64(bytes, VFIO_REGION_INFO_OFFSET_LO64, lie.offset);
        if (lie.argsz !== undefined) setU32(bytes, 0, lie.argsz);
        if (lie.capOffset !== undefined) setU32(bytes, VFIO_REGION_INFO_CAP_OFFSET, lie.capOffset);
        return undefined;
      },
      { times: Infinity, ...lie, index },
    );
  }

  /** GET_IRQ_INFO lies about one line; for ever unless told otherwise. */
  lieIrq(index: number, lie: IrqLie): Fault {
    return this.tamper(
      VFIO_DEVICE_GET_IRQ_INFO,
      ({ bytes }) => {
        if (lie.flags !== undefined) setU32(bytes, VFIO_IRQ_INFO_FLAGS, lie.flags);
        if (lie.count !== undefined) setU32(bytes, VFIO_IRQ_INFO_COUNT, lie.count);
        return undefined;
      },
      { times: Infinity, ...lie, index },
    );
  }

  /**
   * request_irq of a line fails at the next first open of the device: the
   * error is deferred, and every SET_IRQS on the line answers it.
   * @param errno positive; 0 takes the fault back
   */
  failRequestIrq(line: number, errno: number): void {
    this.#requestErrors.set(line, errno);
  }

  /** @internal −errno of request_irq, or 0 */
  requestIrq(line: number): number {
    return -(this.#requestErrors.get(line) ?? 0) || 0;
  }

  override clear(): void {
    super.clear();
    this.#requestErrors.clear();
  }

  #lieInfo(field: number, value: number, span: FaultSpan): Fault {
    return this.tamper(
      VFIO_DEVICE_GET_INFO,
      ({ bytes }) => {
        setU32(bytes, field, value);
        return undefined;
      },
      span,
    );
  }
}

function is<T>(wanted: T | undefined, actual: T): boolean {
  return wanted === undefined || wanted === actual;
}

function wordAt(argument: IoctlArgument, offset: number): number {
  return hasBytes(argument, offset + 4) ? getU32(argument.bytes, offset) : -1;
}

function writeBrokenChain(answer: IoctlArgument, layout: InfoLayout, how: BrokenChain): void {
  const { bytes } = answer;
  if (!hasBytes(answer, layout.size)) return;
  const end = Math.min(answer.length, bytes.byteLength);
  const flags = getU32(bytes, layout.flags) | layout.capsFlag;
  setU32(bytes, layout.flags, flags);
  if (end < layout.size + BROKEN_CHAIN_BYTES) {
    setU32(bytes, 0, layout.size + BROKEN_CHAIN_BYTES);
    setU32(bytes, layout.capOffset, 0);
    return;
  }
  setU32(bytes, 0, end);
  let at = layout.size;
  let next = 0;
  if (how === 'loop') next = at;
  else if (how === 'next-outside') next = end + 64;
  else if (how === 'outside') at = 0xfffffff0;
  else if (how === 'truncated') at = end - VFIO_INFO_CAP_HEADER_SIZE;
  else if (how === 'inside-header') at = 4;
  setU32(bytes, layout.capOffset, at);
  if (how === 'outside' || how === 'inside-header') return;
  // Only a list makes a reader look into the capability; the other chains name one that nobody knows.
  const known = how === 'endless-list' || how === 'truncated';
  setU16(bytes, at + VFIO_INFO_CAP_ID, known ? layout.capability : 0x7fff);
  setU16(bytes, at + VFIO_INFO_CAP_VERSION, 1);
  setU32(bytes, at + VFIO_INFO_CAP_NEXT, next);
  if (how === 'endless-list') setU32(bytes, at + VFIO_SPARSE_MMAP_NR_AREAS, 0xffffffff);
}
