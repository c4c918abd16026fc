import { describe, expect, it } from 'vitest';
import {
  KVM_IRQFD,
  KVM_IRQFD_FD,
  KVM_IRQFD_FLAG_DEASSIGN,
  KVM_IRQFD_FLAG_RESAMPLE,
  KVM_IRQFD_FLAGS,
  KVM_IRQFD_GSI,
  KVM_IRQFD_RESAMPLEFD,
  KVM_IRQFD_SIZE,
} from '../../assembly/abi/kvm';
import { EAGAIN, EBADF, EBUSY, EFAULT, EINVAL, EMFILE, ENOTTY } from '../../assembly/abi/linux';
import {
  arm,
  bench,
  closeAll,
  integer,
  NOTHING_OPEN,
  newEventfd,
  openThroughGroup,
  RecordingDoorbell,
  readEventfd,
  setUnmaskFd,
  struct,
  writeEventfd,
} from './fixture';

const LEVEL = 0;
const EDGE = 1;
const GSI = 40;
const RESAMPLE = KVM_IRQFD_FLAG_RESAMPLE;
const DEASSIGN = KVM_IRQFD_FLAG_DEASSIGN;

function setup(irqchip = true) {
  const it = bench();
  const vm = it.host.createVm({ irqchip });
  const heard: string[] = [];
  vm.onLevel((gsi, level) => heard.push(`${level ? '+' : '-'}${gsi}`));
  const irqfd = (fd: number, flags = 0, resamplefd = 0, gsi = GSI) =>
    it.kernel.ioctl(
      vm.fd,
      KVM_IRQFD,
      struct(KVM_IRQFD_SIZE, [
        [KVM_IRQFD_FD, fd],
        [KVM_IRQFD_GSI, gsi],
        [KVM_IRQFD_FLAGS, flags],
        [KVM_IRQFD_RESAMPLEFD, resamplefd],
      ]),
    );
  return { ...it, vm, irqfd, heard };
}

