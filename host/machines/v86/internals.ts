import { VfioError } from '../../errors';
import { checkMembers } from '../members';

/** A v86 emulator: what `new V86(...)` gives. The typings of npm v86 do not know what is used of it. */
export type V86Target = object;

type ReadHandler = (address: number) => number;
type WriteHandler = (address: number, value: number) => void;

/** What the adapter uses of v86's processor; none of it is in v86's typings. */
export interface V86Cpu {
  /** Handlers for each block of 128 KiB of the physical address space; none where there is RAM. */
  readonly memory_map_read8: (ReadHandler | undefined)[];
  readonly memory_map_write8: (WriteHandler | undefined)[];
  readonly memory_map_read32: (ReadHandler | undefined)[];
  readonly memory_map_write32: (WriteHandler | undefined)[];
  mmap_write16: WriteHandler;
  mmap_write64: (address: number, low: number, high: number) => void;
  /** Runs the guest for about a millisecond. @returns milliseconds that it may sleep */
  main_loop: () => number;
  /** Called out of main_loop() at least every 100 003 instructions, and when the guest halts. */
  run_hardware_timers: (acpi: boolean, nowMs: number) => number;
  /** The guest reboots, or `V86.restart()` was called. */
  reboot_internal: () => void;
  device_raise_irq: (input: number) => void;
  device_lower_irq: (input: number) => void;
  get_state: () => unknown[];
  set_state: (state: unknown[]) => void;
  /** Files of fw_cfg, which the BIOS reads; only ACPI tables need it. */
  readonly option_roms?: { readonly name: string; readonly data: Uint8Array }[];
  /** Tells the JIT that code in [first, end) may have changed. */
  readonly jit_dirty_cache: (first: number, end: number) => void;
  /** EFLAGS, a view of Wasm memory behind a proxy. */
  readonly flags: { readonly byteOffset: number };
  /** RAM, likewise; indexing the proxy is slow. */
  readonly mem8: { readonly byteOffset: number };
  readonly memory_size: { readonly [index: number]: number };
  readonly wasm_memory: { readonly buffer: ArrayBuffer };
}

/** What the adapter uses of v86's scheduler. */
export interface V86Runner {
  readonly running: boolean;
  readonly next_tick: (delayMs: number) => void;
  readonly tick_counter: number;
  /** Runs a slice now, if `tick` is the one that is scheduled. */
  readonly yield_callback: (tick: number) => void;
}

/** The parts of an emulator that the adapter uses; {@link partsOf} has checked that they are there. */
export interface V86Parts {
  readonly cpu: V86Cpu;
  readonly runner: V86Runner;
  /** The emulator's own source of time, in milliseconds. */
  readonly microtick: () => number;
}

/** Blocks of memory handlers, `MMAP_BLOCK_BITS` of v86. */
export const BLOCK_BITS = 17;
export const BLOCK_SIZE = 1 << BLOCK_BITS;

export const SUPPORTED =
  'supported are npm v86 0.5.319 and later 0.5 releases (tested with 0.5.319, 0.5.424 and 0.5.462)';

const RUNNER = {
  running: 'boolean',
  next_tick: 'function',
  tick_counter: 'number',
  yield_callback: 'function',
  cpu: 'object',
};

const CPU = {
  main_loop: 'function',
  run_hardware_timers: 'function',
  reboot_internal: 'function',
  device_raise_irq: 'function',
  device_lower_irq: 'function',
  get_state: 'function',
  set_state: 'function',
  jit_dirty_cache: 'function',
  mmap_write16: 'function',
  mmap_write64: 'function',
  memory_map_read8: 'object',
  memory_map_write8: 'object',
  memory_map_read32: 'object',
  memory_map_write32: 'object',
  memory_size: 'object',
  flags: 'object',
  mem8: 'object',
  wasm_memory: 'object',
};

/** Whether the emulator has set up its processor and devices (its event 'emulator-ready'). */
export function isReady(target: V86Target): boolean {
  const { v86 } = target as { v86?: { cpu?: { io?: unknown } } };
  return v86?.cpu?.io !== undefined;
}

/**
 * @throws VfioError MACHINE naming the first thing that this v86 lacks, or that
 *   it is not ready yet
 */
export function partsOf(target: V86Target): V86Parts {
  if (target === null || typeof target !== 'object') unsupported('it is no object');
  const { v86: runner } = target as { v86?: V86Runner & { cpu: V86Cpu } };
  if (runner === undefined && 'add_listener' in target) notReady();
  requireMembers(runner, 'V86.v86', RUNNER);
  const { cpu } = runner as V86Runner & { cpu: V86Cpu };
  if (!isReady(target)) notReady();
  requireMembers(cpu, 'V86.v86.cpu', CPU);
  const { microtick } = (runner as object).constructor as unknown as { microtick?: () => number };
  if (typeof microtick !== 'function') unsupported('V86.v86.constructor.microtick is missing');
  const views = { flags: cpu.flags, mem8: cpu.mem8 };
  for (const [name, view] of Object.entries(views)) {
    requireMembers(view, `V86.v86.cpu.${name}`, { byteOffset: 'number' });
  }
  if (!(cpu.wasm_memory.buffer instanceof ArrayBuffer)) {
    unsupported('V86.v86.cpu.wasm_memory is no WebAssembly memory');
  }
  const bytes = cpu.memory_size[0] as number;
  // The handlers of RAM are what tells RAM from the rest.
  const first = cpu.memory_map_read8[0];
  const past = cpu.memory_map_read8[bytes >>> BLOCK_BITS];
  if (first !== undefined || typeof past !== 'function') {
    unsupported('V86.v86.cpu.memory_map_read8 has not the handlers that are expected');
  }
  return { cpu, runner: runner as V86Runner, microtick };
}

function requireMembers(
  object: unknown,
  name: string,
  members: Readonly<Record<string, string>>,
): void {
  checkMembers(object, name, members, unsupported);
}

function unsupported(what: string): never {
  throw new VfioError(
    'MACHINE',
    `this is not a v86 emulator that can be driven: ${what}; ${SUPPORTED}`,
  );
}

function notReady(): never {
  throw new VfioError(
    'MACHINE',
    'the v86 emulator is not ready yet: wait for its event emulator-ready, or use V86Machine.whenReady()',
  );
}
