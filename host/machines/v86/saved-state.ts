import { VfioError } from '../../errors';
import type { StatePart } from '../contract';
import { patch } from '../patch';
import type { V86Cpu } from './internals';
import type { V86Interrupts } from './interrupts';

/** v86's states are lists; this entry is far beyond those that it uses itself (0 … 91). */
const ENTRY = 512;
const MAGIC = 'vfio-platform-wasm';
const VERSION = 1;

type Entry = [magic: string, version: number, levels: number, parts: [string, Uint8Array][]];

/**
 * Puts the devices into the states that v86 saves, and takes them out again. A
 * restored state must find the same devices plugged in; one that was saved
 * without them resets them.
 */
export class SavedState {
  readonly #interrupts: V86Interrupts;
  readonly #parts = new Map<string, StatePart>();
  readonly #unpatch: (() => void)[];

  constructor(cpu: V86Cpu, interrupts: V86Interrupts) {
    this.#interrupts = interrupts;
    this.#unpatch = [
      patch(cpu, 'get_state', (original) => () => {
        const state = original.call(cpu);
        if (this.#parts.size > 0) state[ENTRY] = this.#save();
        return state;
      }),
      patch(cpu, 'set_state', (original) => (state) => {
        const entry = entryOf(state[ENTRY]);
        // Before the emulator: a state that does not fit then leaves it as it was.
        this.#restore(entry);
        original.call(cpu, state);
        this.#interrupts.emulatorLevels = entry?.[2] ?? 0;
        this.#interrupts.driveAll();
      }),
    ];
  }

  keep(name: string, part: StatePart): () => void {
    if (this.#parts.has(name)) throw new RangeError(`a device '${name}' is in the state already`);
    this.#parts.set(name, part);
    return () => {
      if (this.#parts.get(name) === part) this.#parts.delete(name);
    };
  }

  detach(): void {
    this.#parts.clear();
    for (const restore of this.#unpatch.splice(0).reverse()) restore();
  }

  #save(): Entry {
    const parts = [...this.#parts].map(([name, part]): [string, Uint8Array] => [name, part.save()]);
    return [MAGIC, VERSION, this.#interrupts.emulatorLevels, parts];
  }

  #restore(entry: Entry | undefined): void {
    const saved = new Map(entry?.[3] ?? []);
    for (const name of saved.keys()) {
      if (this.#parts.has(name)) continue;
      throw new VfioError(
        'SNAPSHOT_MISMATCH',
        `the state to restore has device ${name}, which is not plugged in; plug it in first`,
        { device: name },
      );
    }
    for (const [name, part] of this.#parts) part.restore(saved.get(name));
  }
}

function entryOf(value: unknown): Entry | undefined {
  if (value === undefined || value === null) return undefined;
  const [magic, version, levels, parts] = value as Entry;
  const sound =
    magic === MAGIC &&
    version === VERSION &&
    typeof levels === 'number' &&
    Array.isArray(parts) &&
    parts.every(([name, bytes]) => typeof name === 'string' && bytes instanceof Uint8Array);
  if (!sound) {
    throw new VfioError(
      'SNAPSHOT_INVALID',
      `the devices in the state to restore cannot be read; this package writes version ${VERSION}`,
    );
  }
  return [magic, version, levels, parts];
}
