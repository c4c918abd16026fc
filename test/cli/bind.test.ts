import { describe, expect, it } from 'vitest';
import { EBUSY, EINVAL, ENOENT } from '../../assembly/abi/linux';
import type { SimulatedSystemOptions } from '../../host/cli/simulated/simulated-system';
import { Desk } from './fixture';

const GPIO = '9030000.pl061';

describe('bind', () => {
  it('gives the device to its VFIO driver, and remembers what it had', async () => {
    const desk = new Desk();
    const { code, out } = await desk.run('bind', GPIO);
    expect(code).toBe(0);
    expect(out).toBe(`${GPIO} is bound to vfio-amba, group 2; it had driver pl061_gpio.\n`);
    expect(desk.bindings()[GPIO]).toBe('vfio-amba (vfio-amba)');
    expect(desk.state().records).toEqual(['{"version":1,"driver":"pl061_gpio","override":null}\n']);
    expect(desk.system.writer.log).toEqual([
      `/sys/devices/platform/${GPIO}/driver_override=vfio-amba`,
      `/sys/bus/amba/drivers/pl061_gpio/unbind=${GPIO}`,
      `/sys/bus/amba/drivers/vfio-amba/bind=${GPIO}`,
    ]);
    expect((await desk.run('info', GPIO)).code).toBe(0);
  });

  it('has nothing to do when the device is bound already', async () => {
    const desk = new Desk();
    const { code, data } = await desk.json('bind', '9010000.pl031');
    expect({ code, changed: data.changed }).toEqual({ code: 0, changed: false });
    expect(desk.system.writer.log).toEqual([]);
  });

  it('refuses the console unless forced', async () => {
    const desk = new Desk();
    const refused = await desk.run('bind', '9000000.pl011');
    expect(refused.code).toBe(5);
    expect(refused.error).toContain('in use: system console ttyAMA0');
    expect(desk.system.writer.log).toEqual([]);
    expect((await desk.run('bind', '9000000.pl011', '--force')).code).toBe(0);
    expect(desk.bindings()['9000000.pl011']).toBe('vfio-amba (vfio-amba)');
  });

  it('says that it needs root, before it changes anything', async () => {
    const desk = new Desk({ root: false });
    const { code, error } = await desk.run('bind', GPIO);
    expect(code).toBe(4);
    expect(error).toContain('needs root');
    expect(error).toContain('sudo');
    expect(desk.system.writer.log).toEqual([]);
  });

  it('says which module is missing without VFIO', async () => {
    const desk = new Desk({ vfio: false });
    const { code, error } = await desk.run('bind', '9071000.rng');
    expect(code).toBe(6);
    expect(error.replaceAll(/\s+/g, ' ')).toContain('modprobe vfio-platform reset_required=0');
    expect(desk.system.writer.log).toEqual([]);
  });

  it('says of a kernel without driver_override that it is too old', async () => {
    const desk = new Desk();
    desk.system.host.sysfs.remove(`/sys/devices/platform/${GPIO}/driver_override`);
    const { code, error } = await desk.run('bind', GPIO);
    expect(code).toBe(6);
    expect(error).toContain('too old');
  });

  it('says what to do about a driver that does not let go', async () => {
    const desk = new Desk();
    desk.system.host.sysfs.remove('/sys/bus/amba/drivers/pl061_gpio/unbind');
    const { code, error } = await desk.run('bind', GPIO);
    expect(code).toBe(6);
    expect(error).toContain('suppress_bind_attrs');
    expect(error).toContain('initcall_blacklist');
    expect(desk.system.writer.log).toEqual([]);
  });
});

