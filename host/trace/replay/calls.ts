import type { VfioPlatformDevice } from '../../device/device';
import type { LineTarget } from '../../device/line-targets';
import type { EoiSource } from '../../options/options';
import type { EoiRule } from '../../profiles/profile';
import { crc32 } from '../format/crc32';
import * as ops from '../format/ops';
import { corrupt } from '../format/problem';
import { guestRamOf } from './guest-ram';

/** What calls of a trace need besides the device. */
export interface CallSurroundings {
  /** Where a line goes that is connected. */
  target(line: number): LineTarget;
  /** Has the device's timer fire. @throws VfioError TRACE_CORRUPT when it was never set */
  fireTimer(): void;
}

/** The two words that a call gives. */
export type CallResult = readonly [first: number, second: number];

const NOTHING: CallResult = [0, 0];

/**
 * Makes a recorded call, other than read(), write() and safePoint(), on a device.
 * @throws VfioError TRACE_CORRUPT; what the device throws
 */
export function makeCall(
  device: VfioPlatformDevice,
  surroundings: CallSurroundings,
  op: number,
  [a = 0, b = 0, c = 0, d = 0]: readonly number[],
  input: Uint8Array,
): CallResult {
  switch (op) {
    case ops.OP_READ64: {
      const value = device.read64(a, b);
      return [Number(value & 0xffffffffn), Number(value >> 32n)];
    }
    case ops.OP_WRITE64:
      device.write64(a, b, (BigInt(d) << 32n) | BigInt(c));
      break;
    case ops.OP_DIRECT_READ:
      return [device.directRead(a, b, c), 0];
    case ops.OP_DIRECT_WRITE:
      device.directWrite(a, b, c, d);
      break;
    case ops.OP_SIGNAL:
      device.signal(a, b);
      break;
    case ops.OP_COMPLETE_LINE:
      device.completeLine(a);
      break;
    case ops.OP_CONNECT_LINE:
      device.connectLine(a, surroundings.target(a), b === 0 ? undefined : b - 1);
      break;
    case ops.OP_DISCONNECT_LINE:
      device.disconnectLine(a);
      break;
    case ops.OP_MASK_LINE:
      device.maskLine(a);
      break;
    case ops.OP_UNMASK_LINE:
      device.unmaskLine(a);
      break;
    case ops.OP_SET_EOI:
      device.setEoiSource(a, text(input) as EoiSource);
      break;
    case ops.OP_ADD_RULE:
      device.addEoiRule(parseRule(input));
      break;
    case ops.OP_RESET:
      device.reset();
      break;
    case ops.OP_PAUSE:
      device.pause();
      break;
    case ops.OP_RESUME:
      device.resume();
      break;
    case ops.OP_SNAPSHOT:
      return [crc32(device.snapshot()), 0];
    case ops.OP_RESTORE:
      device.restore(input.slice());
      break;
    case ops.OP_MAP_RAM:
      device.mapGuestRam(guestRamOf(a), (BigInt(c) << 32n) | BigInt(b), d !== 0);
      break;
    case ops.OP_UNMAP_RAM:
      return [device.unmapGuestRam((BigInt(b) << 32n) | BigInt(a)) ? 1 : 0, 0];
    case ops.OP_CLOSE:
      device.close();
      break;
    case ops.OP_TIMER:
      surroundings.fireTimer();
      break;
    default:
      throw corrupt(`'${ops.opShape(op)?.name}' is no call that can be repeated`);
  }
  return NOTHING;
}

function text(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

function parseRule(bytes: Uint8Array): EoiRule {
  try {
    return JSON.parse(text(bytes)) as EoiRule;
  } catch {
    throw corrupt('an EOI rule is no JSON text');
  }
}
