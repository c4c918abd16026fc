import { describe, expect, it } from 'vitest';
import { EAGAIN, EBADF, EBUSY, EFAULT, EINVAL, EIO, ENOTTY } from '../../assembly/abi/linux';
import {
  VFIO_DEVICE_SET_IRQS,
  VFIO_IRQ_SET_ACTION_MASK,
  VFIO_IRQ_SET_ACTION_TRIGGER,
  VFIO_IRQ_SET_ACTION_UNMASK,
  VFIO_IRQ_SET_DATA_BOOL,
  VFIO_IRQ_SET_DATA_EVENTFD,
  VFIO_IRQ_SET_DATA_NONE,
} from '../../assembly/abi/vfio';
import type { Doorbell, Kernel } from '../../host/boundary/kernel';
import {
  arm,
  bench,
  closeAll,
  disarm,
  getDeviceFd,
  type IrqSetFields,
  irqSet,
  loopBack,
  mask,
  NOTHING_OPEN,
  newEventfd,
  openThroughGroup,
  RecordingDoorbell,
  readEventfd,
  setMaskFd,
  setUnmaskFd,
  unmask,
  writeEventfd,
} from './fixture';

const NONE = VFIO_IRQ_SET_DATA_NONE;
const BOOL = VFIO_IRQ_SET_DATA_BOOL;
const EVENTFD = VFIO_IRQ_SET_DATA_EVENTFD;
const MASK = VFIO_IRQ_SET_ACTION_MASK;
const UNMASK = VFIO_IRQ_SET_ACTION_UNMASK;
const TRIGGER = VFIO_IRQ_SET_ACTION_TRIGGER;
const LEVEL = 0;
const EDGE = 1;

function setup(options: Parameters<typeof bench>[2] = {}) {
  const it = bench({}, {}, options);
  const { kernel, device } = it;
  const fds = openThroughGroup(kernel, device);
  const set = (fields: IrqSetFields) => kernel.ioctl(fds.fd, VFIO_DEVICE_SET_IRQS, irqSet(fields));
  const trigger = newEventfd(kernel);
  /** Signals since the last call. */
  const signals = () => Math.max(0, readEventfd(kernel, trigger));
  return {
    ...it,
    ...fds,
    set,
    trigger,
    signals,
    level: device.line(LEVEL),
    edge: device.line(EDGE),
  };
}

function armed(line: number) {
  const it = setup();
  expect(arm(it.kernel, it.fd, line, it.trigger)).toBe(0);
  return it;
}

