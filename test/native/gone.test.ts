import { expect, test } from 'vitest';
import { VFIO_DEVICE_SET_IRQS } from '../../assembly/abi/vfio';
import { NativeWorld } from '../conformance/native/native-world';
import { failedAccesses, NOTHING_OPEN, Rig, refusal, refused } from '../conformance/rig';
import { describePlayed } from './describe-played';
import { until } from './support';

const EPERM = 1;
const EIO = 5;
const ENOMEM = 12;
const EACCES = 13;
const ENODEV = 19;

describePlayed('a device that disappears', () => {
  const rig = new Rig((options) => new NativeWorld(options));
  const world = () => rig.world as NativeWorld;

  async function start() {
    rig.world.addDevice({
      name: 'dev',
      regions: [{ size: 0x1000 }, { size: 0x100 }],
      lines: ['level', 'edge'],
    });
    return rig.start({ host: 'dev' });
  }

  test('reads as ones, tells ENODEV, and closes', async () => {
    const opened = await start();
    world().setLine('dev', 0, true);
    await rig.moves(opened, ['+0']);
    world().played.vanish('dev');
    expect(opened.device.read(0, 0, 4)).toBe(0xffffffff);
    expect(opened.device.read(1, 0, 4)).toBe(0xffffffff);
    opened.device.write(1, 0, 4, 1);
    expect(failedAccesses(opened)).toEqual([`read failed ${ENODEV}`, `write failed ${ENODEV}`]);
    expect(refused(() => opened.device.reset())).toMatchObject({
      code: 'DEVICE_RESET',
      errno: ENODEV,
    });
    const error = refused(() => opened.device.close());
    expect(error).toMatchObject({ code: 'DISARM', errno: ENODEV, device: 'dev' });
    expect(error.message).toContain('the device is gone');
    expect(rig.world.resources()).toEqual(NOTHING_OPEN);
    expect(await refusal(rig.open({ host: 'dev' }))).toMatchObject({ code: 'DEVICE_NOT_FOUND' });
  });

  test('from the bus in the middle of an access reads as ones, is told, and closes', async () => {
    const opened = await start();
    opened.device.write(0, 0x20, 4, 5);
    expect(opened.device.read(0, 0x20, 4)).toBe(5);
    world().played.tear('dev');
    expect(opened.device.read(0, 0x20, 4)).toBe(0xffffffff);
    opened.device.write(0, 0x24, 4, 1);
    expect(opened.device.read(0, 0xffc, 2)).toBe(0xffff);
    expect(opened.events).toEqual([]);
    await until(() => opened.events.length > 0, 'it is told');
    for (let i = 0; i < 20; i++) await rig.world.settle();
    expect(opened.events).toEqual([{ type: 'bus-error', region: 0, offset: 0x20 }]);
    expect(() => opened.device.close()).toThrow('ENODEV');
    expect(rig.world.resources()).toEqual(NOTHING_OPEN);
    const again = await start();
    expect(again.device.read(0, 0x20, 4)).toBe(0);
  });

  test('while a line waits for its unmask is reported as stuck, not tried for ever', async () => {
    const opened = await start();
    world().setLine('dev', 0, true);
    await rig.moves(opened, ['+0']);
    world().played.vanish('dev');
    opened.device.read(0, 0, 4);
    for (let point = 0; point < 2000; point++) opened.device.safePoint();
    expect(opened.events.filter(({ type }) => type === 'line-stuck')).toEqual([
      { type: 'line-stuck', line: 0 },
    ]);
    expect(() => opened.device.close()).toThrow('ENODEV');
  });

  test('comes back and is opened again', async () => {
    const opened = await start();
    world().played.vanish('dev');
    expect(() => opened.device.close()).toThrow('ENODEV');
    const again = await start();
    again.device.write(0, 0, 4, 5);
    expect(again.device.read(0, 0, 4)).toBe(5);
  });

  test('whose eventfds hang up is reported once for each line', async () => {
    const opened = await start();
    world().setLine('dev', 0, true);
    await rig.moves(opened, ['+0']);
    expect(opened.events).toEqual([]);
    world().played.hangUp('dev');
    await until(() => opened.events.length >= 2, 'both lines are told');
    for (let i = 0; i < 20; i++) await rig.world.settle();
    expect(opened.events).toHaveLength(2);
    expect(opened.events).toContainEqual({ type: 'device-gone', line: 0 });
    expect(opened.events).toContainEqual({ type: 'device-gone', line: 1 });
    opened.device.close();
  });

  test('and is closed by the one who hears of it tells no more', async () => {
    const opened = await start();
    opened.device.listen((event) => {
      if (event.type === 'device-gone') opened.device.close();
    });
    world().played.hangUp('dev');
    await until(() => opened.device.closed, 'it is closed');
    for (let i = 0; i < 20; i++) await rig.world.settle();
    expect(opened.events.map(({ type }) => type)).toEqual(['device-gone']);
  });

  test('whose eventfds hang up does not keep the thread busy, and closes', async () => {
    const opened = await start();
    rig.world.addDevice({ name: 'other', lines: ['edge'] });
    const other = await rig.start({ host: 'other' });
    world().played.hangUp('dev');
    for (let i = 0; i < 20; i++) await rig.world.settle();
    // For each of its two lines, to the loop and to the thread, which may have left it to the
    // loop before: nobody asks again.
    expect(world().played.counters().hangUps).toBeGreaterThanOrEqual(2);
    expect(world().played.counters().hangUps).toBeLessThanOrEqual(6);
    rig.world.setLine('other', 0, true);
    await rig.moves(other, ['+0']);
    opened.device.close();
  });

  test('in the middle of an open leaves nothing', async () => {
    rig.world.addDevice({ name: 'dev', lines: ['level'] });
    world().played.fail('ioctl', ENODEV, { nth: 7, times: 0 });
    expect(await refusal(rig.open({ host: 'dev' }))).toMatchObject({ errno: ENODEV });
    expect(rig.world.resources()).toEqual(NOTHING_OPEN);
  });
});

