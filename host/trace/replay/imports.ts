import { WINDOW_BY_HOST } from '../../../assembly/boundary/nodes';
import type { CoreImports } from '../../core/boundary-types';
import type { CoreMemory } from '../../core/core-memory';
import { ioctlStruct, ioctlValue } from '../format/ioctl-bytes';
import * as ops from '../format/ops';
import { corrupt } from '../format/problem';
import type { WindowNumbers } from '../format/windows';
import type { ReplaySession } from './session';

/** The core's imports, answered by a trace. */
export function replayImports(
  session: ReplaySession,
  inner: CoreImports,
  memoryOf: () => CoreMemory,
  windows: WindowNumbers,
): CoreImports {
  const { event } = session;
  const result = () => event.results[0] as number;
  /** Puts what a read brought where the core wants it. */
  const fill = (pointer: number, length: number) => {
    const { output } = event;
    if (output.length > length) throw corrupt('a read has brought more than was asked for');
    memoryOf().bytes.set(output, pointer >>> 0);
    return result();
  };
  const imports: CoreImports = {
    open(node, index) {
      session.answer(ops.OP_HOST_OPEN, node, index >>> 0);
      return result();
    },
    close(handle) {
      session.answer(ops.OP_HOST_CLOSE, handle);
      return result();
    },
    ioctl(handle, request, argument) {
      const code = request >>> 0;
      const pointer = argument >>> 0;
      const struct = ioctlStruct(memoryOf(), code, pointer);
      const value = ioctlValue(code, pointer);
      session.answer(ops.OP_IOCTL, handle, code, value, 0, 0, 0, struct);
      if (event.phase === 'thrown') return result();
      if (event.output.length !== struct.length) throw corrupt('an ioctl has no whole answer');
      struct.set(event.output);
      return result();
    },
    eventfd(initial, flags) {
      session.answer(ops.OP_EVENTFD, initial >>> 0, flags >>> 0);
      return result();
    },
    read(handle, pointer, length) {
      session.answer(ops.OP_HOST_READ, handle, length >>> 0);
      return fill(pointer, length >>> 0);
    },
    pread(handle, pointer, length, low, high) {
      session.answer(ops.OP_PREAD, handle, length >>> 0, low >>> 0, high >>> 0);
      return fill(pointer, length >>> 0);
    },
    pwrite(handle, pointer, length, low, high) {
      const start = pointer >>> 0;
      const bytes = memoryOf().bytes.subarray(start, start + (length >>> 0));
      session.answer(ops.OP_PWRITE, handle, low >>> 0, high >>> 0, 0, 0, 0, bytes);
      return result();
    },
    mmap(pointer, length, protection, handle, low, high) {
      const start = pointer >>> 0;
      const size = length >>> 0;
      const number = windows.next;
      session.answer(ops.OP_MMAP, number, size, protection, handle, low >>> 0, high >>> 0);
      if (result() < 0) return result();
      if (result() !== WINDOW_BY_HOST) throw corrupt('a window is not performed by the host');
      windows.add(start, size);
      return WINDOW_BY_HOST;
    },
    munmap(pointer, length) {
      const start = pointer >>> 0;
      session.answer(ops.OP_MUNMAP, windows.numberAt(start), length >>> 0);
      windows.remove(start);
      return result();
    },
    load(pointer, width) {
      const start = pointer >>> 0;
      return session.load(windows.numberAt(start), windows.offsetAt(start), width);
    },
    store(pointer, width, value) {
      const start = pointer >>> 0;
      session.store(windows.numberAt(start), windows.offsetAt(start), width, value >>> 0);
    },
    watch(handle, line) {
      session.answer(ops.OP_WATCH, handle, line >>> 0);
      return result();
    },
    unwatch(handle) {
      session.answer(ops.OP_UNWATCH, handle);
      return result();
    },
    trace(event, a, b, c) {
      session.answer(ops.OP_TRACE, event, a >>> 0, b >>> 0, c >>> 0);
      inner.trace(event, a, b, c);
    },
  };
  return mutable(session, imports);
}

/** While the session is muted everything succeeds and nothing happens. */
function mutable(session: ReplaySession, imports: CoreImports): CoreImports {
  const { load, store } = imports;
  // Loads and stores come from guest accesses only, of which there are none then.
  const silent = { ...imports, load, store } as unknown as Record<
    string,
    (...args: number[]) => number
  >;
  for (const [name, call] of Object.entries(silent)) {
    if (name === 'load' || name === 'store') continue;
    silent[name] = (...args) => (session.muted ? 0 : call(...args));
  }
  return silent as unknown as CoreImports;
}