describe('SET_IRQS checks', () => {
  const call = (fields: IrqSetFields) => setup().set(fields);

  it('the struct and its argsz', () => {
    expect(call({ flags: NONE | TRIGGER, length: 19 })).toBe(-EFAULT);
    expect(call({ flags: NONE | TRIGGER, argsz: 19 })).toBe(-EINVAL);
    expect(call({ flags: NONE | TRIGGER, argsz: 4096 })).toBe(0);
  });

  it('the index', () => {
    expect(call({ flags: NONE | TRIGGER, index: 2 })).toBe(-EINVAL);
    expect(call({ flags: NONE | TRIGGER, index: 0xffffffff })).toBe(-EINVAL);
  });

  it('that start and count stay within the number of indices, as odd as that is', () => {
    expect(call({ flags: NONE | TRIGGER, start: 2, count: 0 })).toBe(-EINVAL);
    expect(call({ flags: NONE | TRIGGER, start: 1, count: 2 })).toBe(-EINVAL);
    expect(call({ flags: NONE | TRIGGER, start: 1, count: 0 })).toBe(0);
  });

  it('that start and count do not overflow', () => {
    expect(call({ flags: NONE | TRIGGER, start: 1, count: 0xffffffff })).toBe(-EINVAL);
    expect(call({ flags: NONE | TRIGGER, start: 0xffffffff, count: 1 })).toBe(-EINVAL);
  });

  it('that exactly one type of data is given', () => {
    expect(call({ flags: TRIGGER })).toBe(-EINVAL);
    expect(call({ flags: NONE | EVENTFD | TRIGGER, data: [0, 0, 0, 0] })).toBe(-EINVAL);
    expect(call({ flags: NONE | BOOL | TRIGGER, data: [1] })).toBe(-EINVAL);
  });

  it('that there are no unknown flags', () => {
    expect(call({ flags: NONE | TRIGGER | 64 })).toBe(-EINVAL);
    expect(call({ flags: (NONE | TRIGGER | 0x80000000) >>> 0 })).toBe(-EINVAL);
  });

  it('that the payload fits argsz, and that it is there', () => {
    expect(call({ flags: EVENTFD | TRIGGER, data: [0, 0, 0, 0], argsz: 23 })).toBe(-EINVAL);
    expect(call({ flags: EVENTFD | TRIGGER, length: 20, argsz: 24 })).toBe(-EFAULT);
    expect(call({ flags: BOOL | TRIGGER, argsz: 20 })).toBe(-EINVAL);
  });

  it('that exactly one action is given, with ENOTTY', () => {
    expect(call({ flags: NONE })).toBe(-ENOTTY);
    expect(call({ flags: NONE | MASK | TRIGGER })).toBe(-ENOTTY);
    expect(call({ flags: NONE | MASK | UNMASK | TRIGGER })).toBe(-ENOTTY);
  });

  it('the generic rules before the action', () => {
    expect(call({ flags: NONE, start: 2 })).toBe(-EINVAL);
  });

  it('that start is 0 and count is 1, but for the one way to disable', () => {
    expect(call({ flags: NONE | TRIGGER, start: 1, count: 1 })).toBe(-EINVAL);
    expect(call({ flags: NONE | TRIGGER, count: 2 })).toBe(-EINVAL);
    expect(call({ flags: NONE | MASK, count: 0 })).toBe(-EINVAL);
    expect(call({ flags: NONE | UNMASK, count: 0 })).toBe(-EINVAL);
    expect(call({ flags: EVENTFD | TRIGGER, count: 0 })).toBe(-EINVAL);
    expect(call({ flags: BOOL | TRIGGER, count: 0 })).toBe(-EINVAL);
    expect(call({ flags: NONE | TRIGGER, count: 0 })).toBe(0);
  });

  it('that the descriptor is an eventfd', () => {
    const { kernel, fd, group } = setup();
    for (const call of [arm, setMaskFd, setUnmaskFd]) {
      expect(call(kernel, fd, LEVEL, 99)).toBe(-EBADF);
      expect(call(kernel, fd, LEVEL, group)).toBe(-EINVAL);
    }
  });
});

