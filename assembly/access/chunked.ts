import { ACCESS_BAD_WIDTH, ACCESS_NESTED_TOO_DEEP } from '../boundary/status';
import { completeByChunk } from '../irq/qemu';
import { machine, RegionRecord } from '../state/records';
import { enter, leave } from './buffer';
import { chunkAt } from './chunks';
import { readFile, writeFile } from './file';
import { reportAccess } from './report';
import { findArea, loadWindow, storeWindow, takeWindowFailure } from './window';

/**
 * The general form of an access: split into chunks, each through a window or
 * through pread and pwrite. `buffer` holds 8 bytes of data, `admitted` is true.
 */

/** A chunk that did not reach the device reads as ones. */
function put(buffer: u32, width: u32, value: u64): void {
  if (width == 4) store<u32>(buffer, <u32>value);
  else if (width == 1) store<u8>(buffer, <u8>value);
  else if (width == 2) store<u16>(buffer, <u16>value);
  else store<u64>(buffer, value);
}

function get(buffer: u32, width: u32): u64 {
  if (width == 4) return load<u32>(buffer);
  if (width == 1) return load<u8>(buffer);
  if (width == 2) return load<u16>(buffer);
  return load<u64>(buffer);
}

/** Bytes of the next chunk; 0 when the device takes none, which is then reported. */
function nextChunk(index: u32, offset: u32, remaining: u32, write: bool): u32 {
  const chunk = chunkAt(offset, remaining);
  if (chunk == 0) reportAccess(ACCESS_BAD_WIDTH, 0, index, offset, remaining, write);
  return chunk;
}

/** Policy strict: through windows where there are any; the first failure ends the access. */
function readStrict(region: RegionRecord, index: u32, offset: u32, width: u32, buffer: u32): bool {
  for (let done: u32 = 0; done < width; ) {
    const at = offset + done;
    const chunk = nextChunk(index, at, width - done, false);
    if (chunk == 0) return false;
    const area = findArea(region, index, at, chunk);
    if (area != null) {
      put(buffer + done, chunk, loadWindow(area, at, chunk));
      if (takeWindowFailure()) return false;
    } else if (!readFile(region, index, at, chunk, buffer + done)) {
      return false;
    }
    done += chunk;
  }
  return true;
}

function writeStrict(region: RegionRecord, index: u32, offset: u32, width: u32, buffer: u32): bool {
  for (let done: u32 = 0; done < width; ) {
    const at = offset + done;
    const chunk = nextChunk(index, at, width - done, true);
    if (chunk == 0) return false;
    const area = findArea(region, index, at, chunk);
    if (area != null) {
      storeWindow(area, at, chunk, get(buffer + done, chunk));
      if (takeWindowFailure()) return false;
    } else if (!writeFile(region, index, at, chunk, buffer + done)) {
      return false;
    }
    done += chunk;
  }
  return true;
}

/**
 * Policy qemu: while the direct mapping is on an access to a mapped area is
 * not trapped at all; otherwise every chunk goes through pread and is seen by
 * EOI detection, unless it failed to read.
 */
function readQemu(region: RegionRecord, index: u32, offset: u32, width: u32, buffer: u32): bool {
  for (let done: u32 = 0; done < width; ) {
    const at = offset + done;
    const chunk = nextChunk(index, at, width - done, false);
    if (chunk == 0) return false;
    const area = machine.mappingOn != 0 ? findArea(region, index, at, chunk) : null;
    if (area != null) {
      const value = loadWindow(area, at, chunk);
      put(buffer + done, chunk, takeWindowFailure() ? <u64>-1 : value);
    } else if (readFile(region, index, at, chunk, buffer + done)) {
      completeByChunk(done + chunk == width);
    } else {
      put(buffer + done, chunk, <u64>-1);
    }
    done += chunk;
  }
  return true;
}

function writeQemu(region: RegionRecord, index: u32, offset: u32, width: u32, buffer: u32): bool {
  for (let done: u32 = 0; done < width; ) {
    const at = offset + done;
    const chunk = nextChunk(index, at, width - done, true);
    if (chunk == 0) return false;
    const area = machine.mappingOn != 0 ? findArea(region, index, at, chunk) : null;
    if (area != null) {
      storeWindow(area, at, chunk, get(buffer + done, chunk));
      takeWindowFailure();
    } else {
      writeFile(region, index, at, chunk, buffer + done);
      completeByChunk(done + chunk == width);
    }
    done += chunk;
  }
  return true;
}

/** @returns the address of the data, or 0 when the access failed and has been reported, or its error waits */
export function readChunked(
  region: RegionRecord,
  index: u32,
  offset: u32,
  width: u32,
  qemu: bool,
): u32 {
  const buffer = enter();
  if (buffer == 0) {
    reportAccess(ACCESS_NESTED_TOO_DEEP, 0, index, offset, width, false);
    return 0;
  }
  store<u64>(buffer, 0);
  const whole = qemu
    ? readQemu(region, index, offset, width, buffer)
    : readStrict(region, index, offset, width, buffer);
  leave();
  if (whole) return buffer;
  // What a failed pread has left there no recording has.
  store<u64>(buffer, 0);
  return 0;
}

/** @returns false when the access failed and has been reported, or its error waits */
export function writeChunked(
  region: RegionRecord,
  index: u32,
  offset: u32,
  width: u32,
  value: u64,
  qemu: bool,
): bool {
  const buffer = enter();
  if (buffer == 0) {
    reportAccess(ACCESS_NESTED_TOO_DEEP, 0, index, offset, width, true);
    return false;
  }
  store<u64>(buffer, value);
  const whole = qemu
    ? writeQemu(region, index, offset, width, buffer)
    : writeStrict(region, index, offset, width, buffer);
  leave();
  return whole;
}
