/**
 * The import boundary: everything that the core asks of its host, as Wasm
 * module "host". This file is the one source of the signatures; TypeScript
 * derives its `CoreImports` type from it.
 *
 * The calls are the kernel's own, with three differences: a file descriptor is
 * a small handle that only the host can resolve, a pointer is an offset into
 * the core's linear memory (or guest RAM as handle and offset, see
 * boundary/nodes.ts), and a failure is −errno. File descriptors and pointers
 * inside ioctl structs are handles and offsets too; the host translates them
 * by one table (host/boundary/request-table.ts).
 */

/** open(2) of one of the nodes in boundary/nodes.ts; `index` tells several apart. */
export declare function open(node: u32, index: u32): i32;
/** close(2). */
export declare function close(handle: i32): i32;
/** ioctl(2); `argument` is an offset or a plain integer, as the request wants it. */
export declare function ioctl(handle: i32, request: u32, argument: u32): i32;
/** eventfd(2). */
export declare function eventfd(initial: u32, flags: u32): i32;
/** read(2); on a watched eventfd, signals on their way to the doorbell have arrived when it returns. */
export declare function read(handle: i32, pointer: u32, length: u32): i32;
/** pread(2) at a 64-bit offset given as two words. */
export declare function pread(
  handle: i32,
  pointer: u32,
  length: u32,
  offsetLow: u32,
  offsetHigh: u32,
): i32;
/** pwrite(2) at a 64-bit offset given as two words. */
export declare function pwrite(
  handle: i32,
  pointer: u32,
  length: u32,
  offsetLow: u32,
  offsetHigh: u32,
): i32;
/**
 * mmap(2), MAP_SHARED | MAP_FIXED over a window of linear memory.
 * @returns 0 when loads and stores at `pointer` reach the device, 1 when the
 *   host performs them (`load` and `store`), or −errno
 */
export declare function mmap(
  pointer: u32,
  length: u32,
  protection: u32,
  handle: i32,
  offsetLow: u32,
  offsetHigh: u32,
): i32;
/** munmap(2); the window reads as zeros afterwards. */
export declare function munmap(pointer: u32, length: u32): i32;
/** One load of 1, 2 or 4 bytes from a window that the host performs; see WINDOW_FAILED in state/layout.ts. */
export declare function load(pointer: u32, width: u32): u32;
/** One store of 1, 2 or 4 bytes to a window that the host performs; as load(). */
export declare function store(pointer: u32, width: u32, value: u32): void;
/** Drains every later signal of the eventfd into doorbell slot `line`. */
export declare function watch(handle: i32, line: u32): i32;
/** Ends a watch; signals on their way have arrived when it returns. */
export declare function unwatch(handle: i32): i32;
/** A trace event (boundary/trace-events.ts); only called while tracing is on. */
export declare function trace(event: u32, a: u32, b: u32, c: u32): void;