describe('an edge line', () => {
  it('signals each edge', () => {
    const { device, signals } = armed(EDGE);
    device.pulse(EDGE);
    device.pulse(EDGE);
    expect(signals()).toBe(2);
  });

  it('does not signal while it stays high', () => {
    const { device, signals } = armed(EDGE);
    device.setLine(EDGE, true);
    device.setLine(EDGE, true);
    expect(signals()).toBe(1);
  });

  it('cannot be masked or unmasked in any way', () => {
    const { kernel, fd, set, trigger } = armed(EDGE);
    expect(mask(kernel, fd, EDGE)).toBe(-EINVAL);
    expect(unmask(kernel, fd, EDGE)).toBe(-EINVAL);
    expect(set({ flags: BOOL | MASK, index: EDGE, data: [0] })).toBe(-EINVAL);
    expect(setMaskFd(kernel, fd, EDGE, trigger)).toBe(-EINVAL);
    expect(setUnmaskFd(kernel, fd, EDGE, trigger)).toBe(-EINVAL);
    expect(setUnmaskFd(kernel, fd, EDGE, -1)).toBe(-EINVAL);
  });

  it('signals at each loop-back', () => {
    const { kernel, fd, signals } = armed(EDGE);
    expect([loopBack(kernel, fd, EDGE), loopBack(kernel, fd, EDGE)]).toEqual([0, 0]);
    expect(signals()).toBe(2);
  });

  it('remembers one edge while it has no trigger and signals it when it gets one', () => {
    const { kernel, fd, device, trigger, signals } = setup();
    device.pulse(EDGE);
    device.pulse(EDGE);
    arm(kernel, fd, EDGE, trigger);
    expect(signals()).toBe(1);
    disarm(kernel, fd, EDGE);
    arm(kernel, fd, EDGE, trigger);
    expect(signals()).toBe(0);
  });

  it('loses those edges where the interrupt controller cannot latch', () => {
    const { kernel, fd, device, trigger, signals } = setup({ disabledEdges: 'lost' });
    device.pulse(EDGE);
    arm(kernel, fd, EDGE, trigger);
    expect(signals()).toBe(0);
  });

  it('forgets edges of the time before it was opened', () => {
    const { kernel, device } = bench();
    device.pulse(EDGE);
    const { fd } = openThroughGroup(kernel, device);
    const trigger = newEventfd(kernel);
    arm(kernel, fd, EDGE, trigger);
    expect(device.line(EDGE).pending).toBe(0);
  });
});

describe('a level line', () => {
  it('signals once when it goes high and is masked then', () => {
    const { device, signals, level } = armed(LEVEL);
    device.setLine(LEVEL, true);
    expect([signals(), level.masked]).toEqual([1, true]);
    device.setLine(LEVEL, false);
    device.setLine(LEVEL, true);
    expect(signals()).toBe(0);
  });

  it('signals again at once when it is unmasked while high, and is masked again', () => {
    const { kernel, fd, device, signals, level } = armed(LEVEL);
    device.setLine(LEVEL, true);
    signals();
    expect(unmask(kernel, fd, LEVEL)).toBe(0);
    expect([signals(), level.masked]).toEqual([1, true]);
  });

  it('stays quiet when it is unmasked while low', () => {
    const { kernel, fd, device, signals, level } = armed(LEVEL);
    device.pulse(LEVEL);
    signals();
    unmask(kernel, fd, LEVEL);
    expect([signals(), level.masked]).toEqual([0, false]);
    device.setLine(LEVEL, true);
    expect(signals()).toBe(1);
  });

  it('does nothing when it is unmasked without being masked', () => {
    const { kernel, fd, signals } = armed(LEVEL);
    expect(unmask(kernel, fd, LEVEL)).toBe(0);
    expect(signals()).toBe(0);
  });

  it('holds a signal back while masked on request, and delivers it on unmask', () => {
    const { kernel, fd, device, signals, level } = armed(LEVEL);
    expect(mask(kernel, fd, LEVEL)).toBe(0);
    expect(mask(kernel, fd, LEVEL)).toBe(0);
    device.setLine(LEVEL, true);
    expect([signals(), level.masked]).toEqual([0, true]);
    unmask(kernel, fd, LEVEL);
    expect(signals()).toBe(1);
  });

  it('masks and unmasks on BOOL only when it is not 0', () => {
    const { set, level } = armed(LEVEL);
    set({ flags: BOOL | MASK, data: [0] });
    expect(level.masked).toBe(false);
    set({ flags: BOOL | MASK, data: [2] });
    expect(level.masked).toBe(true);
    set({ flags: BOOL | UNMASK, data: [0] });
    expect(level.masked).toBe(true);
    set({ flags: BOOL | UNMASK, data: [1] });
    expect(level.masked).toBe(false);
  });

  it('signals at once when it gets a trigger while high', () => {
    const { kernel, fd, device, trigger, signals, level } = setup();
    device.setLine(LEVEL, true);
    expect(level.masked).toBe(false);
    arm(kernel, fd, LEVEL, trigger);
    expect([signals(), level.masked]).toEqual([1, true]);
  });

  it('keeps its mask over a change of trigger', () => {
    const { kernel, fd, device, trigger, level } = armed(LEVEL);
    device.setLine(LEVEL, true);
    const other = newEventfd(kernel);
    arm(kernel, fd, LEVEL, other);
    expect([level.masked, level.pending]).toEqual([true, 0]);
    disarm(kernel, fd, LEVEL);
    arm(kernel, fd, LEVEL, trigger);
    expect(level.masked).toBe(true);
    unmask(kernel, fd, LEVEL);
    expect(level.pending).toBe(2);
  });

  it('does not fire when unmasked without a trigger, but when the trigger comes', () => {
    const { kernel, fd, device, signals, trigger } = armed(LEVEL);
    device.setLine(LEVEL, true);
    disarm(kernel, fd, LEVEL);
    signals();
    unmask(kernel, fd, LEVEL);
    expect(signals()).toBe(0);
    arm(kernel, fd, LEVEL, trigger);
    expect(signals()).toBe(1);
  });

  it('runs its real handler at a loop-back: signal and mask, or nothing while masked', () => {
    const { kernel, fd, signals, level, set } = armed(LEVEL);
    expect(set({ flags: BOOL | TRIGGER, data: [0] })).toBe(0);
    expect(signals()).toBe(0);
    expect(set({ flags: BOOL | TRIGGER, data: [1] })).toBe(0);
    expect([signals(), level.masked]).toEqual([1, true]);
    expect(loopBack(kernel, fd, LEVEL)).toBe(0);
    expect(signals()).toBe(0);
  });

  it('is masked by a loop-back without a trigger, too', () => {
    const { kernel, fd, level } = setup();
    loopBack(kernel, fd, LEVEL);
    expect(level.masked).toBe(true);
  });

  it('is unmasked and disarmed after the last close', () => {
    const { kernel, device, fd, group, level } = armed(LEVEL);
    device.setLine(LEVEL, true);
    const second = getDeviceFd(kernel, group);
    kernel.close(fd);
    expect([level.armed, level.masked]).toEqual([true, true]);
    kernel.close(second);
    expect([level.armed, level.masked]).toEqual([false, false]);
  });
});

