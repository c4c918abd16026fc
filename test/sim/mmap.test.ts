import { describe, expect, it } from 'vitest';
import { EBADF, EINVAL, ENODEV, PROT_READ, PROT_WRITE } from '../../assembly/abi/linux';
import { VFIO_DEVICE_GET_INFO } from '../../assembly/abi/vfio';
import type { WindowMapping } from '../../host/boundary/kernel';
import type { ModelRegion } from '../../host/sim/models/model';
import {
  bench,
  closeAll,
  memoryRegion,
  NOTHING_OPEN,
  newEventfd,
  openPath,
  openThroughGroup,
  struct,
} from './fixture';

const RW = PROT_READ | PROT_WRITE;
const PAGE = 4096;

function setup(regions: readonly ModelRegion[] = [{ size: 2 * PAGE }]) {
  const it = bench({ regions });
  const fds = openThroughGroup(it.kernel, it.device);
  const memory = new WebAssembly.Memory({ initial: 2, maximum: 8 });
  const map = (length: number, offset = 0, protection = RW, pointer = 0, high = 0) =>
    it.kernel.mmap(memory, pointer, length, protection, fds.fd, offset, high);
  const window = (...parameters: Parameters<typeof map>): WindowMapping => {
    const result = map(...parameters);
    if (typeof result === 'number') throw new Error(`mmap answered ${result}`);
    return result;
  };
  return { ...it, ...fds, memory, map, window };
}

describe('mmap', () => {
  it('wants whole pages inside the region', () => {
    const { map } = setup();
    expect(map(0)).toBe(-EINVAL);
    expect(map(PAGE, 4)).toBe(-EINVAL);
    expect(map(3 * PAGE)).toBe(-EINVAL);
    expect(map(2 * PAGE, PAGE)).toBe(-EINVAL);
    expect(map(PAGE, 2 * PAGE)).toBe(-EINVAL);
    expect(map(PAGE, PAGE)).toBeTypeOf('object');
  });

  it('rounds the length up to pages', () => {
    const { map, window } = setup();
    expect(map(2 * PAGE + 1)).toBe(-EINVAL);
    window(PAGE + 1).write(2 * PAGE - 4, 4, 1);
  });

  it('wants a place in linear memory that is there and page aligned', () => {
    const { map, memory } = setup();
    expect(map(PAGE, 0, RW, 1024)).toBe(-EINVAL);
    expect(map(2 * PAGE, 0, RW, memory.buffer.byteLength - PAGE)).toBe(-EINVAL);
    expect(map(PAGE, 0, RW, memory.buffer.byteLength - PAGE)).toBeTypeOf('object');
  });

  it('wants MMAP, and READ and WRITE as the protection needs them', () => {
    const { map } = setup([
      { size: PAGE, mappable: false },
      { size: PAGE, access: 'ro' },
      { size: PAGE, access: 'wo' },
      { size: PAGE, access: 'none' },
      { size: PAGE / 2, mappable: true },
    ]);
    const at = (index: number, protection: number) =>
      typeof map(PAGE, 0, protection, 0, index << 8);
    expect(map(PAGE)).toBe(-EINVAL);
    expect([at(1, PROT_READ), at(1, RW)]).toEqual(['object', 'number']);
    expect([at(2, PROT_WRITE), at(2, RW)]).toEqual(['object', 'number']);
    expect([at(3, PROT_READ), at(4, PROT_READ), at(5, PROT_READ)]).toEqual(
      new Array(3).fill('number'),
    );
  });

  it('maps the areas of a sparse region and nothing beside them', () => {
    const sparse = [{ offset: PAGE, size: 2 * PAGE }];
    const { map } = setup([{ size: 4 * PAGE, sparse }]);
    expect(map(PAGE, 0)).toBe(-EINVAL);
    expect(map(3 * PAGE, PAGE)).toBe(-EINVAL);
    expect(map(2 * PAGE, PAGE)).toBeTypeOf('object');
  });

  it('maps devices only', () => {
    const { kernel, memory } = setup();
    expect(kernel.mmap(memory, 0, PAGE, RW, 99, 0, 0)).toBe(-EBADF);
    expect(kernel.mmap(memory, 0, PAGE, RW, newEventfd(kernel), 0, 0)).toBe(-ENODEV);
  });
});

