/**
 * Loads and stores of a window that lies in linear memory, as the core itself
 * makes them (assembly/access/window.ts): an atomic load, which engines neither
 * drop nor merge, and a plain store, because on x86-64 an atomic one also reads.
 * A module of its own per memory: typed arrays promise none of that.
 */
interface Accesses {
  load(pointer: number, width: number): number;
  store(pointer: number, width: number, value: number): void;
}

const I32 = 0x7f;
const END = 0x0b;
const GET_0 = [0x20, 0];
const GET_1 = [0x20, 1];
/** i32.atomic.load8_u, load16_u, load; i32.store8, store16, store: opcodes and alignment. */
const LOADS = [
  [0xfe, 0x12, 0],
  [0xfe, 0x13, 1],
  [0xfe, 0x10, 2],
] as const;
const STORES = [
  [0x3a, 0],
  [0x3b, 1],
  [0x36, 2],
] as const;

function section(id: number, contents: readonly number[]): number[] {
  // No section here is longer than 127 bytes.
  return [id, contents.length, ...contents];
}

function body(code: readonly number[]): number[] {
  return [code.length + 2, 0, ...code, END];
}

function text(value: string): number[] {
  return [value.length, ...value].map((part) =>
    typeof part === 'number' ? part : part.charCodeAt(0),
  );
}

/** (memory) → six exports l0, l1, l2, s0, s1, s2; the digit is the logarithm of the width. */
function moduleBytes(pages: number): Uint8Array<ArrayBuffer> {
  const limit = [0, 0, 0, 0, 0].map((_, i) => ((pages >>> (7 * i)) & 0x7f) | (i < 4 ? 0x80 : 0));
  const bodies = [
    ...LOADS.map((code) => body([...GET_0, ...code, 0])),
    ...STORES.map((code) => body([...GET_0, ...GET_1, ...code, 0])),
  ];
  const names = ['l0', 'l1', 'l2', 's0', 's1', 's2'];
  return new Uint8Array([
    ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, [2, 0x60, 1, I32, 1, I32, 0x60, 2, I32, I32, 0]),
    ...section(2, [1, ...text('e'), ...text('m'), 2, 1, ...limit, ...limit]),
    ...section(3, [6, 0, 0, 0, 1, 1, 1]),
    ...section(7, [6, ...names.flatMap((name, index) => [...text(name), 0, index])]),
    ...section(10, [6, ...bodies.flat()]),
  ]);
}

const WASM_PAGE = 0x10000;
const made = new WeakMap<WebAssembly.Memory, Accesses>();

function accessesOf(memory: WebAssembly.Memory): Accesses {
  const known = made.get(memory);
  if (known) return known;
  const module = new WebAssembly.Module(moduleBytes(memory.buffer.byteLength / WASM_PAGE));
  const { exports } = new WebAssembly.Instance(module, { e: { m: memory } });
  const { l0, l1, l2, s0, s1, s2 } = exports as Record<
    string,
    (pointer: number, value?: number) => number
  > as Record<'l0' | 'l1' | 'l2' | 's0' | 's1' | 's2', (pointer: number, value?: number) => number>;
  const accesses: Accesses = {
    load: (pointer, width) => (width === 4 ? l2 : width === 2 ? l1 : l0)(pointer),
    store: (pointer, width, value) => {
      (width === 4 ? s2 : width === 2 ? s1 : s0)(pointer, value);
    },
  };
  made.set(memory, accesses);
  return accesses;
}

/** One load of 1, 2 or 4 bytes, naturally aligned. */
export function loadDirectly(memory: WebAssembly.Memory, pointer: number, width: number): number {
  return accessesOf(memory).load(pointer, width);
}

/** One store of 1, 2 or 4 bytes. */
export function storeDirectly(
  memory: WebAssembly.Memory,
  pointer: number,
  width: number,
  value: number,
): void {
  accessesOf(memory).store(pointer, width, value);
}