describe('a trigger', () => {
  it('replaces the one before', () => {
    const { kernel, fd, device, signals } = armed(EDGE);
    const other = newEventfd(kernel);
    arm(kernel, fd, EDGE, other);
    device.pulse(EDGE);
    expect(signals()).toBe(0);
    expect(readEventfd(kernel, other)).toBe(1);
  });

  it('is taken away by -1 and by count 0', () => {
    const armNone = (kernel: Kernel, fd: number, line: number) => arm(kernel, fd, line, -1);
    for (const remove of [disarm, armNone]) {
      const { kernel, fd, device, signals, edge } = armed(EDGE);
      expect(remove(kernel, fd, EDGE)).toBe(0);
      device.pulse(EDGE);
      expect([signals(), edge.armed]).toEqual([0, false]);
    }
  });

  it('is gone when the new one is no eventfd', () => {
    const { kernel, fd, edge } = armed(EDGE);
    expect(arm(kernel, fd, EDGE, 99)).toBe(-EBADF);
    expect(edge.armed).toBe(false);
  });

  it('may be closed while it is set', () => {
    const { kernel, device, trigger, edge } = armed(EDGE);
    kernel.close(trigger);
    device.pulse(EDGE);
    expect(edge.signals).toBe(1);
  });

  it('reaches a watch at once', () => {
    const { kernel, device, trigger } = armed(LEVEL);
    const doorbell = new RecordingDoorbell();
    kernel.watch(trigger, doorbell, 9);
    device.setLine(LEVEL, true);
    expect(doorbell.take()).toEqual([[9, 1]]);
  });

  it('may be unmasked from inside its delivery, which signals again after it', () => {
    const { kernel, fd, device, trigger, level } = armed(LEVEL);
    const log: string[] = [];
    const doorbell: Doorbell = {
      ring: () => {
        log.push('in');
        if (log.length < 3) unmask(kernel, fd, LEVEL);
        log.push('out');
      },
    };
    kernel.watch(trigger, doorbell, 0);
    device.setLine(LEVEL, true);
    expect(log).toEqual(['in', 'out', 'in', 'out']);
    expect([level.signals, level.masked]).toEqual([2, true]);
  });

  it('that is its own unmask eventfd ends in a masked line, not in a storm without end', () => {
    const { kernel, fd, device, trigger, level } = armed(LEVEL);
    expect(setUnmaskFd(kernel, fd, LEVEL, trigger)).toBe(0);
    device.setLine(LEVEL, true);
    expect([level.signals, level.masked]).toEqual([64, true]);
    unmask(kernel, fd, LEVEL);
    expect(level.signals).toBe(128);
  });

  it('can be signalled from inside a register access', () => {
    const { kernel, fd, model, signals } = armed(LEVEL);
    model.onWrite = (_, value) => model.environment?.setLine(LEVEL, value === 1);
    kernel.pwrite(fd, Uint8Array.of(1, 0, 0, 0), 0, 4, 0, 0);
    expect(signals()).toBe(1);
  });
});

