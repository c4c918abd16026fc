import { narrow, word } from '../core/arguments';
import type { VfioPlatformDevice } from '../device/device';
import type { LineTarget } from '../device/line-targets';
import { crc32 } from './format/crc32';
import * as ops from './format/ops';

/** What calls of a device go through: a recorder, or a replay that compares them. */
export interface CallGate {
  /** A call begins, with its arguments as the trace has them. */
  begin(op: number, a?: number, b?: number, c?: number, d?: number): void;
  /** Like begin(), with bytes that go in. */
  beginWith(op: number, input: Uint8Array, a?: number): void;
  /** The innermost call ends with these results. */
  end(first?: number, second?: number): void;
  /** The innermost call ends with an error. */
  thrown(error: unknown): void;
  /** A line of the device moves; `move` tells the machine. */
  moveLine(op: number, line: number, move: () => void): void;
  /** Replay: close() differed; closes the device all the same. */
  abandon?(close: () => void): void;
  /** The device has been closed. */
  closed(): void;
}

const utf8 = new TextEncoder();

/** The calls of a device that change something, by name. */
type Methods = Pick<
  VfioPlatformDevice,
  | 'read'
  | 'write'
  | 'read64'
  | 'write64'
  | 'directRead'
  | 'directWrite'
  | 'safePoint'
  | 'signal'
  | 'completeLine'
  | 'connectLine'
  | 'disconnectLine'
  | 'maskLine'
  | 'unmaskLine'
  | 'setEoiSource'
  | 'addEoiRule'
  | 'reset'
  | 'pause'
  | 'resume'
  | 'snapshot'
  | 'restore'
  | 'mapGuestRam'
  | 'unmapGuestRam'
  | 'close'
>;

/** A line's target with a gate in between. */
function gateTarget(gate: CallGate, line: number, target: LineTarget): LineTarget {
  return {
    up: () => gate.moveLine(ops.OP_LINE_UP, line, () => target.up()),
    down: () => gate.moveLine(ops.OP_LINE_DOWN, line, () => target.down()),
  };
}

/**
 * Puts a gate between an open device and whoever calls it.
 *
 * @param untrapped the machine would let the guest reach the device without a
 *   trap; accesses arrive here instead and are what they would have been there
 */
