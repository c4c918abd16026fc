import { WINDOW_BY_HOST, WINDOW_IN_MEMORY } from '../../../assembly/boundary/nodes';
import type { HostPort } from '../../boundary/port';
import type { CoreImports } from '../../core/boundary-types';
import type { CoreMemory } from '../../core/core-memory';
import { ioctlStruct, ioctlValue } from '../format/ioctl-bytes';
import * as ops from '../format/ops';
import type { WindowNumbers } from '../format/windows';
import { loadDirectly, storeDirectly } from './direct-window';
import type { Recorder } from './recorder';

/** Ends the recorded imports and unmasks of a device, which may have failed. */
export class CallEnds {
  readonly #recorder: Recorder;
  #failure: { readonly error: unknown } | undefined;

  constructor(recorder: Recorder, port: HostPort) {
    this.#recorder = recorder;
    port.onFailure = (error) => {
      this.#failure = { error };
    };
  }

  /** Whether the innermost call, which has just returned, has failed. */
  get failed(): boolean {
    return this.#failure !== undefined;
  }

  /** The call returns this to the core, or it has failed. */
  end(result?: number, output?: Uint8Array): void {
    const failure = this.#failure;
    if (failure === undefined) {
      this.#recorder.end(result, 0, output);
      return;
    }
    this.#failure = undefined;
    this.#recorder.thrown(failure.error);
  }

  /** Sets the failure aside while something else is done, with calls of its own. */
  setAside(inside: () => void): void {
    const failure = this.#failure;
    this.#failure = undefined;
    inside();
    this.#failure = failure;
  }
}

/**
 * The core's imports with a recorder in between.
 * @param settle rings for the signals that another thread has left to the recorder
 */
export function recordImports(
  recorder: Recorder,
  inner: CoreImports,
  ends: CallEnds,
  memoryOf: () => CoreMemory,
  windows: WindowNumbers,
  settle: () => void,
): CoreImports {
  /** Windows whose accesses the core would make by itself; they are made here instead, to be seen. */
  const inMemory = new Set<number>();
  const ended = (result: number, output?: Uint8Array) => {
    ends.end(result, output);
    return result;
  };
  /** The bytes that a read has brought. */
  const filled = (pointer: number, result: number) =>
    memoryOf().bytes.slice(pointer >>> 0, (pointer >>> 0) + Math.max(result, 0));
  return {
    open(node, index) {
      recorder.begin(ops.OP_HOST_OPEN, node, index >>> 0);
      return ended(inner.open(node, index));
    },
    close(handle) {
      recorder.begin(ops.OP_HOST_CLOSE, handle);
      return ended(inner.close(handle));
    },
    ioctl(handle, request, argument) {
      const code = request >>> 0;
      const pointer = argument >>> 0;
      const struct = ioctlStruct(memoryOf(), code, pointer);
      recorder.beginWith(ops.OP_IOCTL, struct, handle, code, ioctlValue(code, pointer));
      return ended(inner.ioctl(handle, request, argument), struct);
    },
    eventfd(initial, flags) {
      recorder.begin(ops.OP_EVENTFD, initial >>> 0, flags >>> 0);
      return ended(inner.eventfd(initial, flags));
    },
    read(handle, pointer, length) {
      recorder.begin(ops.OP_HOST_READ, handle, length >>> 0);
      const given = filled(pointer, length);
      const result = inner.read(handle, pointer, length);
      // What a call left that failed no replay has.
      if (ends.failed) memoryOf().bytes.set(given, pointer >>> 0);
      const bytes = filled(pointer, result);
      ends.setAside(settle);
      return ended(result, bytes);
    },
    pread(handle, pointer, length, low, high) {
      recorder.begin(ops.OP_PREAD, handle, length >>> 0, low >>> 0, high >>> 0);
      const result = inner.pread(handle, pointer, length, low, high);
      return ended(result, filled(pointer, result));
    },
    pwrite(handle, pointer, length, low, high) {
      const start = pointer >>> 0;
      const bytes = memoryOf().bytes.subarray(start, start + (length >>> 0));
      recorder.beginWith(ops.OP_PWRITE, bytes, handle, low >>> 0, high >>> 0);
      return ended(inner.pwrite(handle, pointer, length, low, high));
    },
    mmap(pointer, length, protection, handle, low, high) {
      const start = pointer >>> 0;
      const size = length >>> 0;
      const number = windows.next;
      recorder.begin(ops.OP_MMAP, number, size, protection, handle, low >>> 0, high >>> 0);
      const result = inner.mmap(pointer, length, protection, handle, low, high);
      if (result < 0) return ended(result);
      windows.add(start, size);
      if (result === WINDOW_IN_MEMORY) inMemory.add(number);
      return ended(WINDOW_BY_HOST);
    },
    munmap(pointer, length) {
      const start = pointer >>> 0;
      const number = windows.numberAt(start);
      recorder.begin(ops.OP_MUNMAP, number, length >>> 0);
      windows.remove(start);
      inMemory.delete(number);
      return ended(inner.munmap(pointer, length));
    },
    load(pointer, width) {
      const start = pointer >>> 0;
      const number = windows.numberAt(start);
      recorder.begin(ops.OP_LOAD, number, windows.offsetAt(start), width);
      const value = inMemory.has(number)
        ? loadDirectly(memoryOf().memory, start, width)
        : inner.load(pointer, width);
      ends.end(value >>> 0);
      return value;
    },
    store(pointer, width, value) {
      const start = pointer >>> 0;
      const number = windows.numberAt(start);
      recorder.begin(ops.OP_STORE, number, windows.offsetAt(start), width, value >>> 0);
      if (inMemory.has(number)) storeDirectly(memoryOf().memory, start, width, value);
      else inner.store(pointer, width, value);
      ends.end();
    },
    watch(handle, line) {
      recorder.begin(ops.OP_WATCH, handle, line >>> 0);
      return ended(inner.watch(handle, line));
    },
    unwatch(handle) {
      recorder.begin(ops.OP_UNWATCH, handle);
      const result = inner.unwatch(handle);
      ends.setAside(settle);
      return ended(result);
    },
    trace(event, a, b, c) {
      recorder.begin(ops.OP_TRACE, event, a >>> 0, b >>> 0, c >>> 0);
      inner.trace(event, a, b, c);
      recorder.end();
    },
  };
}
