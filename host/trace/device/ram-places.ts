import { VfioError } from '../../errors';
import { decodeCheckpoint } from '../format/checkpoint';
import type { RecordedEvent } from '../format/event';
import * as ops from '../format/ops';
import type { Trace } from '../format/trace';

/**
 * Where the device sees the guest RAM of each handle, by the events of its
 * trace. Handles are given to other guest RAM when they are free again.
 */
export class RamPlaces {
  readonly #trace: Trace;
  readonly #iovas = new Map<number, bigint>();
  /** IOVA of the call that maps guest RAM, by its depth. */
  readonly #mapping = new Map<number, bigint>();
  /** Blocks of the header that have been mapped. */
  #ofHeader = 0;

  constructor(trace: Trace) {
    this.#trace = trace;
  }

  /** Takes each event, in order. */
  follow(event: RecordedEvent): void {
    const { op, phase, depth, args, results } = event;
    const [a = 0, b = 0, c = 0] = args;
    if (op === ops.OP_MAP_RAM) {
      if (phase === 'begin') this.#mapping.set(depth, (BigInt(c) << 32n) | BigInt(b));
      else this.#mapping.delete(depth);
    } else if (op === ops.OP_GUEST_RAM && (phase === 'whole' || phase === 'end')) {
      const iova = this.#mapping.get(depth - 1) ?? this.#nextOfHeader();
      if (iova !== undefined) this.#iovas.set(results[0] as number, iova);
    } else if (op === ops.OP_RELEASE_RAM && (phase === 'whole' || phase === 'begin')) {
      this.#iovas.delete(a);
    } else if (op === ops.OP_OPEN && phase !== 'begin') {
      this.#enterWindow();
    }
  }

  /**
   * The IOVA of an offset in guest RAM.
   * @throws VfioError TRACE_UNSUPPORTED
   */
  iovaOf(handle: number, offset: number, event: number): number {
    const base = this.#iovas.get(handle);
    const iova = Number((base ?? 0n) + BigInt(offset));
    if (base !== undefined && Number.isSafeInteger(iova)) return iova;
    const { name } = this.#trace.header.device;
    const where =
      base === undefined
        ? `guest RAM ${handle}, and the recording does not say where that is; use a whole recording`
        : `0x${base.toString(16)}, beyond the 2^53 bytes that can be replayed`;
    throw new VfioError(
      'TRACE_UNSUPPORTED',
      `${name}: in event ${event} the device writes to ${where}`,
      { device: name },
    );
  }

  /** Guest RAM that is mapped while the device is opened, in the order of the header. */
  #nextOfHeader(): bigint | undefined {
    const block = this.#trace.header.guestRam[this.#ofHeader++];
    return block && BigInt(block.guestAddress);
  }

  /** What was mapped before a window is in its checkpoint; there are no gaps between its handles. */
  #enterWindow(): void {
    const { header, checkpoints } = this.#trace;
    const [place] = checkpoints;
    if (header.derived?.how !== 'window' || place === undefined) return;
    const { rams } = decodeCheckpoint(this.#trace.contents(place.chunk));
    for (const { iova } of rams) this.#iovas.set(this.#iovas.size, iova);
  }
}
