import { beforeEach, describe, expect, it } from 'vitest';
import { EAGAIN, EBADF, EEXIST, EINVAL, ENOENT } from '../../assembly/abi/linux';
import { SimulatedKernel } from '../../host/sim/simulated-host';
import {
  NOTHING_OPEN,
  newEventfd,
  openPath,
  RecordingDoorbell,
  readEventfd,
  writeEventfd,
} from './fixture';

describe('a watched eventfd', () => {
  let kernel: SimulatedKernel;
  let doorbell: RecordingDoorbell;
  beforeEach(() => {
    kernel = new SimulatedKernel();
    doorbell = new RecordingDoorbell();
  });

  it('is drained into the doorbell at once', () => {
    const fd = newEventfd(kernel);
    expect(kernel.watch(fd, doorbell, 5)).toBe(0);
    writeEventfd(kernel, fd, 3n);
    expect(doorbell.take()).toEqual([[5, 3]]);
    expect(readEventfd(kernel, fd)).toBe(-EAGAIN);
  });

  it('delivers what waited before the watch began', () => {
    const fd = newEventfd(kernel, 2);
    kernel.watch(fd, doorbell, 1);
    expect(doorbell.take()).toEqual([[1, 2]]);
  });

  it('gathers signals while delivery is held and delivers them together on release', () => {
    const fd = newEventfd(kernel);
    kernel.watch(fd, doorbell, 0);
    kernel.holdSignals();
    writeEventfd(kernel, fd, 1n);
    writeEventfd(kernel, fd, 1n);
    expect(doorbell.take()).toEqual([]);
    kernel.releaseSignals();
    expect(doorbell.take()).toEqual([[0, 2]]);
  });

  it('delivers held signals in ascending order of descriptor', () => {
    const [a, b] = [newEventfd(kernel), newEventfd(kernel)];
    kernel.watch(b, doorbell, 1);
    kernel.watch(a, doorbell, 0);
    kernel.holdSignals();
    writeEventfd(kernel, b, 1n);
    writeEventfd(kernel, a, 1n);
    kernel.releaseSignals();
    expect(doorbell.take()).toEqual([
      [0, 1],
      [1, 1],
    ]);
  });

  it('can be drained by a read while delivery is held', () => {
    const fd = newEventfd(kernel);
    kernel.watch(fd, doorbell, 0);
    kernel.holdSignals();
    writeEventfd(kernel, fd, 4n);
    expect(readEventfd(kernel, fd)).toBe(4);
    kernel.releaseSignals();
    expect(doorbell.take()).toEqual([]);
  });

  it('delivers what is on its way before unwatch returns, and nothing after', () => {
    const fd = newEventfd(kernel);
    kernel.watch(fd, doorbell, 0);
    kernel.holdSignals();
    writeEventfd(kernel, fd, 2n);
    expect(kernel.unwatch(fd)).toBe(0);
    expect(doorbell.take()).toEqual([[0, 2]]);
    kernel.releaseSignals();
    writeEventfd(kernel, fd, 1n);
    expect(doorbell.take()).toEqual([]);
    expect(readEventfd(kernel, fd)).toBe(1);
  });

  it('can be watched once at a time and again after unwatch', () => {
    const fd = newEventfd(kernel);
    kernel.watch(fd, doorbell, 0);
    expect(kernel.watch(fd, doorbell, 1)).toBe(-EEXIST);
    kernel.unwatch(fd);
    expect(kernel.unwatch(fd)).toBe(-ENOENT);
    expect(kernel.watch(fd, doorbell, 2)).toBe(0);
  });

  it('is no longer watched after close', () => {
    const fd = newEventfd(kernel);
    kernel.watch(fd, doorbell, 0);
    expect(kernel.resources().watches).toBe(1);
    kernel.close(fd);
    expect(kernel.resources()).toEqual(NOTHING_OPEN);
    expect(kernel.unwatch(fd)).toBe(-EBADF);
  });

  it('does not inherit the watch of a closed eventfd with the same number', () => {
    const fd = newEventfd(kernel);
    kernel.watch(fd, doorbell, 0);
    kernel.close(fd);
    expect(newEventfd(kernel)).toBe(fd);
    writeEventfd(kernel, fd, 1n);
    expect(doorbell.take()).toEqual([]);
  });

  it('must be an eventfd', () => {
    expect(kernel.watch(99, doorbell, 0)).toBe(-EBADF);
    const container = openPath(kernel, '/dev/vfio/vfio');
    expect(kernel.watch(container, doorbell, 0)).toBe(-EINVAL);
    expect(kernel.unwatch(container)).toBe(-ENOENT);
  });
});
