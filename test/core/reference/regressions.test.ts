import { describe, expect, it } from 'vitest';
import { EIO } from '../../../assembly/abi/linux';
import { VFIO_DEVICE_SET_IRQS } from '../../../assembly/abi/vfio';
import { MemoryDevice } from '../../../host/sim/models/memory';
import { openBoard } from '../../support/board';

/**
 * Where the random lives once found the core to break the specification, each
 * as short as it gets.
 */

const UNMASK = 0x11;

const levelBoard = () =>
  openBoard(new MemoryDevice({ lines: ['level'], resettable: false }), {
    eoi: { default: 'irqchip' },
  });

describe('I8: a level line is masked in the host for a reason, and only then', () => {
  it('a mask request outlives disconnecting the line', async () => {
    const { device, placed, lines } = await levelBoard();
    device.maskLine(0);
    device.disconnectLine(0);
    device.connectLine(0, lines.target(0));
    // Whichever is meant, core and host must agree, or the next EOI leaves the line masked.
    expect(placed.line(0).masked).toBe(device.lines[0]?.maskRequested);
  });

  it('a retry leaves the mask alone that a signal has brought in the meantime', async () => {
    const { device, placed, host } = await levelBoard();
    const fault = placed.faults.inject({
      call: 'ioctl',
      request: VFIO_DEVICE_SET_IRQS,
      flags: UNMASK,
      errno: EIO,
    });
    // The line was not masked, so it can signal although unmasking it failed.
    device.reset();
    expect(fault.hits).toBe(1);
    expect(device.lines[0]?.retrying).toBe(true);
    host.kernel.holdSignals();
    placed.pulse(0);
    expect(placed.line(0)).toMatchObject({ masked: true, pending: 1 });
    device.safePoint();
    expect(placed.line(0).masked).toBe(true);
    // The retry has asked the eventfd; what it held waits in the doorbell now.
    expect(device.signalsWaiting).toBe(true);
  });
});

describe('a line that is out of service', () => {
  it('I7: is not injected from the FIFO under policy qemu', async () => {
    const model = new MemoryDevice({
      regions: [{ size: 4096, mappable: false }],
      lines: ['edge', 'edge'],
    });
    const { device, placed, lines } = await openBoard(model, { policy: 'qemu' });
    for (const line of [0, 1]) {
      placed.pulse(line);
      device.safePoint();
    }
    expect(device.lines.map(({ state }) => state)).toEqual(['active', 'pending']);
    device.disconnectLine(1);
    device.read(0, 0, 4);
    expect(device.lines[1]).toMatchObject({ armed: 'no', state: 'inactive', up: false });
    device.connectLine(1, lines.target(1));
    placed.pulse(1);
    device.safePoint();
    expect(lines.levels.get(1)).toBe(true);
  });
});

describe('register rules', () => {
  const rule = { region: 0, access: 'write' } as const;

  it('one access completes several lines', async () => {
    const model = new MemoryDevice({ lines: ['edge', 'edge'] });
    const rules = [0, 1].map((line) => ({ ...rule, offset: 0x10, mask: 1 << line, line }));
    const { device, placed, lines } = await openBoard(model, { eoi: { rules } });
    for (const line of [0, 1]) {
      placed.pulse(line);
      device.safePoint();
    }
    device.write(0, 0x10, 4, 3);
    expect(device.lines.map(({ state }) => state)).toEqual(['inactive', 'inactive']);
    expect([...lines.levels.values()]).toEqual([false, false]);
  });

  it('one access completes a line at most once', async () => {
    const model = new MemoryDevice({ lines: ['edge', 'edge'] });
    const rules = [0x10, 0x14, 0x18].map((offset, at) => ({ ...rule, offset, line: at >> 1 }));
    const { device, placed, lines } = await openBoard(model, { eoi: { rules } });
    for (const line of [0, 1]) {
      placed.pulse(line);
      device.safePoint();
    }
    // Two effects in one call, so that some have passed through the ring.
    device.reset();
    placed.pulse(0);
    device.safePoint();
    placed.pulse(0);
    device.safePoint();
    lines.take();
    device.write64(0, 0x10, 0n);
    expect(lines.take()).toEqual(['-0', '+0']);
    expect(device.lines[0]).toMatchObject({ state: 'active', up: true });
  });

  it('bits beyond the register do not decide', async () => {
    const model = new MemoryDevice({ lines: ['edge'] });
    const { device, placed, lines } = await openBoard(model);
    try {
      device.addEoiRule({ region: 0, offset: 0, width: 1, access: 'write', mask: 0x100, line: 0 });
    } catch {
      return; // Refusing the rule is as good.
    }
    placed.pulse(0);
    device.safePoint();
    device.write(0, 0, 2, 0x100);
    expect(lines.levels.get(0)).toBe(true);
  });
});
