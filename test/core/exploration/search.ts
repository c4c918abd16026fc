import type { CoreRig } from './core-rig';
import {
  callBack,
  calms,
  completedBy,
  type Event,
  happen,
  isPossible,
  NESTED_KINDS,
  type NestedKind,
  type SourceSets,
  sourceSets,
} from './events';
import { Judge } from './judge';
import { type RingPosition, StateCodec } from './state-codec';
import { StateStore } from './state-store';

// A step: the event, at which "line up" it calls back (0: it does not), and how.
const AT_SHIFT = 8;
const KIND_SHIFT = 12;
/** Instead of a "line up": while the device is being accessed. */
const IN_DEVICE = 15;

/** What was found, with a shortest sequence of events that leads there. */
export interface Finding {
  readonly what: string;
  readonly trace: readonly string[];
}

export interface Exploration {
  readonly states: number;
  readonly transitions: number;
  /** Events to the state that is farthest away. */
  readonly depth: number;
  readonly finding: Finding | undefined;
}

/** What the search shows of one transition, while the rig is in the state behind it. */
export interface Arrival {
  readonly rig: CoreRig;
  readonly judge: Judge;
  /** Whether the state is new, and whether the invariants have not seen it either. */
  readonly isNew: boolean;
  readonly isNewToJudge: boolean;
  /** The events from the start. */
  trace(): string[];
}

export interface SearchOptions {
  readonly events: readonly Event[];
  /** Calls back from inside "line up". */
  readonly nested: readonly NestedKind[];
  /** Calls back while the device is being accessed. */
  readonly inDevice: readonly NestedKind[];
  readonly position: RingPosition;
  /** Says what is wrong, or ''; with the first the search ends. */
  readonly inspect: (arrival: Arrival) => string;
  /** Whether every state must be able to come to rest. */
  readonly liveness: boolean;
}

/** Faults of the event itself, violations of I1 to I8 and contradictions. */
export function inspectStrictly({ rig, judge, isNew, isNewToJudge }: Arrival): string {
  if (rig.fault !== '') return rig.fault;
  if (isNewToJudge) {
    const violations = judge.violations();
    if (violations.length > 0) return violations.join('; ');
  }
  return isNew ? judge.difference() : '';
}

function wrongCompletion(completed: number, { count, downs }: CoreRig): string {
  const lines = Array.from({ length: count }, (_, line) => line);
  const named = (set: number) => lines.filter((line) => (set & (1 << line)) !== 0).join(', ');
  return `completes the lines {${named(downs)}} instead of {${named(completed)}}`;
}

/** Breadth-first search through all states that a rig can get into. */
export class Search implements Arrival {
  readonly rig: CoreRig;
  readonly judge: Judge;
  isNew = false;
  isNewToJudge = false;
  readonly #options: SearchOptions;
  readonly #codec: StateCodec;
  readonly #store: StateStore;
  readonly #judged: StateStore;
  readonly #before: Uint32Array;
  readonly #after: Uint32Array;
  readonly #blurred: Uint32Array;
  readonly #sources: SourceSets;
  #from = -1;
  #step = 0;
  #transitions = 0;
  #finding: Finding | undefined;

  constructor(rig: CoreRig, options: SearchOptions) {
    this.rig = rig;
    this.judge = new Judge(rig);
    this.#options = options;
    this.#sources = sourceSets(rig.setup);
    this.#codec = new StateCodec(rig, options.position);
    const { width } = this.#codec;
    this.#store = new StateStore(width);
    this.#judged = new StateStore(width);
    this.#before = new Uint32Array(width);
    this.#after = new Uint32Array(width);
    this.#blurred = new Uint32Array(width);
  }

