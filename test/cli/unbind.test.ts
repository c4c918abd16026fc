import { describe, expect, it } from 'vitest';
import { EIO } from '../../assembly/abi/linux';
import { holder } from '../../host/cli/simulated/sample-board';
import { Desk } from './fixture';

const GPIO = '9030000.pl061';
const RTC = '9010000.pl031';

describe('unbind', () => {
  it('restores exactly what was before bind', async () => {
    const desk = new Desk();
    const before = desk.state();
    await desk.run('bind', GPIO);
    const { code, out } = await desk.run('unbind', GPIO);
    expect({ code, out }).toEqual({
      code: 0,
      out: `${GPIO} is bound to pl061_gpio (as before).\n`,
    });
    expect(desk.state()).toEqual(before);
  });

  it('restores that a device had no driver, and its own override', async () => {
    const desk = new Desk();
    desk.system.writer.set(`/sys/devices/platform/${GPIO}/driver_override`, 'mine');
    await desk.system.writer.write('/sys/bus/amba/drivers/pl061_gpio/unbind', GPIO);
    const before = desk.state();
    expect(before.bindings[GPIO]).toBe('- (mine)');
    await desk.run('bind', GPIO);
    expect(await desk.run('unbind', GPIO)).toMatchObject({
      code: 0,
      out: `${GPIO} has no driver (as before).\n`,
    });
    expect(desk.state()).toEqual(before);
  });

  it('lets the kernel choose where nothing is remembered', async () => {
    const desk = new Desk();
    const { code, out } = await desk.run('unbind', RTC);
    expect({ code, out }).toEqual({
      code: 0,
      out: `${RTC} is bound to rtc-pl031 (nothing was remembered).\n`,
    });
    expect(desk.bindings()[RTC]).toBe('rtc-pl031 (-)');
  });

  it('refuses a device that VFIO has not got', async () => {
    const desk = new Desk();
    const { code, error } = await desk.run('unbind', GPIO);
    expect(code).toBe(6);
    expect(error).toContain('belongs to pl061_gpio, not to vfio-amba');
    expect(desk.system.writer.log).toEqual([]);
  });

  it('says that it needs root', async () => {
    const desk = new Desk({ root: false });
    expect((await desk.run('unbind', RTC)).code).toBe(4);
    expect(desk.system.writer.log).toEqual([]);
  });
});

describe('unbind of an open device', () => {
  it('names who has it, gives up in time, and has changed nothing', async () => {
    const desk = new Desk();
    const before = desk.state();
    const { terminal } = desk;
    const { code, error } = await desk.run('unbind', holder.device, '--timeout', '3');
    expect(code).toBe(5);
    expect(error).toContain('waiting for process 4242 (qemu-system-aar)');
    expect(error).toContain('gave up');
    expect(terminal.nowMs()).toBe(3000);
    expect(desk.state()).toEqual(before);
    expect(desk.system.writer.log).toEqual([]);
  });

  it('goes on as soon as the device is closed', async () => {
    const desk = new Desk();
    desk.terminal.onSleep = (nowMs) => {
      if (nowMs >= 1000) desk.system.host.sysfs.remove('/proc/4242');
    };
    const { terminal } = desk;
    expect((await desk.run('unbind', holder.device)).code).toBe(0);
    expect(terminal.nowMs()).toBe(1000);
    expect(desk.bindings()[holder.device]).toBe('pl061_gpio (-)');
  });

  it('ends at Ctrl-C while it waits', async () => {
    const desk = new Desk();
    const { terminal } = desk;
    terminal.onSleep = () => terminal.interrupt();
    expect((await desk.run('unbind', holder.device)).code).toBe(130);
    expect(desk.system.writer.log).toEqual([]);
  });

  it('says what the kernel does when an unseen user keeps it from finishing', async () => {
    const desk = new Desk({
      beforeWrite: (path) => (path.endsWith('/unbind') ? 'pending' : undefined),
    });
    const { code, error } = await desk.run('unbind', RTC);
    expect(code).toBe(7);
    expect(error.replaceAll(/\s+/g, ' ')).toContain('the kernel unbinds it when it is closed');
  });

  it('can be run again when the kernel has finished, also where nothing was remembered', async () => {
    let held = true;
    const desk = new Desk({
      beforeWrite: (path) => (held && path.endsWith('/unbind') ? 'pending' : undefined),
    });
    expect((await desk.run('unbind', RTC)).code).toBe(7);
    held = false;
    await desk.system.writer.write('/sys/bus/amba/drivers/vfio-amba/unbind', RTC);
    expect(desk.bindings()[RTC]).toBe('- (-)');
    expect(await desk.run('unbind', RTC)).toMatchObject({
      code: 0,
      out: `${RTC} is bound to rtc-pl031 (nothing was remembered).\n`,
    });
    expect(desk.state().records).toEqual([]);
    expect((await desk.run('unbind', RTC)).code).toBe(6);
  });

  it('leaves the waiting to the kernel when forced', async () => {
    const desk = new Desk({
      beforeWrite: (path) => (path.endsWith('/unbind') ? 'pending' : undefined),
    });
    const { code, error } = await desk.run('unbind', holder.device, '--force');
    expect(code).toBe(7);
    expect(error).toContain('process 4242');
    expect(error).not.toContain('waiting for');
  });
});