describe('an unmask eventfd', () => {
  function resampled() {
    const it = armed(LEVEL);
    const resample = newEventfd(it.kernel);
    expect(setUnmaskFd(it.kernel, it.fd, LEVEL, resample)).toBe(0);
    return { ...it, resample };
  }

  it('unmasks and is consumed by the kernel', () => {
    const { kernel, device, resample, signals, level } = resampled();
    device.pulse(LEVEL);
    signals();
    expect(writeEventfd(kernel, resample, 1n)).toBe(8);
    expect(level.masked).toBe(false);
    expect(readEventfd(kernel, resample)).toBeLessThan(0);
  });

  it('lets a line that is still high signal again', () => {
    const { kernel, device, resample, signals } = resampled();
    device.setLine(LEVEL, true);
    signals();
    writeEventfd(kernel, resample, 1n);
    expect(signals()).toBe(1);
  });

  it('fires at once when it was signalled before', () => {
    const { kernel, fd, device, level } = armed(LEVEL);
    device.pulse(LEVEL);
    expect(setUnmaskFd(kernel, fd, LEVEL, newEventfd(kernel, 1))).toBe(0);
    expect(level.masked).toBe(false);
  });

  it('refuses a second one until it is taken away', () => {
    const { kernel, fd, resample, level } = resampled();
    const other = newEventfd(kernel);
    expect(setUnmaskFd(kernel, fd, LEVEL, other)).toBe(-EBUSY);
    expect(setUnmaskFd(kernel, fd, LEVEL, resample)).toBe(-EBUSY);
    expect(setUnmaskFd(kernel, fd, LEVEL, -1)).toBe(0);
    expect(level.resampled).toBe(false);
    expect(setUnmaskFd(kernel, fd, LEVEL, other)).toBe(0);
  });

  it('keeps a signal that came before, until it is taken away', () => {
    const { kernel, fd } = armed(LEVEL);
    const [kept, taken] = [newEventfd(kernel, 1), newEventfd(kernel, 1)];
    setUnmaskFd(kernel, fd, LEVEL, kept);
    expect(readEventfd(kernel, kept)).toBe(1);
    setUnmaskFd(kernel, fd, LEVEL, -1);
    setUnmaskFd(kernel, fd, LEVEL, taken);
    setUnmaskFd(kernel, fd, LEVEL, -1);
    expect(readEventfd(kernel, taken)).toBe(-EAGAIN);
  });

  it('does nothing after it was taken away', () => {
    const { kernel, fd, device, resample, level } = resampled();
    device.pulse(LEVEL);
    setUnmaskFd(kernel, fd, LEVEL, -1);
    writeEventfd(kernel, resample, 1n);
    expect(level.masked).toBe(true);
    expect(readEventfd(kernel, resample)).toBe(1);
  });

  it('is released when it is closed', () => {
    const { kernel, fd, resample, level } = resampled();
    kernel.close(resample);
    expect(level.resampled).toBe(false);
    expect(setUnmaskFd(kernel, fd, LEVEL, newEventfd(kernel))).toBe(0);
  });

  it('goes with the last close of the device', () => {
    const { kernel, fd, group, container, trigger, resample, level } = resampled();
    closeAll(kernel, fd, group, container);
    expect(level.resampled).toBe(false);
    writeEventfd(kernel, resample, 1n);
    expect(readEventfd(kernel, resample)).toBe(1);
    closeAll(kernel, trigger, resample);
    expect(kernel.resources()).toEqual(NOTHING_OPEN);
  });

  it('has a twin that masks', () => {
    const { kernel, fd, level } = armed(LEVEL);
    const masks = newEventfd(kernel);
    expect(setMaskFd(kernel, fd, LEVEL, masks)).toBe(0);
    expect(setMaskFd(kernel, fd, LEVEL, newEventfd(kernel))).toBe(-EBUSY);
    writeEventfd(kernel, masks, 1n);
    expect(level.masked).toBe(true);
    expect(setMaskFd(kernel, fd, LEVEL, -1)).toBe(0);
    setMaskFd(kernel, fd, LEVEL, masks);
    kernel.close(masks);
    expect(setMaskFd(kernel, fd, LEVEL, newEventfd(kernel))).toBe(0);
  });
});