describe('a KVM irqfd', () => {
  it('pulses its input for each signal and drains the eventfd', () => {
    const { kernel, vm, irqfd, heard } = setup();
    const fd = newEventfd(kernel);
    expect(irqfd(fd)).toBe(0);
    writeEventfd(kernel, fd, 1n);
    expect(heard).toEqual(['+40', '-40']);
    expect([vm.injections(GSI), vm.level(GSI)]).toEqual([1, false]);
    expect(readEventfd(kernel, fd)).toBe(-EAGAIN);
  });

  it('holds a resampled input up until the EOI and tells the resample eventfd', () => {
    const { kernel, vm, irqfd, heard } = setup();
    const [fd, resamplefd] = [newEventfd(kernel), newEventfd(kernel)];
    expect(irqfd(fd, RESAMPLE, resamplefd)).toBe(0);
    writeEventfd(kernel, fd, 1n);
    expect(vm.level(GSI)).toBe(true);
    expect(readEventfd(kernel, resamplefd)).toBe(-EAGAIN);
    vm.eoi(GSI);
    expect(vm.level(GSI)).toBe(false);
    expect(readEventfd(kernel, resamplefd)).toBe(1);
    expect(heard).toEqual(['+40', '-40']);
  });

  it('injects what was signalled before it was assigned', () => {
    const { kernel, vm, irqfd } = setup();
    irqfd(newEventfd(kernel, 3));
    expect(vm.injections(GSI)).toBe(1);
  });

  it('goes before the watches of the host', () => {
    const { kernel, irqfd } = setup();
    const doorbell = new RecordingDoorbell();
    const fd = newEventfd(kernel);
    kernel.watch(fd, doorbell, 0);
    irqfd(fd);
    writeEventfd(kernel, fd, 1n);
    expect(doorbell.take()).toEqual([]);
  });

  it('refuses an eventfd that has one already', () => {
    const { kernel, vm, irqfd } = setup();
    const fd = newEventfd(kernel);
    irqfd(fd);
    expect(irqfd(fd, 0, 0, GSI + 1)).toBe(-EBUSY);
    expect(vm.irqfds).toBe(1);
  });

  it('ends by DEASSIGN with the same eventfd and input, and nothing else does harm', () => {
    const { kernel, vm, irqfd } = setup();
    const fd = newEventfd(kernel);
    irqfd(fd);
    expect(irqfd(fd, DEASSIGN, 0, GSI + 1)).toBe(0);
    expect(irqfd(newEventfd(kernel), DEASSIGN)).toBe(0);
    expect(vm.irqfds).toBe(1);
    expect(irqfd(fd, DEASSIGN)).toBe(0);
    writeEventfd(kernel, fd, 1n);
    expect([vm.irqfds, vm.injections(GSI)]).toEqual([0, 0]);
    expect(irqfd(fd)).toBe(0);
  });

  it('takes its input down when it is deassigned', () => {
    const { kernel, vm, irqfd } = setup();
    const fd = newEventfd(kernel, 1);
    irqfd(fd, RESAMPLE, newEventfd(kernel));
    expect(vm.level(GSI)).toBe(true);
    irqfd(fd, DEASSIGN);
    expect(vm.level(GSI)).toBe(false);
  });

  it('ends when its eventfd is closed', () => {
    const { kernel, vm, irqfd } = setup();
    const fd = newEventfd(kernel);
    irqfd(fd);
    kernel.close(fd);
    expect(vm.irqfds).toBe(0);
  });

  it('ends when the VM is closed, which counts as nothing of the device', () => {
    const { kernel, vm, irqfd } = setup();
    const fd = newEventfd(kernel);
    irqfd(fd);
    vm.close();
    vm.close();
    writeEventfd(kernel, fd, 1n);
    expect(readEventfd(kernel, fd)).toBe(1);
    kernel.close(fd);
    expect(kernel.resources()).toEqual(NOTHING_OPEN);
  });

  it('does not count the VM among the open descriptors', () => {
    expect(setup().kernel.resources()).toEqual(NOTHING_OPEN);
  });

  it('checks its struct, flags and descriptors', () => {
    const { kernel, vm, irqfd } = setup();
    const fd = newEventfd(kernel);
    expect(kernel.ioctl(vm.fd, KVM_IRQFD, struct(16))).toBe(-EFAULT);
    expect(irqfd(fd, 4)).toBe(-EINVAL);
    expect(irqfd(99)).toBe(-EBADF);
    expect(irqfd(vm.fd)).toBe(-EINVAL);
    expect(irqfd(fd, RESAMPLE, 99)).toBe(-EBADF);
    expect(irqfd(fd, RESAMPLE, vm.fd)).toBe(-EINVAL);
    expect(irqfd(99, DEASSIGN)).toBe(-EBADF);
    expect(kernel.ioctl(vm.fd, 0xae60, integer(0))).toBe(-ENOTTY);
  });

  it('answers EAGAIN without an irqchip', () => {
    const { kernel, irqfd } = setup(false);
    expect(irqfd(newEventfd(kernel))).toBe(-EAGAIN);
  });

  it('claims IRQFD and IRQFD_RESAMPLE', () => {
    const { kernel, vm } = setup();
    const claims = [32, 82, 1].map((cap) => kernel.ioctl(vm.fd, 0xae03, integer(cap)));
    expect(claims).toEqual([1, 1, 0]);
  });

  it('needs a descriptor for its VM', () => {
    const { host, kernel } = bench({}, {}, { openFileLimit: 1 });
    newEventfd(kernel);
    expect(newEventfd(kernel)).toBe(-EMFILE);
    expect(() => host.createVm()).toThrow(/open files/);
  });
});

describe('a device with irqfds', () => {
  it('goes round without the process: line, injection, EOI, unmask, and again while it is high', () => {
    const { kernel, device, vm, irqfd } = setup();
    const { fd, group, container } = openThroughGroup(kernel, device);
    const [trigger, resample] = [newEventfd(kernel), newEventfd(kernel)];
    irqfd(trigger, RESAMPLE, resample);
    setUnmaskFd(kernel, fd, LEVEL, resample);
    arm(kernel, fd, LEVEL, trigger);
    device.setLine(LEVEL, true);
    expect([vm.level(GSI), device.line(LEVEL).masked]).toEqual([true, true]);
    vm.eoi(GSI);
    expect([vm.level(GSI), vm.injections(GSI)]).toEqual([true, 2]);
    device.setLine(LEVEL, false);
    vm.eoi(GSI);
    expect([vm.level(GSI), device.line(LEVEL).masked]).toEqual([false, false]);
    closeAll(kernel, fd, group, container, trigger, resample);
    expect(vm.irqfds).toBe(0);
    expect(kernel.resources()).toEqual(NOTHING_OPEN);
  });

  it('pulses for edges', () => {
    const { kernel, device, vm, irqfd } = setup();
    const { fd } = openThroughGroup(kernel, device);
    const trigger = newEventfd(kernel);
    irqfd(trigger);
    arm(kernel, fd, EDGE, trigger);
    device.pulse(EDGE);
    device.pulse(EDGE);
    expect(vm.injections(GSI)).toBe(2);
  });
});