export function gateCalls(gate: CallGate, device: VfioPlatformDevice, untrapped: boolean): void {
  // Bound to the device's own methods, so that a second tap can go around the first.
  const inner = Object.fromEntries(
    METHODS.map((name) => [name, (device[name] as (...args: never[]) => unknown).bind(device)]),
  ) as unknown as Methods;
  const areas = new Map(
    untrapped ? device.regions.map(({ index, mapped }) => [index, mapped] as const) : [],
  );
  /** Whether no trap would see the access: what is not mapped is trapped also by such a machine. */
  const passesBy = (region: number, offset: number, width: number) =>
    device.directMapping &&
    areas
      .get(region)
      ?.some((area) => offset >= area.offset && offset + width <= area.offset + area.size) === true;
  const within = (op: number, call: () => void, a = 0, b = 0, c = 0, d = 0) => {
    gate.begin(op, a, b, c, d);
    finishing(call);
  };
  /** resume() makes a safe point by itself. */
  let resuming = false;

  const methods: Methods = {
    read(region, offset, width) {
      if (passesBy(region, offset, width)) return methods.directRead(region, offset, width);
      gate.begin(ops.OP_READ, word(region), word(offset), narrow(width));
      let value: number;
      try {
        value = inner.read(region, offset, width);
      } catch (error) {
        gate.thrown(error);
        throw error;
      }
      gate.end(value);
      return value;
    },
    write(region, offset, width, value) {
      if (passesBy(region, offset, width)) {
        methods.directWrite(region, offset, width, value);
        return;
      }
      gate.begin(ops.OP_WRITE, word(region), word(offset), narrow(width), value >>> 0);
      try {
        inner.write(region, offset, width, value);
      } catch (error) {
        gate.thrown(error);
        throw error;
      }
      gate.end();
    },
    read64(region, offset) {
      gate.begin(ops.OP_READ64, word(region), word(offset));
      let value: bigint;
      try {
        value = inner.read64(region, offset);
      } catch (error) {
        gate.thrown(error);
        throw error;
      }
      gate.end(Number(value & 0xffffffffn), Number(value >> 32n));
      return value;
    },
    write64(region, offset, value) {
      const low = Number(value & 0xffffffffn);
      const high = Number((value >> 32n) & 0xffffffffn);
      const call = () => inner.write64(region, offset, value);
      within(ops.OP_WRITE64, call, word(region), word(offset), low, high);
    },
    directRead(region, offset, width) {
      gate.begin(ops.OP_DIRECT_READ, word(region), word(offset), narrow(width));
      let value: number;
      try {
        value = inner.directRead(region, offset, width);
      } catch (error) {
        gate.thrown(error);
        throw error;
      }
      gate.end(value);
      return value;
    },
    directWrite(region, offset, width, value) {
      const call = () => inner.directWrite(region, offset, width, value);
      within(ops.OP_DIRECT_WRITE, call, word(region), word(offset), narrow(width), value >>> 0);
    },
    safePoint() {
      if (resuming) {
        resuming = false;
        inner.safePoint();
        return;
      }
      gate.begin(ops.OP_SAFE_POINT);
      try {
        inner.safePoint();
      } catch (error) {
        gate.thrown(error);
        throw error;
      }
      gate.end();
    },
    signal(line, count) {
      within(ops.OP_SIGNAL, () => inner.signal(line, count), word(line), count >>> 0);
    },
    completeLine(line) {
      within(ops.OP_COMPLETE_LINE, () => inner.completeLine(line), word(line));
    },
    connectLine(line, target, gsi) {
      const gated = gateTarget(gate, word(line), target);
      const call = () => inner.connectLine(line, gated, gsi);
      within(ops.OP_CONNECT_LINE, call, word(line), gsi === undefined ? 0 : word(gsi) + 1);
    },
    disconnectLine(line) {
      within(ops.OP_DISCONNECT_LINE, () => inner.disconnectLine(line), word(line));
    },
    maskLine(line) {
      within(ops.OP_MASK_LINE, () => inner.maskLine(line), word(line));
    },
    unmaskLine(line) {
      within(ops.OP_UNMASK_LINE, () => inner.unmaskLine(line), word(line));
    },
    setEoiSource(line, source) {
      gate.beginWith(ops.OP_SET_EOI, utf8.encode(String(source)), word(line));
      finishing(() => inner.setEoiSource(line, source));
    },
    addEoiRule(rule) {
      gate.beginWith(ops.OP_ADD_RULE, utf8.encode(JSON.stringify(rule) ?? 'null'));
      finishing(() => inner.addEoiRule(rule));
    },
    reset() {
      within(ops.OP_RESET, () => inner.reset());
    },
    pause() {
      within(ops.OP_PAUSE, () => inner.pause());
    },
    resume() {
      within(ops.OP_RESUME, () => {
        resuming = true;
        try {
          inner.resume();
        } finally {
          resuming = false;
        }
      });
    },
    snapshot() {
      gate.begin(ops.OP_SNAPSHOT);
      let bytes: Uint8Array;
      try {
        bytes = inner.snapshot();
      } catch (error) {
        gate.thrown(error);
        throw error;
      }
      gate.end(crc32(bytes));
      return bytes;
    },
    restore(snapshot) {
      const bytes = snapshot instanceof Uint8Array ? snapshot : new Uint8Array(0);
      gate.beginWith(ops.OP_RESTORE, bytes);
      finishing(() => inner.restore(snapshot));
    },
    mapGuestRam(ram, iova, writable = true) {
      const low = Number(iova & 0xffffffffn);
      const high = Number((iova >> 32n) & 0xffffffffn);
      const call = () => inner.mapGuestRam(ram, iova, writable);
      within(ops.OP_MAP_RAM, call, ram.bytes.length, low, high, writable ? 1 : 0);
    },
    unmapGuestRam(iova) {
      const low = Number(iova & 0xffffffffn);
      const high = Number((iova >> 32n) & 0xffffffffn);
      gate.begin(ops.OP_UNMAP_RAM, low, high);
      let found: boolean;
      try {
        found = inner.unmapGuestRam(iova);
      } catch (error) {
        gate.thrown(error);
        throw error;
      }
      gate.end(found ? 1 : 0);
      return found;
    },
    close() {
      if (device.closed) return;
      try {
        within(ops.OP_CLOSE, () => inner.close());
      } catch (error) {
        // A replay that has no such call here: the device must not stay open for that.
        if (!device.closed) gate.abandon?.(() => inner.close());
        throw error;
      } finally {
        if (device.closed) gate.closed();
      }
    },
  };

  function finishing(call: () => void): void {
    try {
      call();
    } catch (error) {
      gate.thrown(error);
      throw error;
    }
    gate.end();
  }

  Object.assign(device, methods);
}

const METHODS: readonly (keyof Methods)[] = [
  'read',
  'write',
  'read64',
  'write64',
  'directRead',
  'directWrite',
  'safePoint',
  'signal',
  'completeLine',
  'connectLine',
  'disconnectLine',
  'maskLine',
  'unmaskLine',
  'setEoiSource',
  'addEoiRule',
  'reset',
  'pause',
  'resume',
  'snapshot',
  'restore',
  'mapGuestRam',
  'unmapGuestRam',
  'close',
];
