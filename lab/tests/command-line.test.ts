import assert from 'node:assert/strict';
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { afterEach, before, beforeEach, describe, it } from 'node:test';
import { findDevice } from '../../host/cli/devices/find-device';
import { listDevices, readDevice } from '../../host/cli/devices/host-device';
import { EXIT_BUSY, EXIT_INTERRUPTED, EXIT_OK, EXIT_PERMISSION } from '../../host/cli/exit-codes';
import { NodeFiles } from '../../host/cli/system/node-files';
import { FileSysfs } from '../../host/native/index';
import { json, start, startAs, until } from '../guest/command-line';
import { pl061 } from '../guest/registers';
import { prepareDevices, Rig } from '../guest/rig';
import { board } from '../scenarios/scenario';

const NOBODY = 65534;
const HOST_DRIVER = 'rtc-pl031';
const RECORD = `/run/vfio-wasm/amba-${board.rtc}.json`;

before(prepareDevices);
afterEach(prepareDevices);

/** Which driver the device has, which one it is reserved for, and whether that is remembered. */
function stateOf(name: string) {
  const { driver, driverOverride } = readDevice(new FileSysfs(), 'amba', name) ?? {};
  return { driver, driverOverride, remembered: existsSync(RECORD) };
}

/** As a computer has it whose user has not heard of VFIO. */
function giveToHost(): void {
  const device = `/sys/bus/amba/devices/${board.rtc}`;
  writeFileSync(`${device}/driver/unbind`, board.rtc);
  writeFileSync(`${device}/driver_override`, '\n');
  writeFileSync('/sys/bus/amba/drivers_probe', board.rtc);
}

const AS_FOUND = { driver: HOST_DRIVER, driverOverride: undefined, remembered: false };

describe('vfio-wasm with a device that a driver of the host has', () => {
  beforeEach(giveToHost);

  it('leaves it alone when the user may not bind, and says who may', async () => {
    const { code, error } = await startAs(NOBODY, 'bind', board.rtc).ended;
    assert.equal(code, EXIT_PERMISSION, error);
    assert.match(error, /changing the driver of \S+ needs root .*EACCES/);
    assert.deepEqual(stateOf(board.rtc), AS_FOUND);
  });

  it('binds it, reads it, describes it, and gives it back', async () => {
    assert.deepEqual(stateOf(board.rtc), AS_FOUND);
    const files = readdirSync(`/sys/bus/amba/devices/${board.rtc}`).sort();
    const { devices } = await json('list');
    const listed = devices.find(({ name }: { name: string }) => name === board.rtc);
    assert.equal(listed.driver, HOST_DRIVER);

    const bound = await json('bind', board.rtc);
    assert.equal(bound.changed, true);
    assert.deepEqual(bound.previous, { driver: HOST_DRIVER, override: null });
    const vfio = { driver: 'vfio-amba', driverOverride: 'vfio-amba', remembered: true };
    assert.deepEqual(stateOf(board.rtc), vfio);

    const info = await json('info', board.rtc);
    assert.equal(info.driver, 'vfio-amba');
    assert.equal(info.regions[0].size, 0x1000);
    assert.equal(info.lines[0].trigger, 'level');

    // PeriphID0 to 3: part 0x031 of Arm (0x41), in QEMU of revision 1.
    const id = await json('peek', board.rtc, '0xfe0', '--count', '4');
    const values = id.values.map(({ value }: { value: number }) => value);
    assert.deepEqual(values, [0x31, 0x10, 0x14, 0x00]);

    const described = await start('describe', board.rtc, '--region', '0=0x60000000').ended;
    assert.equal(described.code, EXIT_OK, described.error);
    assert.match(described.out, /compatible = "arm,pl031", "arm,primecell"/);

    await json('unbind', board.rtc);
    assert.deepEqual(stateOf(board.rtc), AS_FOUND);
    assert.deepEqual(readdirSync(`/sys/bus/amba/devices/${board.rtc}`).sort(), files);
  });

  // Each step of a bind takes a process of its own, so that the signal comes long before its end.
  for (const [when, reached] of [
    ['it has reserved it', ({ driverOverride }) => driverOverride === 'vfio-amba'],
    ['its driver has let go', ({ driver }) => driver === undefined],
  ] as const satisfies readonly [string, (state: ReturnType<typeof stateOf>) => boolean][]) {
    it(`leaves it as it was at Ctrl-C after ${when}`, async () => {
      const { child, ended } = start('bind', board.rtc);
      await until(when, () => reached(stateOf(board.rtc)));
      child.kill('SIGINT');
      const { code, error } = await ended;
      assert.equal(code, EXIT_INTERRUPTED, error);
      assert.match(error, /interrupted.* nothing has changed/);
      assert.deepEqual(stateOf(board.rtc), AS_FOUND);
    });
  }
});

describe('vfio-wasm unbind of a device that another process has open', () => {
  it('names it and gives up in time, and the device works on', async () => {
    const rig = await Rig.open(board.gpio);
    const { code, error } = await start('unbind', board.gpio, '--timeout', '1').ended;
    assert.equal(code, EXIT_BUSY, error);
    assert.match(error, new RegExp(`held open by process ${process.pid} \\(`));
    assert.match(error, /gave up after 1 s, nothing has changed/);
    assert.equal(stateOf(board.gpio).driver, 'vfio-amba');
    rig.write(pl061.GPIOIE, 0, 1);
    assert.equal(rig.read(pl061.GPIOIE, 1), 0);
    rig.close();
  });

  it('goes on when it is closed', async () => {
    const rig = await Rig.open(board.gpio);
    const { ended, said } = start('unbind', board.gpio, '--timeout', '100');
    await until('word of waiting', () => said().includes('waiting for'));
    rig.close();
    const { code, error } = await ended;
    assert.equal(code, EXIT_OK, error);
    // The driver of the PL061 is kept from this kernel.
    assert.equal(stateOf(board.gpio).driver, undefined);
  });
});

it('vfio-wasm takes no folder of sysfs for a device', () => {
  const files = new NodeFiles();
  assert.ok(listDevices(files).length > 0);
  for (const name of ['.', '..']) {
    assert.throws(() => findDevice(files, name), { code: 'NO_SUCH_DEVICE' });
  }
});