describePlayed('a permission that is missing names the remedy', () => {
  const rig = new Rig((options) => new NativeWorld(options));
  const played = () => (rig.world as NativeWorld).played;

  test.each([
    [{}, /^\/dev\/vfio\/\d+$/, EACCES, 'the group in /dev/vfio', 'udev rule'],
    [{}, /^\/dev\/vfio\/vfio$/, EACCES, '/dev/vfio/vfio', 'udev rule'],
    [{ noiommu: true }, /noiommu/, EPERM, 'the group in /dev/vfio', 'CAP_SYS_RAWIO'],
    [{ iommufd: true }, /^\/dev\/iommu$/, EACCES, '/dev/iommu', 'udev rule'],
    [{ iommufd: true }, /devices/, EACCES, '/dev/vfio/devices', 'udev rule'],
  ] as const)('%o at %s with errno %d', async (options, node, errno, place, remedy) => {
    const noiommu = 'noiommu' in options;
    const world = rig.boot({ unsafeNoiommu: true });
    const { groupPath, cdevPath } = world.addDevice({ name: 'dev', ...(noiommu && { noiommu }) });
    const path = [groupPath, cdevPath, '/dev/vfio/vfio', '/dev/iommu'].find(
      (candidate) => candidate !== undefined && node.test(candidate),
    );
    played().fail(`open:${path}`, errno);
    const error = await refusal(rig.open({ host: 'dev', ...options }));
    expect(error).toMatchObject({ errno, syscall: 'open', device: 'dev' });
    expect(error.message).toContain(place);
    expect(error.message).toContain(remedy);
  });

  test('guest RAM beyond the limit on locked memory', async () => {
    rig.world.addDevice({ name: 'dev' });
    played().option('memlock', 0x4000);
    const { device } = await rig.open({ host: 'dev' });
    device.mapGuestRam(rig.world.allocGuestRam(0x2000), 0n);
    const error = refused(() => device.mapGuestRam(rig.world.allocGuestRam(0x4000), 0x10000n));
    expect(error).toMatchObject({ code: 'DMA_MAP', errno: ENOMEM });
    // What is mapped and what would be: 8 KiB and 16 KiB.
    expect(error.message).toContain('ulimit -l 24');
  });

  test('a line that another driver has', async () => {
    rig.world.addDevice({ name: 'dev', lines: ['level'] });
    const opened = await rig.open({ host: 'dev' });
    played().fail(`ioctl:${VFIO_DEVICE_SET_IRQS}`, EIO);
    expect(() => opened.device.connectLine(0, opened.lines.target(0))).toThrow('polled');
  });
});