describe('bind of a device behind no IOMMU', () => {
  it('needs the unsafe mode of the kernel', async () => {
    const desk = new Desk({ unsafeNoiommu: false });
    const { code, error } = await desk.run('bind', '9080000.serial', '--noiommu');
    expect(code).toBe(6);
    expect(error.replaceAll(/\s+/g, ' ')).toContain(
      'echo Y > /sys/module/vfio/parameters/enable_unsafe_noiommu_mode',
    );
    expect(desk.system.writer.log).toEqual([]);
  });

  it('needs a kernel that has the mode at all', async () => {
    const desk = new Desk();
    desk.system.host.sysfs.remove('/sys/module/vfio/parameters/enable_unsafe_noiommu_mode');
    const { code, error } = await desk.run('bind', '9080000.serial', '--noiommu');
    expect(code).toBe(6);
    expect(error).toContain('CONFIG_VFIO_NOIOMMU');
  });

  it('needs the consent of the user', async () => {
    const desk = new Desk();
    const { code, error } = await desk.run('bind', '9080000.serial');
    expect(code).toBe(6);
    expect(error).toContain('--noiommu');
    expect(desk.system.writer.log).toEqual([]);
  });

  it('works with both, and the device then needs the consent, too', async () => {
    const desk = new Desk();
    expect((await desk.run('bind', '9080000.serial', '--noiommu')).code).toBe(0);
    const refused = await desk.run('info', '9080000.serial');
    expect(refused.code).toBe(6);
    expect(refused.error).toContain('--noiommu');
    expect((await desk.run('info', '9080000.serial', '--noiommu')).code).toBe(0);
    expect((await desk.run('unbind', '9080000.serial')).code).toBe(0);
    expect(desk.bindings()['9080000.serial']).toBe('of_serial (-)');
  });
});

describe('a bind that does not come to its end', () => {
  const writes = ['driver_override', 'unbind', 'bind'];

  it.each([
    [ENOENT, 'platform', '9071000.rng', 'reset_required=0'],
    [EINVAL, 'platform', '9071000.rng', 'IOMMU group'],
    [EBUSY, 'amba', GPIO, 'Another driver or user'],
  ])('because the driver says errno %i leaves all as it was', async (errno, bus, name, remedy) => {
    const desk = new Desk({ refuse: (driver) => (driver === `vfio-${bus}` ? errno : 0) });
    const before = desk.state();
    const { code, error } = await desk.run('bind', name);
    expect(code).toBe(1);
    expect(error.replaceAll(/\s+/g, ' ')).toContain(remedy);
    expect(error.replaceAll(/\s+/g, ' ')).toContain('again, nothing has changed');
    expect(desk.state()).toEqual(before);
  });

  it.each(writes.map((what, index) => [what, index] as const))(
    'because Ctrl-C comes during the write to %s leaves all as it was',
    async (_, index) => {
      let writes = 0;
      const desk: Desk = new Desk({
        beforeWrite: () => {
          if (writes++ === index) desk.terminal.interrupt();
          return undefined;
        },
      });
      const before = desk.state();
      const { code, error } = await desk.run('bind', GPIO);
      expect(code).toBe(130);
      expect(error).toContain('interrupted');
      expect(desk.state()).toEqual(before);
    },
  );

  it.each(writes.map((what, index) => [what, index] as const))(
    'because the write to %s fails leaves all as it was',
    async (_, index) => {
      let writes = 0;
      const desk = new Desk({ beforeWrite: () => (writes++ === index ? EINVAL : undefined) });
      const before = desk.state();
      expect((await desk.run('bind', GPIO)).code).toBe(1);
      expect(desk.state()).toEqual(before);
    },
  );

  it('because it was interrupted before it began changes nothing', async () => {
    const desk = new Desk();
    desk.terminal.interrupt();
    expect((await desk.run('bind', GPIO)).code).toBe(130);
    expect(desk.system.writer.log).toEqual([]);
    expect(desk.state().records).toEqual([]);
  });

  it('and cannot be undone says so, keeps what it knows, and unbind mends it', async () => {
    let broken = true;
    const options: SimulatedSystemOptions = {
      beforeWrite: (path) => (broken && path.endsWith('/bind') ? EINVAL : undefined),
    };
    const desk = new Desk(options);
    const failed = await desk.run('bind', GPIO);
    expect(failed.code).toBe(1);
    expect(failed.error.replaceAll(/\s+/g, ' ')).toContain(
      'could not be given back its driver pl061_gpio',
    );
    expect(failed.error).toContain(`vfio-wasm unbind ${GPIO}`);
    expect(desk.bindings()[GPIO]).toBe('- (-)');
    broken = false;
    expect((await desk.run('unbind', GPIO)).code).toBe(0);
    expect(desk.bindings()[GPIO]).toBe('pl061_gpio (-)');
    expect(desk.state().records).toEqual([]);
  });

  it('because it was killed is finished or undone by the next call', async () => {
    const killed = async () => {
      const desk = new Desk();
      desk.system.records.save(
        'amba-9030000.pl061',
        '{"version":1,"driver":"pl061_gpio","override":null}',
      );
      const path = `/sys/devices/platform/${GPIO}`;
      desk.system.writer.set(`${path}/driver_override`, 'vfio-amba');
      await desk.system.writer.write('/sys/bus/amba/drivers/pl061_gpio/unbind', GPIO);
      return desk;
    };
    const undone = await killed();
    expect((await undone.run('unbind', GPIO)).code).toBe(0);
    expect(undone.bindings()[GPIO]).toBe('pl061_gpio (-)');
    const finished = await killed();
    expect((await finished.run('bind', GPIO)).code).toBe(0);
    expect((await finished.run('unbind', GPIO)).code).toBe(0);
    expect(finished.bindings()[GPIO]).toBe('pl061_gpio (-)');
  });

  it('because a driver takes too long to let go says that the kernel goes on', async () => {
    const desk = new Desk({
      beforeWrite: (path) => (path.endsWith('pl061_gpio/unbind') ? 'pending' : undefined),
    });
    const { code, error } = await desk.run('bind', GPIO);
    expect(code).toBe(7);
    expect(error).toContain('goes on with it by itself');
    expect(desk.state().records).toHaveLength(1);
  });
});

