import { VFIO_IRQ_INFO_AUTOMASKED } from '../../assembly/abi/vfio';
import { OPTION_DEFAULT_EOI } from '../../assembly/boundary/options';
import { ABI_VERSION } from '../../assembly/boundary/version';
import * as layout from '../../assembly/state/layout';
import type { CoreMemory } from '../core/core-memory';
import { readRecord } from '../core/fields';
import { VfioError } from '../errors';

/**
 * A snapshot: what the interrupt machine of one device remembers (spec S9).
 * Little-endian words: magic, boundary version, lines, regions, digest of
 * options and geometry, bytes of state, checksum of the state; then the state:
 * the block from MACHINE to the end of the last line, then a word per line with
 * the edges that wait in the doorbell. Handles, windows and anything of the
 * host are not in it.
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

function machineBytes(lines: number): number {
  return layout.LINES + lines * layout.LINE_STRIDE - layout.MACHINE;
}

function stateBytes(lines: number): number {
  return machineBytes(lines) + lines * 4;
}

/** Digest of what must be the same on both sides: options, lines, regions, EOI sources and rules. */
function geometryDigest(memory: CoreMemory, lines: number, regions: number): number {
  const { ruleCount } = readRecord(memory, 'DeviceRecord', layout.DEVICE);
  const parts: readonly [address: number, bytes: number, stride: number, count: number][] = [
    // Tracing and the memory size are not among these: the guest cannot tell them.
    [layout.CONFIG, (OPTION_DEFAULT_EOI + 1) * 4, 0, 1],
    [layout.LINE_BINDINGS, 8, layout.LINE_BINDING_STRIDE, lines],
    [layout.LINES + 8, 4, layout.LINE_STRIDE, lines],
    [layout.REGIONS, 16, layout.REGION_STRIDE, regions],
    [layout.RULES, 32, layout.RULE_STRIDE, ruleCount],
  ];
  let hash = checksum(new Uint8Array());
  for (const [address, bytes, stride, count] of parts) {
    for (let i = 0; i < count; i++) {
      const at = address + i * stride;
      hash = checksum(memory.bytes.subarray(at, at + bytes), hash);
    }
  }
  return hash;
}

function counts(memory: CoreMemory) {
  const { lineCount, regionCount } = readRecord(memory, 'DeviceRecord', layout.DEVICE);
  return { lines: lineCount, regions: regionCount };
}

/** Level lines are sampled again on restore; edges that wait would be lost. */
function waitingEdges(memory: CoreMemory, line: number): number {
  const irqFlags = memory.word(layout.LINE_BINDINGS + line * layout.LINE_BINDING_STRIDE);
  if (irqFlags & VFIO_IRQ_INFO_AUTOMASKED) return 0;
  return memory.word(layout.DOORBELL_COUNTS + line * 4);
}

export function takeSnapshot(memory: CoreMemory): Uint8Array {
  const { lines, regions } = counts(memory);
  const snapshot = new Uint8Array(HEADER_BYTES + stateBytes(lines));
  const view = new DataView(snapshot.buffer);
  const state = snapshot.subarray(HEADER_BYTES);
  state.set(memory.bytes.subarray(layout.MACHINE, layout.MACHINE + machineBytes(lines)));
  for (let line = 0; line < lines; line++) {
    const at = HEADER_BYTES + machineBytes(lines) + line * 4;
    view.setUint32(at, waitingEdges(memory, line), true);
  }
  const digest = geometryDigest(memory, lines, regions);
  [MAGIC, ABI_VERSION, lines, regions, digest, state.length, checksum(state)].forEach((word, i) => {
    view.setUint32(i * 4, word, true);
  });
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
  if (!(snapshot instanceof Uint8Array)) throw invalid('it is no Uint8Array');
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
  if (state.length !== word(5) || state.length !== stateBytes(lines)) {
    throw invalid('its length is wrong');
  }
  if (checksum(state) !== word(6)) throw invalid('its checksum is wrong');
}

/**
 * Copies the state of a checked snapshot into the core.
 * @returns the edges that waited, for the doorbell
 */
export function copySnapshot(
  memory: CoreMemory,
  snapshot: Uint8Array,
): readonly { readonly line: number; readonly count: number }[] {
  const { lines } = counts(memory);
  const end = HEADER_BYTES + machineBytes(lines);
  memory.bytes.set(snapshot.subarray(HEADER_BYTES, end), layout.MACHINE);
  const view = new DataView(snapshot.buffer, snapshot.byteOffset, snapshot.byteLength);
  return Array.from({ length: lines }, (_, line) => ({
    line,
    count: view.getUint32(end + line * 4, true),
  })).filter(({ count }) => count > 0);
}
