import { readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import {
  EBADF,
  EEXIST,
  EFAULT,
  EINVAL,
  ENODEV,
  PROT_READ,
  PROT_WRITE,
} from '../../assembly/abi/linux';
import type { WindowMapping } from '../../host/boundary/kernel';
import {
  collect,
  describeNative,
  eventfd,
  fixedMemory,
  kernel,
  mappings,
  openFiles,
  PAGE,
  regionFile,
  until,
  WINDOW,
} from './support';

const READ_WRITE = PROT_READ | PROT_WRITE;

/** A module that loads and stores one word, so that Wasm code does it and not a typed array. */
const accessModule = new WebAssembly.Module(
  // (import "m" "m" (memory 1)), load(p) → i32.atomic.load, store(p, v) → i32.store
  new Uint8Array([
    0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 1, 11, 2, 0x60, 1, 0x7f, 1, 0x7f, 0x60, 2, 0x7f, 0x7f, 0, 2, 8,
    1, 1, 0x6d, 1, 0x6d, 2, 0, 1, 3, 3, 2, 0, 1, 7, 16, 2, 4, 0x6c, 0x6f, 0x61, 0x64, 0, 0, 5, 0x73,
    0x74, 0x6f, 0x72, 0x65, 0, 1, 10, 20, 2, 8, 0, 0x20, 0, 0xfe, 0x10, 2, 0, 0x0b, 9, 0, 0x20, 0,
    0x20, 1, 0x36, 2, 0, 0x0b,
  ]),
);

interface Access {
  load(pointer: number): number;
  store(pointer: number, value: number): void;
}

function accessTo(memory: WebAssembly.Memory): Access {
  return new WebAssembly.Instance(accessModule, { m: { m: memory } }).exports as unknown as Access;
}

function map(
  memory: WebAssembly.Memory,
  pointer: number,
  fd: number,
  { length = WINDOW, protection = READ_WRITE, offset = 0 } = {},
): WindowMapping {
  const mapping = kernel().mmap(memory, pointer, length, protection, fd, offset, 0);
  if (typeof mapping === 'number') throw new Error(`mmap: ${mapping}`);
  return mapping;
}

describeNative('a window over linear memory', () => {
  it('whose bus refuses an access reads as ones there, is told once, and is the device elsewhere', async () => {
    const { fd, path } = regionFile(WINDOW);
    const memory = fixedMemory();
    const access = accessTo(memory);
    const window = map(memory, WINDOW, fd);
    const told: number[] = [];
    window.onRefused = (offset) => told.push(offset);
    // What lies beyond the end of the file has no memory behind it.
    truncateSync(path, PAGE);
    expect(access.load(WINDOW + 2 * PAGE + 4)).toBe(-1);
    access.store(WINDOW + 3 * PAGE, 1);
    access.store(WINDOW + 8, 7);
    expect(readFileSync(path).readUInt32LE(8)).toBe(7);
    expect(access.load(WINDOW + 8)).toBe(7);
    expect(told).toEqual([]);
    await until(() => told.length > 0, 'the owner is told');
    expect(told).toEqual([2 * PAGE + 4]);
    expect(access.load(WINDOW + 4 * PAGE)).toBe(-1);
    await until(() => told.length > 1, 'the owner is told of the next');
    expect(told).toEqual([2 * PAGE + 4, 4 * PAGE]);
    window.unmap();
    expect(access.load(WINDOW + 2 * PAGE + 4)).toBe(0);
    kernel().close(fd);
  });

  it('lets Wasm load and store the device, until it is taken away', () => {
    const { fd, path } = regionFile(WINDOW);
    const memory = fixedMemory();
    const access = accessTo(memory);
    access.store(WINDOW, 0x11111111);
    const window = map(memory, WINDOW, fd);
    expect(window.inMemory).toBe(true);
    expect(access.load(WINDOW)).toBe(0);

    access.store(WINDOW + 8, 0x12345678);
    expect(readFileSync(path).readUInt32LE(8)).toBe(0x12345678);
    const content = new Uint8Array(WINDOW);
    content[WINDOW - 4] = 0x2a;
    writeFileSync(path, content, { flag: 'r+' });
    expect(access.load(2 * WINDOW - 4)).toBe(0x2a);

    window.unmap();
    window.unmap();
    expect(access.load(2 * WINDOW - 4)).toBe(0);
    access.store(WINDOW, 7);
    expect(access.load(WINDOW)).toBe(7);
    expect(readFileSync(path).readUInt32LE(0)).toBe(0);
    expect(kernel().close(fd)).toBe(0);
    expect(kernel().resources().mappings).toBe(0);
  });

  it('shows the part of the region that was asked for', () => {
    const { fd } = regionFile(3 * WINDOW);
    const bytes = new Uint8Array([1, 2, 3, 4]);
    expect(kernel().pwrite(fd, bytes, 0, 4, 2 * WINDOW, 0)).toBe(4);
    const memory = fixedMemory();
    const window = map(memory, 0, fd, { offset: 2 * WINDOW });
    expect(accessTo(memory).load(0)).toBe(0x04030201);
    window.unmap();
    kernel().close(fd);
  });

  it('outlives its descriptor, as in Linux', () => {
    const { fd, path } = regionFile(WINDOW);
    const memory = fixedMemory();
    const window = map(memory, 0, fd);
    expect(kernel().close(fd)).toBe(0);
    accessTo(memory).store(0, 5);
    expect(readFileSync(path)[0]).toBe(5);
    window.unmap();
  });

  it('is refused with the memory as it was', () => {
    const memory = fixedMemory();
    const access = accessTo(memory);
    access.store(WINDOW, 99);
    const notMappable = eventfd();
    const { fd } = regionFile(WINDOW);
    const attempt = (pointer: number, length: number, protection: number, from: number) =>
      kernel().mmap(memory, pointer, length, protection, from, 0, 0);
    expect(attempt(WINDOW, WINDOW, READ_WRITE, notMappable)).toBe(-ENODEV);
    expect(attempt(WINDOW + 8, WINDOW, READ_WRITE, fd)).toBe(-EINVAL);
    expect(attempt(WINDOW, 100, READ_WRITE, fd)).toBe(-EINVAL);
    expect(attempt(WINDOW, WINDOW, READ_WRITE | 4, fd)).toBe(-EINVAL);
    expect(attempt(WINDOW, 0, READ_WRITE, fd)).toBe(-EFAULT);
    expect(attempt(3 * WINDOW, 2 * WINDOW, READ_WRITE, fd)).toBe(-EFAULT);
    expect(attempt(0xffff0000, WINDOW, READ_WRITE, fd)).toBe(-EFAULT);
    expect(attempt(WINDOW, WINDOW, READ_WRITE, 0)).toBe(-EBADF);
    expect(access.load(WINDOW)).toBe(99);

    const window = map(memory, WINDOW, fd);
    expect(attempt(WINDOW, WINDOW, READ_WRITE, fd)).toBe(-EEXIST);
    expect(attempt(0, 2 * WINDOW, READ_WRITE, fd)).toBe(-EEXIST);
    window.unmap();
    kernel().close(fd);
    kernel().close(notMappable);
    expect(kernel().resources()).toMatchObject({ fds: 0, mappings: 0 });
  });

  it('is only made over a WebAssembly.Memory', () => {
    const { fd } = regionFile(WINDOW);
    const impostors: unknown[] = [
      undefined,
      {},
      { buffer: new ArrayBuffer(WINDOW) },
      Object.create(WebAssembly.Memory.prototype),
      new ArrayBuffer(WINDOW),
    ];
    for (const impostor of impostors) {
      expect(() => map(impostor as WebAssembly.Memory, 0, fd)).toThrow(TypeError);
    }
    const shared = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });
    expect(() => map(shared, 0, fd)).toThrow(/shared/);
    kernel().close(fd);
  });

  it('survives garbage collection: of 200 memories, in any order', () => {
    const { fd, path } = regionFile(WINDOW);
    const windows: WindowMapping[] = [];
    for (let i = 0; i < 200; i++) {
      const memory = fixedMemory(WINDOW);
      const window = map(memory, 0, fd);
      // Some are taken away before the memory is collected, some after.
      if (i % 3 === 0) window.unmap();
      else windows.push(window);
      if (i % 20 === 0) collect();
    }
    collect();
    expect(kernel().resources().mappings).toBe(windows.length);
    while (windows.length > 0) {
      windows.splice((windows.length * 7919) % windows.length, 1)[0]?.unmap();
      if (windows.length % 25 === 0) collect();
    }
    collect();
    expect(readFileSync(path).every((byte) => byte === 0)).toBe(true);
    kernel().close(fd);
    expect(kernel().resources()).toMatchObject({ fds: 0, mappings: 0 });
  });

  it('leaves no descriptor and no mapping behind, 10000 times', () => {
    const memory = fixedMemory();
    const cycle = () => {
      const fd = eventfd();
      const window = map(memory, WINDOW, region.fd);
      window.unmap();
      kernel().close(fd);
    };
    const region = regionFile(WINDOW);
    for (let i = 0; i < 100; i++) cycle();
    collect();
    const before = { files: openFiles(), mappings: mappings() };
    for (let i = 0; i < 10_000; i++) cycle();
    collect();
    expect(openFiles()).toBe(before.files);
    // The engine's own heap comes and goes a little.
    expect(mappings()).toBeLessThan(before.mappings + 50);
    kernel().close(region.fd);
  });
});
