import { MAX_DEPTH, MAX_REGISTERS } from '../limits';
import { ByteReader } from './bytes';
import type { RecordedEvent } from './event';
import {
  ACCESS_BIT,
  ACCESS_WRITE_BIT,
  BEGIN_BIT,
  isAccess,
  OP_READ,
  OP_REGISTER,
  OP_THROWN,
  OP_TIME,
  OP_WRITE,
  type OpShape,
  opShape,
  REGISTER_FOLLOWS,
} from './ops';
import { corrupt, unsupported } from './problem';

const NOTHING = new Uint8Array(0);
const WORDS = 7;
const REGISTER_FIELDS = 5;
const FEW_REGISTERS = 32;

/** Where a chunk begins. */
export interface ChunkStart {
  /** Number of its first event. */
  readonly firstEvent: number;
  readonly firstAccess: number;
  readonly timeNs: number;
}

/** Reads the events of one chunk after the other. */
export class EventDecoder {
  readonly #bytes = new ByteReader();
  #registers = new Float64Array(FEW_REGISTERS * WORDS);
  #registerCount = 0;
  /** Operations that have begun and not ended. */
  readonly #open = new Uint8Array(MAX_DEPTH);
  #depth = 0;
  #timeNs = 0;
  #tick = 1;
  #events = 0;
  #accesses = 0;

  /** Events that have begun and not ended. */
  get depth(): number {
    return this.#depth;
  }

  /** Number of the next event. */
  get events(): number {
    return this.#events;
  }

  get accesses(): number {
    return this.#accesses;
  }

  get timeNs(): number {
    return this.#timeNs;
  }

  /** The operations that have begun and not ended, outermost first. */
  get open(): readonly number[] {
    return [...this.#open.subarray(0, this.#depth)];
  }

  /** Begins a chunk. @throws VfioError TRACE_CORRUPT */
  load(payload: Uint8Array, start: ChunkStart): void {
    const bytes = this.#bytes;
    bytes.load(payload);
    this.#registerCount = 0;
    this.#timeNs = start.timeNs;
    this.#events = start.firstEvent;
    this.#accesses = start.firstAccess;
    this.#tick = bytes.unsigned();
    this.#depth = bytes.unsigned();
    if (this.#depth > MAX_DEPTH) throw corrupt('a chunk begins too deep inside calls');
    for (let i = 0; i < this.#depth; i++) {
      const op = bytes.byte();
      if (!opShape(op)?.frame) throw corrupt(`a chunk begins inside an operation ${op}`);
      this.#open[i] = op;
    }
  }

  /** Fills in the next event of the chunk; false when there is none. */
  next(event: RecordedEvent): boolean {
    const bytes = this.#bytes;
    while (!bytes.ended) {
      const first = bytes.byte();
      if (first >= ACCESS_BIT) {
        this.#access(event, first);
        return true;
      }
      const op = first & ~BEGIN_BIT;
      const shape = opShape(op);
      if (shape === undefined) throw unsupported(`it has an operation ${op}`);
      if (shape.kind !== 'mark') {
        this.#head(event, shape, first !== op);
        return true;
      }
      if (first !== op) throw corrupt(`'${shape.name}' has no beginning`);
      if (op === OP_TIME) this.#setTime(bytes.double());
      else if (op === OP_REGISTER) this.#define();
      else {
        this.#tail(event, op === OP_THROWN);
        return true;
      }
    }
    return false;
  }

  #advance(): void {
    const ticks = this.#bytes.unsigned();
    if (ticks > 0) this.#setTime(this.#timeNs + ticks * this.#tick);
  }

  #setTime(timeNs: number): void {
    if (!Number.isFinite(timeNs)) throw corrupt('a time is no number');
    this.#timeNs = timeNs;
  }

