import { ABI_VERSION } from '../../assembly/boundary/version';
import * as layout from '../../assembly/state/layout';
import type { CoreMemory } from '../core/core-memory';
import { readRecord } from '../core/fields';
import { VfioError } from '../errors';

/**
 * A snapshot: what the interrupt machine of one device remembers (spec S9).
 * Little-endian words: magic, boundary version, lines, regions, digest of
 * options and geometry, bytes of state, checksum of the state; then the state:
 * the block from MACHINE to the end of the last line. Handles, windows and
 * anything of the host are not in it.
 */
const MAGIC = 0x53575056; // "VPWS"
const HEADER_WORDS = 7;
const HEADER_BYTES = HEADER_WORDS * 4;

/** FNV-1a over bytes. */
function checksum(bytes: Uint8Array, seed = 0x811c9dc5): number {
  let hash = seed;
  for (const byte of bytes) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash >>> 0;
}

function stateOf(memory: CoreMemory, lines: number): Uint8Array {
  return memory.bytes.subarray(layout.MACHINE, layout.LINES + lines * layout.LINE_STRIDE);
}

/** Digest of what must be the same on both sides: options, lines, regions. */
function geometryDigest(memory: CoreMemory, lines: number, regions: number): number {
  // Windows differ with the memory size, but not in what the guest can tell.
  let hash = checksum(memory.bytes.subarray(layout.CONFIG, layout.CONFIG + 7 * 4));
  for (let line = 0; line < lines; line++) {
    const at = layout.LINE_BINDINGS + line * layout.LINE_BINDING_STRIDE;
    hash = checksum(memory.bytes.subarray(at, at + 8), hash);
  }
  for (let region = 0; region < regions; region++) {
    const at = layout.REGIONS + region * layout.REGION_STRIDE;
    hash = checksum(memory.bytes.subarray(at, at + 16), hash);
  }
  return hash;
}

function counts(memory: CoreMemory) {
  const { lineCount, regionCount } = readRecord(memory, 'DeviceRecord', layout.DEVICE);
  return { lines: lineCount, regions: regionCount };
}

export function takeSnapshot(memory: CoreMemory): Uint8Array {
  const { lines, regions } = counts(memory);
  const state = stateOf(memory, lines);
  const snapshot = new Uint8Array(HEADER_BYTES + state.length);
  const view = new DataView(snapshot.buffer);
  const digest = geometryDigest(memory, lines, regions);
  [MAGIC, ABI_VERSION, lines, regions, digest, state.length, checksum(state)].forEach((word, i) => {
    view.setUint32(i * 4, word, true);
  });
  snapshot.set(state, HEADER_BYTES);
  return snapshot;
}

/**
 * Checks that the snapshot fits this device.
 *
 * @throws VfioError SNAPSHOT_INVALID, SNAPSHOT_MISMATCH
 */
export function checkSnapshot(device: string, memory: CoreMemory, snapshot: Uint8Array): void {
  const invalid = (why: string) =>
    new VfioError('SNAPSHOT_INVALID', `${device}: this is no usable snapshot: ${why}`, { device });
  if (snapshot.length < HEADER_BYTES) throw invalid('it is too short');
  const view = new DataView(snapshot.buffer, snapshot.byteOffset, snapshot.byteLength);
  const word = (index: number) => view.getUint32(index * 4, true);
  if (word(0) !== MAGIC) throw invalid('it does not begin with VPWS');
  if (word(1) !== ABI_VERSION) {
    throw invalid(`it has version ${word(1)}, this release reads version ${ABI_VERSION}`);
  }
  const { lines, regions } = counts(memory);
  if (
    word(2) !== lines ||
    word(3) !== regions ||
    word(4) !== geometryDigest(memory, lines, regions)
  ) {
    throw new VfioError(
      'SNAPSHOT_MISMATCH',
      `${device}: the snapshot is of a device with other lines, regions or options ` +
        `(${word(2)} lines and ${word(3)} regions, here ${lines} and ${regions})`,
      { device },
    );
  }
  const state = snapshot.subarray(HEADER_BYTES);
  if (state.length !== word(5) || state.length !== stateOf(memory, lines).length) {
    throw invalid('its length is wrong');
  }
  if (checksum(state) !== word(6)) throw invalid('its checksum is wrong');
}

/** Copies the state of a checked snapshot into the core. */
export function copySnapshot(memory: CoreMemory, snapshot: Uint8Array): void {
  memory.bytes.set(snapshot.subarray(HEADER_BYTES), layout.MACHINE);
}
