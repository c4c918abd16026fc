import { MAX_INFO_BYTES } from '../../../assembly/limits';
import { requestTable } from '../../boundary/request-table';
import type { CoreMemory } from '../../core/core-memory';

const NOTHING = new Uint8Array(0);

/** The struct that an ioctl of the core points to; empty where it has none, or one that is refused. */
export function ioctlStruct(memory: CoreMemory, request: number, pointer: number): Uint8Array {
  const shape = requestTable.get(request);
  if (shape?.argument !== 'struct') return NOTHING;
  let length = shape.sized ? memory.word(pointer) : shape.size;
  if (shape.items) length += memory.word(pointer + shape.items.count) * shape.items.size;
  const { bytes } = memory;
  if (length < shape.size || length > MAX_INFO_BYTES || pointer + length > bytes.length) {
    return NOTHING;
  }
  return bytes.subarray(pointer, pointer + length);
}

/** The argument of an ioctl that takes a plain integer; 0 for the others. */
export function ioctlValue(request: number, argument: number): number {
  return requestTable.get(request)?.argument === 'integer' ? argument : 0;
}