  run(): Exploration {
    const store = this.#store;
    this.rig.begin();
    this.#arrive(-1, 0);
    for (let state = 0; state < store.size && !this.#finding; state++) this.#expand(state);
    const changed = this.#codec.checkConstants();
    if (changed !== '') this.#finding ??= { what: changed, trace: this.trace() };
    if (this.#options.liveness && !this.#finding) this.#findUnrest();
    return {
      states: store.size,
      transitions: this.#transitions,
      depth: store.pathTo(store.size - 1).length,
      finding: this.#finding,
    };
  }

  trace(): string[] {
    return this.#from < 0 ? [] : [...this.#namesTo(this.#from), this.#nameOf(this.#step)];
  }

  #expand(state: number): void {
    const { rig } = this;
    const { events, nested, inDevice, liveness } = this.#options;
    const before = this.#before;
    this.#store.copyKey(state, before);
    this.#codec.unpack(before);
    const active = rig.activeLines;
    let calming = -1;
    let calmingAtLast = -1;
    for (let number = 0; number < events.length && !this.#finding; number++) {
      const event = events[number] as Event;
      if (!isPossible(rig, event)) continue;
      const calm = liveness && calming < 0 && calms(rig, event, false);
      const calmAtLast = liveness && calmingAtLast < 0 && calms(rig, event, true);
      const completed = completedBy(event, active, this.#sources);
      rig.begin();
      happen(rig, event);
      if (completed !== rig.downs && rig.fault === '') rig.fault = wrongCompletion(completed, rig);
      const { ups } = rig;
      const reached = this.#arrive(state, number);
      if (calm) calming = reached;
      if (calmAtLast) calmingAtLast = reached;
      if (reached !== state) this.#codec.unpack(before);
      for (let at = 1; at <= ups; at++) {
        for (const kind of nested) this.#nest(state, number, at, kind);
      }
      if (event.kind === 'read' || event.kind === 'write') {
        for (const kind of inDevice) this.#nest(state, number, IN_DEVICE, kind);
      }
    }
    this.#store.setSuccessor(state, calming >= 0 ? calming : calmingAtLast);
  }

  /** The same event once more, but with a call back from inside it. */
  #nest(state: number, number: number, at: number, kind: NestedKind): void {
    const { rig } = this;
    rig.begin();
    const callOnce = (line: number) => {
      rig.nestAt = 0;
      rig.kernel.whileAccessed = undefined;
      rig.wasNested = true;
      callBack(rig, kind, line);
    };
    if (at === IN_DEVICE) {
      rig.kernel.whileAccessed = () => callOnce(0);
    } else {
      rig.nestAt = at;
      rig.nested = callOnce;
    }
    happen(rig, this.#options.events[number] as Event);
    const step = number | (at << AT_SHIFT) | (NESTED_KINDS.indexOf(kind) << KIND_SHIFT);
    if (this.#arrive(state, step) !== state) this.#codec.unpack(this.#before);
  }

  /** Ends an event: the state that the rig is in now. */
  #arrive(from: number, step: number): number {
    const after = this.#after;
    if (from >= 0) this.#transitions++;
    this.#from = from;
    this.#step = step;
    this.rig.end();
    if (!this.#codec.pack(after)) {
      this.#finding ??= { what: 'a value is out of all bounds', trace: this.trace() };
      return from;
    }
    let state = this.#store.find(after);
    this.isNew = state < 0;
    this.isNewToJudge = false;
    if (this.isNew) {
      state = this.#store.add(after, from, step);
      this.#codec.blur(after, this.#blurred);
      this.isNewToJudge = this.#judged.find(this.#blurred) < 0;
      if (this.isNewToJudge) this.#judged.add(this.#blurred, -1, 0);
    }
    let what = this.#options.inspect(this);
    if (what === '' && this.isNew) what = this.#codec.checkRest();
    if (what === '' && this.isNewToJudge) what = this.#codec.checkConstants();
    if (what !== '') this.#finding ??= { what, trace: this.trace() };
    return state;
  }

  /** Follows the calming steps from every state; they must end at rest. */
  #findUnrest(): void {
    const store = this.#store;
    /** 0 not looked at yet, else the number of the walk that came by. */
    const walks = new Int32Array(store.size);
    for (let start = 0; start < store.size && !this.#finding; start++) {
      let state = start;
      while (walks[state] === 0) {
        walks[state] = start + 1;
        const next = store.successorOf(state);
        if (next < 0) break;
        state = next;
      }
      if (walks[state] === start + 1) this.#checkEnd(state);
    }
  }

  /** `state` is where a walk ended that met no earlier one. */
  #checkEnd(state: number): void {
    let what = 'the device never comes to rest';
    if (this.#store.successorOf(state) < 0) {
      this.#store.copyKey(state, this.#before);
      this.#codec.unpack(this.#before);
      what = this.judge.leftOver().join('; ');
    }
    if (what !== '') this.#finding = { what, trace: this.#namesTo(state) };
  }

  #namesTo(state: number): string[] {
    return this.#store.pathTo(state).map((step) => this.#nameOf(step));
  }

  #nameOf(step: number): string {
    const name = this.#options.events[step & ((1 << AT_SHIFT) - 1)]?.name ?? '?';
    const at = (step >>> AT_SHIFT) & IN_DEVICE;
    if (at === 0) return name;
    return `${name} (${NESTED_KINDS[step >>> KIND_SHIFT]} ${at === IN_DEVICE ? 'in the device' : `in up ${at}`})`;
  }
}