describe('an unbind that does not come to its end', () => {
  it.each([0, 1, 2])(
    'because Ctrl-C comes during write %i leaves the device bound',
    async (index) => {
      let armed = false;
      let writes = 0;
      const desk: Desk = new Desk({
        beforeWrite: () => {
          if (armed && writes++ === index) desk.terminal.interrupt();
          return undefined;
        },
      });
      await desk.run('bind', GPIO);
      const before = desk.state();
      armed = true;
      const { code } = await desk.run('unbind', GPIO);
      // After the last write there is nothing left to undo.
      expect(code).toBe(index < 2 ? 130 : 0);
      if (index < 2) expect(desk.state()).toEqual(before);
      else expect(desk.bindings()[GPIO]).toBe('pl061_gpio (-)');
    },
  );

  it('because Ctrl-C comes leaves nothing remembered of a device that was bound by hand', async () => {
    let writes = 0;
    const desk: Desk = new Desk({
      beforeWrite: () => {
        if (writes++ === 1) desk.terminal.interrupt();
        return undefined;
      },
    });
    const before = desk.state();
    expect((await desk.run('unbind', RTC)).code).toBe(130);
    expect(desk.state()).toEqual(before);
  });

  it('of a bind that was killed before its driver let go frees the device', async () => {
    const desk = new Desk();
    const before = desk.state();
    desk.system.records.save(
      `amba-${GPIO}`,
      '{"version":1,"driver":"pl061_gpio","override":null}\n',
    );
    const override = `/sys/devices/platform/${GPIO}/driver_override`;
    desk.system.writer.set(override, 'vfio-amba');
    expect(await desk.run('unbind', GPIO)).toMatchObject({
      code: 0,
      out: `${GPIO} is bound to pl061_gpio (as before).\n`,
    });
    expect(desk.state()).toEqual(before);
    // The driver never had to let go.
    expect(desk.system.writer.log).toEqual([`${override}=vfio-amba`, `${override}=`]);
  });

  it('because the old driver does not take it keeps what it knows, for another try', async () => {
    let broken = true;
    const desk = new Desk({ refuse: (driver) => (broken && driver === 'pl061_gpio' ? EIO : 0) });
    await desk.run('bind', GPIO);
    const failed = await desk.run('unbind', GPIO);
    expect(failed.code).toBe(1);
    expect(failed.error).toContain('cannot bind it to pl061_gpio');
    expect(desk.state().records).toHaveLength(1);
    broken = false;
    expect((await desk.run('unbind', GPIO)).code).toBe(0);
    expect(desk.bindings()[GPIO]).toBe('pl061_gpio (-)');
  });
});