describe('a window onto registers', () => {
  it('is performed by the host, access by access and at full width', () => {
    const { window, model } = setup();
    const mapping = window(PAGE, PAGE);
    expect(mapping.inMemory).toBe(false);
    expect(mapping.read(8, 4)).toBe(0x0b0a0908);
    expect(mapping.read(2, 2)).toBe(0x0302);
    expect(mapping.read(3, 1)).toBe(3);
    mapping.write(0, 4, 0xfedcba98);
    mapping.write(6, 2, 0x11234);
    mapping.write(5, 1, 0x1ff);
    expect(model.takeLog()).toEqual([
      'r0+4@4104',
      'r0+2@4098',
      'r0+1@4099',
      'w0+4@4096=fedcba98',
      'w0+2@4102=1234',
      'w0+1@4101=ff',
    ]);
  });

  it('takes unaligned accesses apart', () => {
    const { window, model } = setup();
    const mapping = window(PAGE);
    expect(mapping.read(1, 2)).toBe(0x0201);
    mapping.write(1, 2, 0xabcd);
    expect(model.takeLog()).toEqual(['r0+1@2', 'r0+1@1', 'w0+1@1=cd', 'w0+1@2=ab']);
  });

  it('reads all ones and drops writes beyond its end and at odd widths', () => {
    const { window, model } = setup();
    const mapping = window(PAGE);
    expect(mapping.read(PAGE - 2, 4)).toBe(0xffffffff);
    expect(mapping.read(-1, 1)).toBe(0xff);
    expect(mapping.read(0.5, 2)).toBe(0xffff);
    expect(mapping.read(0, 8)).toBe(0xffffffff);
    mapping.write(PAGE, 1, 0);
    expect(model.takeLog()).toEqual([]);
  });

  it('allows what its protection allows', () => {
    const { window, model } = setup();
    window(PAGE, 0, PROT_READ).write(0, 4, 1);
    expect(window(PAGE, 0, PROT_WRITE).read(0, 4)).toBe(0xffffffff);
    expect(model.takeLog()).toEqual([]);
  });

  it('reads zeros and drops writes after unmap', () => {
    const { window, model } = setup();
    const mapping = window(PAGE);
    mapping.unmap();
    expect(mapping.read(4, 4)).toBe(0);
    mapping.write(0, 4, 1);
    expect(model.takeLog()).toEqual([]);
  });

  it('keeps the device open until it is unmapped, and unmaps once', () => {
    const { kernel, device, window, container, group, fd } = setup();
    const mapping = window(PAGE);
    closeAll(kernel, fd, group, container);
    expect(kernel.resources()).toEqual({ ...NOTHING_OPEN, mappings: 1 });
    expect(device.openCount).toBe(1);
    mapping.unmap();
    mapping.unmap();
    expect(kernel.resources()).toEqual(NOTHING_OPEN);
    expect(device.openCount).toBe(0);
    expect(openPath(kernel, device.groupPath ?? '')).toBeGreaterThan(0);
  });
});

describe('a window onto plain memory', () => {
  it('shares its bytes with the model in both directions', () => {
    const region = memoryRegion(2 * PAGE);
    region.memory[5] = 0x55;
    const { kernel, fd, window, memory } = setup([region]);
    const mapping = window(2 * PAGE, 0, RW, PAGE);
    const linear = new Uint8Array(memory.buffer);
    expect(mapping.inMemory).toBe(true);
    expect(linear[PAGE + 5]).toBe(0x55);
    linear[PAGE + 6] = 0x66;
    expect(region.memory[6]).toBe(0x66);
    region.memory[7] = 0x77;
    expect(linear[PAGE + 7]).toBe(0x77);
    const bytes = new Uint8Array(4);
    kernel.pread(fd, bytes, 0, 4, 4, 0);
    expect([...bytes]).toEqual([0, 0x55, 0x66, 0x77]);
    kernel.pwrite(fd, bytes, 0, 4, 8, 0);
    expect([...linear.subarray(PAGE + 8, PAGE + 12)]).toEqual([0, 0x55, 0x66, 0x77]);
  });

  it('gives the contents back on unmap and leaves zeros behind', () => {
    const region = memoryRegion(PAGE);
    const own = region.memory;
    const { window, memory } = setup([region]);
    const mapping = window(PAGE);
    const linear = new Uint8Array(memory.buffer);
    linear[9] = 0x99;
    mapping.unmap();
    expect(linear[9]).toBe(0);
    expect(region.memory).toBe(own);
    expect(own[9]).toBe(0x99);
    linear[9] = 1;
    expect(own[9]).toBe(0x99);
  });

  it('follows linear memory when that grows', () => {
    const region = memoryRegion(PAGE);
    const { kernel, fd, window, memory } = setup([region]);
    const mapping = window(PAGE);
    memory.grow(1);
    new Uint8Array(memory.buffer)[3] = 0x33;
    const bytes = new Uint8Array(1);
    kernel.pread(fd, bytes, 0, 1, 3, 0);
    expect(bytes[0]).toBe(0x33);
    memory.grow(1);
    mapping.unmap();
    expect(region.memory[3]).toBe(0x33);
  });

  it('is performed by the host when it shows only a part, or the memory has moved already', () => {
    const region = memoryRegion(2 * PAGE);
    const { window, memory, kernel, fd } = setup([region]);
    const part = window(PAGE, PAGE);
    expect(part.inMemory).toBe(false);
    part.write(0, 4, 0x12345678);
    const whole = window(2 * PAGE, 0, RW, 4 * PAGE);
    expect(whole.inMemory).toBe(true);
    const again = window(2 * PAGE, 0, RW, 8 * PAGE);
    expect(again.inMemory).toBe(false);
    expect(again.read(PAGE, 4)).toBe(0x12345678);
    expect(new DataView(memory.buffer).getUint32(5 * PAGE, true)).toBe(0x12345678);
    part.write(0, 2, 0xffff);
    whole.unmap();
    expect(again.read(PAGE, 4)).toBe(0x1234ffff);
    expect(kernel.ioctl(fd, VFIO_DEVICE_GET_INFO, struct(20))).toBe(0);
  });

  it('is performed by the host when the model cannot move its bytes', () => {
    const bytes = new Uint8Array(PAGE);
    const { window } = setup([{ size: PAGE, memory: bytes }]);
    const mapping = window(PAGE);
    expect(mapping.inMemory).toBe(false);
    mapping.write(0, 4, 0xa1b2c3d4);
    expect([...bytes.subarray(0, 4)]).toEqual([0xd4, 0xc3, 0xb2, 0xa1]);
    expect(mapping.read(0, 4)).toBe(0xa1b2c3d4);
    expect(mapping.read(2, 2)).toBe(0xa1b2);
    expect(mapping.read(3, 1)).toBe(0xa1);
  });
});
