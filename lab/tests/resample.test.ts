import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { EFD_CLOEXEC, EFD_NONBLOCK } from '../../assembly/abi/linux';
import type { VfioPlatformDevice } from '../../host/index';
import { arm, setUnmaskFd, writeEventfd } from '../../test/sim/fixture';
import { kernelBench } from '../guest/kernel-bench';
import { sources } from '../guest/registers';
import { prepareDevices } from '../guest/rig';
import { openDevice, peek, poke, signals } from '../scenarios/calls';

const TIMES = 100;

before(prepareDevices);

/**
 * The guest has no KVM, so the package does not use resample eventfds in it:
 * here the kernel is asked directly, as an irqchip would do it.
 */
describe('a line that is unmasked by its resample eventfd', () => {
  for (const source of sources) {
    it(`${source.name} interrupts once for each cause`, async () => {
      const bench = kernelBench();
      const { kernel } = bench;
      const { fd, close } = openDevice(bench, source.name);
      const device = {
        read: (_: number, offset: number, width: number) => Number(peek(kernel, fd, offset, width)),
        write: (_: number, offset: number, width: number, value: number) => {
          poke(kernel, fd, offset, width, value);
        },
      } as VfioPlatformDevice;
      source.hush(device);
      const trigger = kernel.eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
      const resample = kernel.eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
      assert.equal(arm(kernel, fd, 0, trigger), 0);
      assert.equal(setUnmaskFd(kernel, fd, 0, resample), 0);
      for (let times = 0; times < TIMES; times++) {
        source.raise(device);
        assert.equal(await signals(bench, trigger), 1);
        source.clear(device);
        writeEventfd(kernel, resample, 1n);
      }
      // Not cleared: it comes again at each resample.
      source.raise(device);
      for (let times = 0; times < TIMES; times++) {
        assert.equal(await signals(bench, trigger), 1);
        writeEventfd(kernel, resample, 1n);
      }
      source.clear(device);
      for (const each of [trigger, resample]) kernel.close(each);
      close();
    });
  }
});
