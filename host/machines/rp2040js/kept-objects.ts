/** Bytes that are kept, or shared with an earlier keeping, as one. */
const PAGE_BYTES = 0x10000;

interface KeptFields {
  readonly object: Record<string, unknown>;
  readonly names: readonly string[];
  readonly values: readonly unknown[];
  /** Of an array. */
  readonly length: number | undefined;
}

interface KeptBytes {
  readonly bytes: Uint8Array;
  readonly pages: readonly Uint8Array[];
}

/** What was kept at one time. */
export interface KeptObjects {
  /** Puts everything back where it was, into the same objects; any number of times. */
  restore(): void;
}

/**
 * Keeps all that can be reached from an object through its fields: the fields
 * themselves, the elements of arrays, sets and maps, and the bytes of buffers.
 * Functions stay as they are when it is put back, so that what was hooked in
 * meanwhile stays hooked in. What lies in closures, in `#private` fields and
 * with the host is not reached: the caller must know that there is none.
 *
 * Pages of memory that have not changed since the last time are kept once.
 */
export class ObjectKeeper {
  readonly #root: object;
  /** The pages that were kept last, by the bytes they are of. */
  readonly #lastPages = new Map<string, readonly Uint8Array[]>();
  readonly #buffers = new WeakMap<ArrayBufferLike, number>();
  #bufferCount = 0;

  constructor(root: object) {
    this.#root = root;
  }

  keep(): KeptObjects {
    const fields: KeptFields[] = [];
    const sets: { readonly set: Set<unknown>; readonly items: readonly unknown[] }[] = [];
    const maps: {
      readonly map: Map<unknown, unknown>;
      readonly entries: readonly (readonly [unknown, unknown])[];
    }[] = [];
    const memory = new Map<string, KeptBytes>();
    const seen = new Set<object>();
    const waiting: unknown[] = [this.#root];
    while (waiting.length > 0) {
      const each = waiting.pop();
      if (typeof each !== 'object' || each === null || seen.has(each)) continue;
      seen.add(each);
      if (ArrayBuffer.isView(each) || each instanceof ArrayBuffer) {
        this.#keepBytes(bytesOf(each), memory);
        continue;
      }
      if (each instanceof Set) {
        sets.push({ set: each, items: [...each] });
        waiting.push(...each);
      } else if (each instanceof Map) {
        maps.push({ map: each, entries: [...each] });
        for (const entry of each) waiting.push(...entry);
      }
      const object = each as Record<string, unknown>;
      const names = Object.keys(object).filter((name) => isField(object, name));
      const values = names.map((name) => object[name]);
      const length = Array.isArray(each) ? each.length : undefined;
      fields.push({ object, names, values, length });
      waiting.push(...values);
    }
    const kept = [...memory.values()];
    return {
      restore() {
        for (const { bytes, pages } of kept) {
          pages.forEach((page, index) => {
            bytes.set(page, index * PAGE_BYTES);
          });
        }
        for (const { set, items } of sets) {
          set.clear();
          for (const item of items) set.add(item);
        }
        for (const { map, entries } of maps) {
          map.clear();
          for (const [key, value] of entries) map.set(key, value);
        }
        for (const each of fields) restoreFields(each);
      },
    };
  }

  #keepBytes(bytes: Uint8Array, memory: Map<string, KeptBytes>): void {
    let buffer = this.#buffers.get(bytes.buffer);
    if (buffer === undefined) {
      buffer = this.#bufferCount++;
      this.#buffers.set(bytes.buffer, buffer);
    }
    const key = `${buffer}:${bytes.byteOffset}:${bytes.length}`;
    if (memory.has(key)) return;
    const last = this.#lastPages.get(key);
    const pages: Uint8Array[] = [];
    for (let at = 0; at < bytes.length; at += PAGE_BYTES) {
      const page = bytes.subarray(at, at + PAGE_BYTES);
      const before = last?.[pages.length];
      pages.push(before !== undefined && isSame(before, page) ? before : page.slice());
    }
    this.#lastPages.set(key, pages);
    memory.set(key, { bytes, pages });
  }
}

/** Whether a member is data of the object, which is put back. */
function isField(object: object, name: string): boolean {
  const member = Object.getOwnPropertyDescriptor(object, name);
  return member !== undefined && 'value' in member && typeof member.value !== 'function';
}

function restoreFields({ object, names, values, length }: KeptFields): void {
  const kept = new Set(names);
  for (const name of Object.keys(object)) {
    if (!kept.has(name) && isField(object, name)) delete object[name];
  }
  if (Array.isArray(object) && length !== undefined) object.length = length;
  names.forEach((name, index) => {
    const now = object[name];
    if (typeof now !== 'function' && !Object.is(now, values[index])) object[name] = values[index];
  });
}

function bytesOf(memory: ArrayBufferView | ArrayBuffer): Uint8Array {
  if (memory instanceof ArrayBuffer) return new Uint8Array(memory);
  return new Uint8Array(memory.buffer, memory.byteOffset, memory.byteLength);
}

function isSame(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  const [left, right] = [a, b].map((bytes) =>
    ((bytes.byteOffset | bytes.length) & 3) === 0
      ? new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length >>> 2)
      : bytes,
  ) as [Uint8Array | Uint32Array, Uint8Array | Uint32Array];
  if (left.length !== right.length) return a.every((byte, i) => byte === b[i]);
  for (let i = 0; i < left.length; i++) if (left[i] !== right[i]) return false;
  return true;
}