describe('a line whose interrupt cannot be requested', () => {
  function refused() {
    const it = bench();
    it.device.faults.failRequestIrq(EDGE, EIO);
    const { fd, group } = openThroughGroup(it.kernel, it.device);
    return { ...it, fd, group };
  }

  it('answers the deferred error to every SET_IRQS on it', () => {
    const { kernel, fd } = refused();
    expect(arm(kernel, fd, EDGE, newEventfd(kernel))).toBe(-EIO);
    expect(disarm(kernel, fd, EDGE)).toBe(-EIO);
    expect(mask(kernel, fd, EDGE)).toBe(-EIO);
    expect(loopBack(kernel, fd, EDGE)).toBe(-EIO);
  });

  it('has the generic checks before that error, and leaves other lines alone', () => {
    const { kernel, fd } = refused();
    const set = (fields: IrqSetFields) => kernel.ioctl(fd, VFIO_DEVICE_SET_IRQS, irqSet(fields));
    expect(set({ flags: TRIGGER, index: EDGE })).toBe(-EINVAL);
    expect(set({ flags: NONE, index: EDGE })).toBe(-ENOTTY);
    expect(arm(kernel, fd, LEVEL, newEventfd(kernel))).toBe(0);
  });

  it('can be requested at the next open', () => {
    const { kernel, device, fd, group } = refused();
    device.faults.failRequestIrq(EDGE, 0);
    expect(disarm(kernel, fd, EDGE)).toBe(-EIO);
    kernel.close(fd);
    const again = getDeviceFd(kernel, group);
    expect(disarm(kernel, again, EDGE)).toBe(0);
  });
});

describe('an interrupt listener', () => {
  it('hears what the kernel does', () => {
    const { kernel, fd, device, trigger } = setup();
    const heard: string[] = [];
    const stop = device.onIrq((line, event) => heard.push(`${line} ${event}`));
    device.pulse(EDGE);
    device.pulse(LEVEL);
    arm(kernel, fd, LEVEL, trigger);
    device.pulse(LEVEL);
    device.pulse(LEVEL);
    loopBack(kernel, fd, EDGE);
    stop();
    arm(kernel, fd, EDGE, trigger);
    expect(heard).toEqual(['1 latched', '0 blocked', '0 signal', '0 blocked', '1 unhandled']);
  });
});
