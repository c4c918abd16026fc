import { describe, expect, it } from 'vitest';
import { EBADF, EFAULT, EINVAL } from '../../assembly/abi/linux';
import { bench, memoryRegion, openThroughGroup, type ProbeOptions } from './fixture';

const REGION_1 = 1 << 8;

function setup(probe: ProbeOptions = {}) {
  const it = bench(probe);
  const { fd } = openThroughGroup(it.kernel, it.device);
  const memory = new Uint8Array(64);
  it.model.takeLog();
  const read = (offset: number, length: number, high = 0, pointer = 0) =>
    it.kernel.pread(fd, memory, pointer, length, offset, high);
  const write = (offset: number, length: number, high = 0, pointer = 0) =>
    it.kernel.pwrite(fd, memory, pointer, length, offset, high);
  return { ...it, fd, memory, read, write };
}

describe('pread and pwrite', () => {
  it('split an access into fours, twos and ones by alignment and what is left', () => {
    const { read, model } = setup();
    const splits = new Map([
      ['8@0', 'r0+4@0 r0+4@4'],
      ['4@2', 'r0+2@2 r0+2@4'],
      ['4@1', 'r0+1@1 r0+2@2 r0+1@4'],
      ['3@0', 'r0+2@0 r0+1@2'],
      ['8@3', 'r0+1@3 r0+4@4 r0+2@8 r0+1@10'],
      ['2@1', 'r0+1@1 r0+1@2'],
      ['1@7', 'r0+1@7'],
      ['16@4', 'r0+4@4 r0+4@8 r0+4@12 r0+4@16'],
    ]);
    for (const [access, split] of splits) {
      const [length, offset] = access.split('@').map(Number);
      expect(read(offset as number, length as number)).toBe(length);
      expect(model.takeLog().join(' '), access).toBe(split);
    }
  });

  it('carry little-endian data', () => {
    const { read, write, memory, model } = setup();
    read(0x10, 7, 0, 3);
    expect([...memory.subarray(2, 11)]).toEqual([0, 0x10, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0]);
    model.takeLog();
    memory.set([0xef, 0xbe, 0xad, 0xde, 0x34, 0x12, 0xff]);
    write(0x10, 7);
    expect(model.takeLog()).toEqual(['w0+4@16=deadbeef', 'w0+2@20=1234', 'w0+1@22=ff']);
  });

  it('find the region in bits 40 and up of the offset', () => {
    const { read, write, model } = setup({ regions: [{ size: 4 }, { size: 2 ** 40 - 1 }] });
    expect(read(0, 4, REGION_1)).toBe(4);
    expect(write(0xfffffffc, 2, REGION_1 | 0xff)).toBe(2);
    expect(model.takeLog()).toEqual(['r1+4@0', `w1+2@${2 ** 40 - 4}=100`]);
  });

  it('stop short at the end of the region', () => {
    const { read, write } = setup({ regions: [{ size: 10 }] });
    expect(read(8, 4)).toBe(2);
    expect(write(4, 16)).toBe(6);
    expect(read(9, 1)).toBe(1);
  });

  it('answer EINVAL from the end of the region on', () => {
    const { read, write, model } = setup({ regions: [{ size: 10 }] });
    expect(read(10, 1)).toBe(-EINVAL);
    expect(write(4096, 4)).toBe(-EINVAL);
    expect(model.takeLog()).toEqual([]);
  });

  it('answer EINVAL for regions that do not exist, and for negative offsets', () => {
    const { read, write } = setup();
    expect(read(0, 4, REGION_1)).toBe(-EINVAL);
    expect(write(0, 4, 0x7fffffff)).toBe(-EINVAL);
    expect(read(0, 4, 0x80000000)).toBe(-EINVAL);
    expect(read(0xffffffff, 4, 0xffffffff)).toBe(-EINVAL);
  });

  it('respect READ and WRITE', () => {
    const { read, write } = setup({
      regions: [
        { size: 16, access: 'ro' },
        { size: 16, access: 'wo' },
        { size: 16, access: 'none' },
        { size: 0 },
      ],
    });
    const results = [0, 1, 2, 3].map((index) => [read(0, 4, index << 8), write(0, 4, index << 8)]);
    expect(results).toEqual([
      [4, -EINVAL],
      [-EINVAL, 4],
      [-EINVAL, -EINVAL],
      [-EINVAL, -EINVAL],
    ]);
  });

  it('transfer nothing when asked for nothing', () => {
    const { read, write, model } = setup();
    expect([read(0, 0), write(0, 0)]).toEqual([0, 0]);
    expect(model.takeLog()).toEqual([]);
  });

  it('fault on memory that is not there before the device is touched', () => {
    const { read, write, model } = setup();
    expect(read(0, 4, 0, 61)).toBe(-EFAULT);
    expect(write(0, 4, 0, 0xffffffff)).toBe(-EFAULT);
    expect(model.takeLog()).toEqual([]);
    expect(read(0, 4, 0, 60)).toBe(4);
  });

  it('fault only on what a short transfer would touch', () => {
    const { read } = setup({ regions: [{ size: 10 }] });
    expect(read(8, 100, 0, 62)).toBe(2);
  });

  it('work on plain memory without asking the model', () => {
    const region = memoryRegion(16);
    const { read, write, memory, model } = setup({ regions: [region] });
    memory.set([1, 2, 3, 4, 5, 6, 7]);
    expect(write(3, 7)).toBe(7);
    expect([...region.memory.subarray(2, 11)]).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 0]);
    memory.fill(0);
    expect(read(3, 7)).toBe(7);
    expect([...memory.subarray(0, 8)]).toEqual([1, 2, 3, 4, 5, 6, 7, 0]);
    expect(model.takeLog()).toEqual([]);
  });

  it('read and write at position 0 without an offset', () => {
    const { kernel, fd, memory, model } = setup();
    expect(kernel.read(fd, memory, 0, 4)).toBe(4);
    expect(kernel.read(fd, memory, 0, 4)).toBe(4);
    expect(kernel.write(fd, memory, 0, 1)).toBe(1);
    expect(model.takeLog()).toEqual(['r0+4@0', 'r0+4@0', 'w0+1@0=0']);
  });

  it('answer EBADF on a closed descriptor', () => {
    const { kernel, fd, read, write } = setup();
    kernel.close(fd);
    expect([read(0, 4), write(0, 4)]).toEqual([-EBADF, -EBADF]);
  });
});
