import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { afterEach, before, describe, it } from 'node:test';
import { VfioError } from '../../host/index';
import { openElsewhere } from '../guest/elsewhere';
import { prepareDevices, Rig } from '../guest/rig';
import { board } from '../scenarios/scenario';

before(prepareDevices);
afterEach(prepareDevices);

/** Opens a device that cannot be opened: the error, and that nothing is left behind. */
async function refusal(
  name: string,
  options: Parameters<typeof Rig.open>[1] = {},
): Promise<VfioError> {
  try {
    const rig = await Rig.open(name, options);
    rig.close();
  } catch (error) {
    assert.ok(error instanceof VfioError, String(error));
    return error;
  }
  throw new Error(`${name} was opened`);
}

function unbind(bus: string, name: string): void {
  writeFileSync(`/sys/bus/${bus}/devices/${name}/driver/unbind`, name);
}

describe('what cannot be opened, and the error', () => {
  it('a device that does not exist', async () => {
    assert.equal((await refusal('no.such')).code, 'DEVICE_NOT_FOUND');
  });

  it('a device that no VFIO driver has', async () => {
    unbind('amba', board.gpio);
    const error = await refusal(board.gpio);
    assert.match(error.message, /vfio-amba|vfio-platform/);
    console.log(`${error.code}: ${error.message}`);
  });

  it('a device that its ordinary driver has', async () => {
    unbind('amba', board.rtc);
    const override = `/sys/bus/amba/devices/${board.rtc}/driver_override`;
    writeFileSync(override, 'rtc-pl031');
    writeFileSync('/sys/bus/amba/drivers_probe', board.rtc);
    const error = await refusal(board.rtc);
    assert.match(error.message, /vfio/);
    console.log(`${error.code}: ${error.message}`);
  });

  it('a device without an IOMMU, unless that is wanted', async () => {
    const error = await refusal(board.uart, { noiommu: false });
    assert.equal(error.code, 'NOIOMMU_NOT_ALLOWED');
  });

  it('a device without an IOMMU where the kernel does not allow it', async () => {
    unbind('amba', board.uart);
    const parameter = '/sys/module/vfio/parameters/enable_unsafe_noiommu_mode';
    writeFileSync(parameter, '0');
    try {
      assert.throws(() => execFileSync('prepare-devices', { stdio: 'ignore' }));
      const error = await refusal(board.uart);
      assert.equal(error.code, 'NO_IOMMU_GROUP');
      assert.match(error.message, /enable_unsafe_noiommu_mode/);
    } finally {
      writeFileSync(parameter, '1');
    }
  });

  it('a device behind an IOMMU without interrupt isolation, unless the kernel is told to go on', async () => {
    const parameter = '/sys/module/vfio_iommu_type1/parameters/allow_unsafe_interrupts';
    writeFileSync(parameter, 'N');
    try {
      const error = await refusal(board.gpio);
      assert.equal(error.code, 'SET_IOMMU');
      assert.equal(error.errno, 1);
      assert.match(error.message, /allow_unsafe_interrupts/);
    } finally {
      writeFileSync(parameter, 'Y');
    }
  });

  it('a device that another process has', async () => {
    const rig = await Rig.open(board.gpio);
    const said = openElsewhere({ host: board.gpio });
    assert.match(said, /^OPEN_GROUP 16 /);
    rig.close();
    assert.equal(openElsewhere({ host: board.gpio }), 'opened');
  });

  it('a device without the permission', () => {
    const said = openElsewhere({ host: board.gpio }, 1000);
    assert.match(said, /^OPEN_(GROUP|CONTAINER) 13 /);
    console.log(said);
  });

  it('a device by iommufd where the kernel has none', async () => {
    assert.equal((await refusal(board.gpio, { iommufd: true })).code, 'NO_CDEV');
  });

  it('after all that the devices are as they were', async () => {
    for (const name of Object.values(board)) {
      const rig = await Rig.open(name);
      rig.close();
      assert.equal(rig.host.kernel.resources().fds, 0);
    }
  });
});