  #place(event: RecordedEvent, op: number): void {
    event.op = op;
    event.ordinal = this.#events++;
    event.access = this.#accesses;
    event.timeNs = this.#timeNs;
    event.depth = this.#depth;
    event.input = NOTHING;
    event.output = NOTHING;
    event.window = -1;
  }

  #head(event: RecordedEvent, shape: OpShape, begins: boolean): void {
    const bytes = this.#bytes;
    if (shape.timed) this.#advance();
    this.#place(event, shape.op);
    const { args } = shape;
    for (let i = 0; i < args.length; i++) {
      event.args[i] = this.#value((args[i] as OpShape['args'][number]).type);
    }
    if (shape.input !== undefined) event.input = bytes.string();
    if (isAccess(shape.op)) this.#accesses++;
    if (!begins) {
      event.phase = 'whole';
      if (shape.frame) this.#results(event, shape);
      return;
    }
    event.phase = 'begin';
    if (!shape.frame) throw corrupt(`'${shape.name}' has no beginning`);
    if (this.#depth >= MAX_DEPTH) throw corrupt(`more than ${MAX_DEPTH} calls inside each other`);
    this.#open[this.#depth++] = shape.op;
  }

  #tail(event: RecordedEvent, thrown: boolean): void {
    if (this.#depth === 0) throw corrupt('an event ends that has not begun');
    const op = this.#open[--this.#depth] as number;
    event.op = op;
    event.phase = thrown ? 'thrown' : 'end';
    event.ordinal = Math.max(0, this.#events - 1);
    event.access = this.#accesses;
    event.timeNs = this.#timeNs;
    event.depth = this.#depth;
    event.input = NOTHING;
    event.output = NOTHING;
    event.window = -1;
    event.results.fill(0);
    if (thrown) event.input = this.#bytes.string();
    else this.#results(event, opShape(op) as OpShape);
  }

  #results(event: RecordedEvent, shape: OpShape): void {
    const { results } = shape;
    for (let i = 0; i < results.length; i++) {
      event.results[i] = this.#value((results[i] as OpShape['args'][number]).type);
    }
    if (shape.output) event.output = this.#bytes.string();
  }

  #value(type: 'u' | 'i' | 'f'): number {
    if (type === 'u') return this.#bytes.unsigned();
    return type === 'i' ? this.#bytes.signed() : this.#bytes.double();
  }

  #define(): void {
    if (this.#registerCount >= MAX_REGISTERS) throw corrupt('a chunk defines too many registers');
    const at = this.#registerCount++ * WORDS;
    if (at === this.#registers.length) {
      const larger = new Float64Array(at * 2);
      larger.set(this.#registers);
      this.#registers = larger;
    }
    for (let i = 0; i < REGISTER_FIELDS; i++) this.#registers[at + i] = this.#bytes.unsigned();
    this.#registers[at + 5] = 0;
    this.#registers[at + 6] = 0;
  }

  #access(event: RecordedEvent, first: number): void {
    const bytes = this.#bytes;
    const short = first & REGISTER_FOLLOWS;
    const index = short === REGISTER_FOLLOWS ? bytes.unsigned() : short;
    if (index >= this.#registerCount) throw corrupt(`register ${index} was not defined`);
    this.#advance();
    const change = bytes.unsigned();
    if (change > 0xffffffff) throw corrupt('a value is too large');
    const write = (first & ACCESS_WRITE_BIT) !== 0;
    const registers = this.#registers;
    const at = index * WORDS;
    const last = at + (write ? 6 : 5);
    const value = ((registers[last] as number) ^ change) >>> 0;
    registers[last] = value;
    this.#place(event, write ? OP_WRITE : OP_READ);
    this.#accesses++;
    event.phase = 'whole';
    event.args[0] = registers[at] as number;
    event.args[1] = registers[at + 1] as number;
    event.args[2] = registers[at + 2] as number;
    event.args[3] = value;
    event.results[0] = value;
    event.window = registers[at + 3] as number;
    event.windowOffset = registers[at + 4] as number;
  }
}