describe('bind of a device that is reserved for VFIO while its driver has it', () => {
  const override = `/sys/devices/platform/${GPIO}/driver_override`;

  it('gets its driver back from unbind', async () => {
    const desk = new Desk();
    desk.system.writer.set(override, 'vfio-amba');
    expect(desk.bindings()[GPIO]).toBe('pl061_gpio (vfio-amba)');
    expect((await desk.run('bind', GPIO)).code).toBe(0);
    expect(await desk.run('unbind', GPIO)).toMatchObject({ code: 0, error: '' });
    expect(desk.bindings()[GPIO]).toBe('pl061_gpio (-)');
  });

  it('keeps what a killed bind has remembered', async () => {
    const desk = new Desk();
    const record = '{"version":1,"driver":"pl061_gpio","override":"pl061_gpio"}\n';
    desk.system.records.save(`amba-${GPIO}`, record);
    desk.system.writer.set(override, 'vfio-amba');
    expect((await desk.run('bind', GPIO)).code).toBe(0);
    expect(desk.state().records).toEqual([record]);
    expect((await desk.run('unbind', GPIO)).code).toBe(0);
    expect(desk.bindings()[GPIO]).toBe('pl061_gpio (pl061_gpio)');
  });

  it.each(['vfio-amba', 'mine'])(
    'gets it and its override %s back when bind fails',
    async (own) => {
      const desk = new Desk({ refuse: (driver) => (driver === 'vfio-amba' ? EBUSY : 0) });
      desk.system.writer.set(override, own);
      const before = desk.state();
      const { code, error } = await desk.run('bind', GPIO);
      expect(code).toBe(1);
      expect(error).toContain('Another driver or user');
      expect(desk.state()).toEqual(before);
    },
  );

  it('gets an override for another driver back with its own driver', async () => {
    const desk = new Desk();
    desk.system.writer.set(override, 'mine');
    const before = desk.state();
    expect((await desk.run('bind', GPIO)).code).toBe(0);
    expect((await desk.run('unbind', GPIO)).code).toBe(0);
    expect(desk.state()).toEqual(before);
  });
});

it('does not trust a record that names a path', async () => {
  const desk = new Desk();
  desk.system.records.save(
    'amba-9010000.pl031',
    '{"version":1,"driver":"../../x","override":null}',
  );
  expect((await desk.run('unbind', '9010000.pl031')).code).toBe(0);
  expect(desk.system.writer.log.some((line) => line.includes('..'))).toBe(false);
});
