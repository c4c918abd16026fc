import { describe, expect, it } from 'vitest';
import * as abi from '../../assembly/abi/kvm';
import { EAGAIN, EBADF, EINVAL } from '../../assembly/abi/linux';
import { PlainIoctlArgument } from '../../host/boundary/ioctl-argument';
import { KvmVm, type KvmVmOptions } from '../../host/native';
import { kvmMissing } from './available';
import { COMPLETED, GUEST_START, IDLE, loadGuest, READY, TAKEN } from './guest';
import { eventfd, kernel, openFiles, signal, until } from './support';

const KVM_CAP_IRQFD = 32;
const KVM_CAP_IRQFD_RESAMPLE = 82;
const GSI = 10;
/** Vector 0x2a, level triggered, masked: the pin shows, nobody takes it. */
const LEVEL_MASKED = 0x2an | (1n << 15n) | (1n << 16n);

const reason = kvmMissing();
const title = reason ? `an irqfd of real KVM (skipped: ${reason})` : 'an irqfd of real KVM';

function irqfd(vm: KvmVm, fd: number, flags: number, resamplefd = -1, gsi = GSI): number {
  const argument = new PlainIoctlArgument(abi.KVM_IRQFD_SIZE);
  argument.length = abi.KVM_IRQFD_SIZE;
  argument.view.setInt32(abi.KVM_IRQFD_FD, fd, true);
  argument.view.setUint32(abi.KVM_IRQFD_GSI, gsi, true);
  argument.view.setUint32(abi.KVM_IRQFD_FLAGS, flags, true);
  argument.view.setInt32(abi.KVM_IRQFD_RESAMPLEFD, resamplefd, true);
  return kernel().ioctl(vm.fd, abi.KVM_IRQFD, argument);
}

/** The count of an eventfd, which is 0 afterwards. */
function take(fd: number): number {
  const bytes = new Uint8Array(8);
  const result = kernel().read(fd, bytes, 0, 8);
  return result === -EAGAIN ? 0 : Number(new DataView(bytes.buffer).getBigUint64(0, true));
}

function withVm(options: KvmVmOptions, use: (vm: KvmVm) => void | Promise<void>) {
  return async () => {
    const files = openFiles();
    const vm = new KvmVm(options);
    try {
      await use(vm);
    } finally {
      vm.close();
      vm.close();
    }
    expect(openFiles()).toBe(files);
  };
}

describe.skipIf(reason)(title, () => {
  it(
    'raises the pin in the irqchip when its eventfd is written, and holds it for the EOI',
    withVm({}, async (vm) => {
      expect(vm.extension(KVM_CAP_IRQFD)).toBe(1);
      expect(vm.extension(KVM_CAP_IRQFD_RESAMPLE)).toBe(1);
      vm.redirect(GSI, LEVEL_MASKED);
      const trigger = eventfd();
      const resample = eventfd();
      expect(irqfd(vm, trigger, abi.KVM_IRQFD_FLAG_RESAMPLE, resample)).toBe(0);
      expect(vm.level(GSI)).toBe(false);
      signal(trigger);
      await until(() => vm.level(GSI), 'the pin is up');
      expect(vm.level(GSI + 1)).toBe(false);
      expect(take(resample)).toBe(0);
      // KVM has drained it: nobody else sees the signal.
      expect(take(trigger)).toBe(0);
      expect(irqfd(vm, trigger, abi.KVM_IRQFD_FLAG_DEASSIGN)).toBe(0);
      signal(trigger);
      expect(take(trigger)).toBe(1);
      kernel().close(trigger);
      kernel().close(resample);
    }),
  );

  it(
    'is taken and completed by guest code, and its resample eventfd fires',
    withVm({}, async (vm) => {
      loadGuest(vm.memory);
      vm.createVcpu(GUEST_START);
      const trigger = eventfd();
      const resample = eventfd();
      expect(irqfd(vm, trigger, abi.KVM_IRQFD_FLAG_RESAMPLE, resample)).toBe(0);

      /** Runs to the next thing that the guest says. */
      const hear = () => {
        const exit = vm.run();
        expect(exit).toMatchObject({ reason: 'io', port: 0x99, size: 1, write: true });
        return exit.value;
      };
      expect(hear()).toBe(READY);
      expect(hear()).toBe(IDLE);
      // Setting up the PIC counts as an EOI as well.
      take(resample);
      for (let round = 0; round < 100; round++) {
        signal(trigger);
        let said = hear();
        for (let idle = 0; said === IDLE && idle < 10_000; idle++) said = hear();
        expect(said).toBe(TAKEN);
        expect(take(resample)).toBe(0);
        expect(hear()).toBe(COMPLETED);
        await until(() => take(resample) === 1, 'the resample eventfd fires');
        expect(hear()).toBe(IDLE);
        expect(vm.level(GSI)).toBe(false);
      }
      kernel().close(trigger);
      kernel().close(resample);
    }),
  );

  it(
    'is refused by a VM without an irqchip, and for descriptors that are not ours',
    withVm({ irqchip: false }, (vm) => {
      const trigger = eventfd();
      expect(irqfd(vm, trigger, 0)).toBeLessThan(0);
      expect(irqfd(vm, 1, 0)).toBe(-EBADF);
      expect(irqfd(vm, trigger, abi.KVM_IRQFD_FLAG_RESAMPLE, 1)).toBe(-EBADF);
      expect(() => vm.irqchip(2)).toThrow(/KVM_GET_IRQCHIP says/);
      kernel().close(trigger);
    }),
  );

  it(
    'is refused with flags that KVM does not know',
    withVm({}, (vm) => {
      const trigger = eventfd();
      expect(irqfd(vm, trigger, 0x80000000)).toBe(-EINVAL);
      kernel().close(trigger);
    }),
  );

  it(
    'needs a VM that is open',
    withVm({}, (vm) => {
      vm.close();
      expect(() => vm.irqchip(2)).toThrow(/EBADF/);
      expect(() => vm.run()).toThrow(/EBADF/);
      expect(() => vm.createVcpu(0)).toThrow(/EBADF/);
    }),
  );
});
