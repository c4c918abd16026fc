import { expect, it } from 'vitest';
import { Desk, widest } from './fixture';

it('shows each device with bus, compatible, driver, group and state, in 80 columns', async () => {
  const { code, out } = await new Desk().run('list');
  expect(code).toBe(0);
  expect(out.split('\n').slice(0, 4)).toEqual([
    'DEVICE          BUS       COMPATIBLE           DRIVER         GROUP  STATE',
    '9000000.pl011   amba      arm,pl011            uart-pl011     0      in use',
    '  system console ttyAMA0',
    '9010000.pl031   amba      arm,pl031            vfio-amba      1      ready',
  ]);
  expect(out).toContain(
    '9080000.serial  platform  ns16550a             of_serial      -      to be bound',
  );
  expect(widest(out)).toBeLessThanOrEqual(80);
});

it('names the process that has a device open', async () => {
  const { data } = await new Desk().json('list');
  const open = data.devices.filter(({ state }: { state: string }) => state === 'open');
  expect(open).toEqual([
    expect.objectContaining({
      name: '9060000.pl061',
      holders: [{ pid: 4242, command: 'qemu-system-aar', hold: 'device' }],
    }),
  ]);
  expect(data.holdersComplete).toBe(true);
});

it('tells programs when another user hides who has devices open', async () => {
  const { data } = await new Desk({ root: false }).json('list');
  expect(data.holdersComplete).toBe(false);
});

it('leaves out what can not be opened now, where that is asked for', async () => {
  const { data } = await new Desk().json('list', '--ready');
  expect(data.devices.map(({ name }: { name: string }) => name)).toEqual([
    '9010000.pl031',
    '9040000.pl011',
    '9050000.dma',
    '9070000.crypto',
  ]);
});

it('hides devices that no firmware describes, and tells how many', async () => {
  const desk = new Desk();
  desk.system.host.sysfs.addDirectory('/sys/devices/platform/reg-dummy');
  desk.system.host.sysfs.addLink(
    '/sys/bus/platform/devices/reg-dummy',
    '../../../devices/platform/reg-dummy',
  );
  const some = await desk.run('list');
  expect(some.out).not.toContain('reg-dummy');
  expect(some.out).toContain('1 more that no firmware describes; --all shows them.');
  expect((await desk.run('list', '--all')).out).toContain('reg-dummy');
});

it('has something to say on a computer without such devices', async () => {
  expect(await new Desk({ board: [] }).run('list')).toMatchObject({
    code: 0,
    out: 'There are no such devices.\n',
  });
});

it('asks the kernel for each file once, however many devices there are', async () => {
  const desk = new Desk();
  const asked = new Map<string, number>();
  const { files } = desk.system;
  for (const name of ['readText', 'readLink', 'realPath', 'list'] as const) {
    const ask = files[name].bind(files) as (path: string) => never;
    files[name] = (path: string) => {
      asked.set(`${name} ${path}`, (asked.get(`${name} ${path}`) ?? 0) + 1);
      return ask(path);
    };
  }
  const access = files.access.bind(files);
  files.access = (path, mode) => {
    asked.set(`access ${path}`, (asked.get(`access ${path}`) ?? 0) + 1);
    return access(path, mode);
  };
  await desk.run('list');
  expect(asked.get('list /proc')).toBe(1);
  expect([...asked].filter(([, times]) => times > 1)).toEqual([]);
});
