import { beforeEach, describe, expect, it } from 'vitest';
import { EAGAIN, EBADF, EFAULT, EFD_NONBLOCK, EINVAL } from '../../assembly/abi/linux';
import { SimulatedKernel } from '../../host/sim/simulated-host';
import { newEventfd, readEventfd, writeEventfd } from './fixture';

const EFD_SEMAPHORE = 1;
const ESPIPE = 29;
const MAX = 0xffff_ffff_ffff_fffen;

describe('an eventfd', () => {
  let kernel: SimulatedKernel;
  beforeEach(() => {
    kernel = new SimulatedKernel();
  });

  it('answers EAGAIN when there is nothing to read', () => {
    expect(readEventfd(kernel, newEventfd(kernel))).toBe(-EAGAIN);
  });

  it('starts with its initial value and is empty after one read', () => {
    const fd = newEventfd(kernel, 7);
    expect(readEventfd(kernel, fd)).toBe(7);
    expect(readEventfd(kernel, fd)).toBe(-EAGAIN);
  });

  it('adds up what is written', () => {
    const fd = newEventfd(kernel, 1);
    expect(writeEventfd(kernel, fd, 2n)).toBe(8);
    expect(writeEventfd(kernel, fd, 0x1_0000_0000n)).toBe(8);
    expect(readEventfd(kernel, fd)).toBe(0x1_0000_0003);
  });

  it('carries from the low into the high word', () => {
    const fd = newEventfd(kernel, 0xffffffff);
    writeEventfd(kernel, fd, 1n);
    expect(readEventfd(kernel, fd)).toBe(0x1_0000_0000);
  });

  it('reads one at a time as a semaphore, across the words too', () => {
    const fd = kernel.eventfd(0, EFD_SEMAPHORE | EFD_NONBLOCK);
    writeEventfd(kernel, fd, 0x1_0000_0000n);
    expect(readEventfd(kernel, fd)).toBe(1);
    expect(readEventfd(kernel, fd)).toBe(1);
    writeEventfd(kernel, fd, MAX - 0xffff_fffen);
    expect(writeEventfd(kernel, fd, 1n)).toBe(-EAGAIN);
  });

  it('never goes beyond 2^64 - 2', () => {
    const fd = newEventfd(kernel);
    expect(writeEventfd(kernel, fd, MAX)).toBe(8);
    expect(writeEventfd(kernel, fd, 1n)).toBe(-EAGAIN);
    expect(writeEventfd(kernel, fd, 0n)).toBe(8);
  });

  it('refuses to be written 2^64 - 1', () => {
    expect(writeEventfd(kernel, newEventfd(kernel), MAX + 1n)).toBe(-EINVAL);
  });

  it('refuses transfers of fewer than 8 bytes', () => {
    const fd = newEventfd(kernel, 1);
    expect(kernel.read(fd, new Uint8Array(8), 0, 7)).toBe(-EINVAL);
    expect(kernel.write(fd, new Uint8Array(8), 0, 7)).toBe(-EINVAL);
  });

  it('faults on memory that is not there and keeps its count', () => {
    const fd = newEventfd(kernel, 1);
    expect(kernel.read(fd, new Uint8Array(8), 1, 8)).toBe(-EFAULT);
    expect(kernel.write(fd, new Uint8Array(8), 1, 8)).toBe(-EFAULT);
    expect(readEventfd(kernel, fd)).toBe(1);
  });

  it('has no position, so that pread and pwrite answer ESPIPE', () => {
    const fd = newEventfd(kernel, 1);
    expect(kernel.pread(fd, new Uint8Array(8), 0, 8, 0, 0)).toBe(-ESPIPE);
    expect(kernel.pwrite(fd, new Uint8Array(8), 0, 8, 0, 0)).toBe(-ESPIPE);
  });

  it('refuses flags that do not exist', () => {
    expect(kernel.eventfd(0, 2)).toBe(-EINVAL);
  });

  it('takes the lowest free descriptor from 3 on', () => {
    const [a, b, c] = [newEventfd(kernel), newEventfd(kernel), newEventfd(kernel)];
    expect([a, b, c]).toEqual([3, 4, 5]);
    kernel.close(b);
    expect(newEventfd(kernel)).toBe(4);
  });

  it('is gone after close', () => {
    const fd = newEventfd(kernel);
    expect(kernel.close(fd)).toBe(0);
    expect(kernel.close(fd)).toBe(-EBADF);
    expect(readEventfd(kernel, fd)).toBe(-EBADF);
  });
});
