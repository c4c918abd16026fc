import assert from 'node:assert/strict';
import { existsSync, writeFileSync } from 'node:fs';
import { before, describe, it } from 'node:test';
import { EACCES, EBUSY, EINVAL, EPERM } from '../../assembly/abi/linux';
import { VfioError } from '../../host/index';
import { openElsewhere } from '../guest/elsewhere';
import { edu, sources } from '../guest/registers';
import { prepareDevices, Rig } from '../guest/rig';
import { board } from '../scenarios/scenario';

const skip = existsSync('/dev/iommu')
  ? false
  : 'this kernel has no iommufd; npm run test:lab:iommufd boots one that has';
const IOVA = 0x100000;
const LENGTH = 2048;

before(prepareDevices);

describe('devices by cdev and iommufd', { skip }, () => {
  for (const source of sources.filter(({ name }) => name !== board.uart)) {
    it(`${source.name} interrupts, closes and opens again`, async () => {
      for (let times = 0; times < 3; times++) {
        const options = { iommufd: true, profile: null, eoi: { default: 'write' } } as const;
        const rig = await Rig.open(source.name, options, source.hush);
        rig.line.handler = () => source.clear(rig.device);
        for (let round = 1; round <= 20; round++) {
          source.raise(rig.device);
          await rig.until('interrupt', () => rig.line.downs === round);
        }
        assert.equal(rig.handledByKernel, 20);
        rig.close();
        assert.equal(rig.host.kernel.resources().fds, 0);
      }
    });
  }

  it('DMA reaches mapped memory, and nothing once it is unmapped', async () => {
    const options = { iommufd: true, eoi: { default: 'write' } } as const;
    const rig = await Rig.open(board.edu, options, (device) => {
      device.write(0, edu.ACKNOWLEDGE, 4, device.read(0, edu.STATUS, 4));
    });
    const transfer = async (source: number, destination: number, command: number) => {
      let over = false;
      rig.line.handler = () => {
        over = true;
        rig.write(edu.ACKNOWLEDGE, rig.read(edu.STATUS));
      };
      // Each of these writes would complete the line; it is not up yet.
      rig.device.write64(0, edu.DMA_SOURCE, BigInt(source));
      rig.device.write64(0, edu.DMA_DESTINATION, BigInt(destination));
      rig.device.write64(0, edu.DMA_COUNT, BigInt(LENGTH));
      rig.device.write64(0, edu.DMA_COMMAND, BigInt(command | edu.START | edu.INTERRUPT));
      await rig.until('end of the transfer', () => over);
    };
    const ram = rig.host.allocGuestRam(0x10000);
    for (let i = 0; i < LENGTH; i++) ram.bytes[i] = i * 7 + (i >> 8);
    const sent = ram.bytes.slice(0, LENGTH);
    rig.device.mapGuestRam(ram, BigInt(IOVA));
    await transfer(IOVA, edu.BUFFER, 0);
    await transfer(edu.BUFFER, IOVA + 0x8000, edu.TO_MEMORY);
    assert.deepEqual(ram.bytes.slice(0x8000, 0x8000 + LENGTH), sent);
    assert.equal(rig.device.unmapGuestRam(BigInt(IOVA)), true);
    ram.bytes.fill(0xee);
    await transfer(edu.BUFFER, IOVA + 0x8000, edu.TO_MEMORY);
    assert.ok(ram.bytes.every((byte) => byte === 0xee));
    rig.close();
  });

  it('a device that is bound already is refused, and is free afterwards', async () => {
    const rig = await Rig.open(board.gpio, { iommufd: true });
    await assert.rejects(Rig.open(board.gpio, { iommufd: true }), { code: 'ALREADY_ATTACHED' });
    // Linux says EINVAL, not EBUSY, to who binds a cdev a second time.
    const said = openElsewhere({ host: board.gpio, iommufd: true });
    assert.match(said, new RegExp(`^BIND_IOMMUFD ${EINVAL} .*close the program`));
    rig.close();
    assert.equal(openElsewhere({ host: board.gpio, iommufd: true }), 'opened');
  });

  it('a device whose group is open is busy, and the group is while the device is bound', async () => {
    const byGroup = await Rig.open(board.gpio, { iommufd: false });
    assert.match(
      openElsewhere({ host: board.gpio, iommufd: true }),
      new RegExp(`^BIND_IOMMUFD ${EBUSY} .*its group`),
    );
    byGroup.close();
    const byCdev = await Rig.open(board.gpio, { iommufd: true });
    assert.match(
      openElsewhere({ host: board.gpio, iommufd: false }),
      new RegExp(`^OPEN_GROUP ${EBUSY} `),
    );
    byCdev.close();
  });

  it('a user without the permission is refused, with what to do', () => {
    const said = openElsewhere({ host: board.gpio, iommufd: true }, 1000);
    assert.match(said, new RegExp(`^OPEN_(CDEV|IOMMUFD) ${EACCES} `));
    console.log(said);
  });

  it('a device without interrupt isolation is refused unless the kernel is told to go on', async () => {
    const parameter = '/sys/module/iommufd/parameters/allow_unsafe_interrupts';
    writeFileSync(parameter, 'N');
    try {
      await assert.rejects(Rig.open(board.gpio, { iommufd: true }), (error) => {
        assert.ok(error instanceof VfioError);
        assert.equal(error.errno, EPERM);
        assert.match(error.message, /allow_unsafe_interrupts/);
        return true;
      });
    } finally {
      writeFileSync(parameter, 'Y');
    }
    const rig = await Rig.open(board.gpio, { iommufd: true });
    rig.close();
  });

  it('memory is not mapped twice, nor where the IOMMU cannot', async () => {
    const rig = await Rig.open(board.edu, { iommufd: true });
    const ram = rig.host.allocGuestRam(0x10000);
    rig.device.mapGuestRam(ram, BigInt(IOVA));
    assert.throws(() => rig.device.mapGuestRam(ram, BigInt(IOVA + 0x4000)), VfioError);
    assert.throws(() => rig.device.mapGuestRam(ram, 0x8000000n), { code: 'DMA_RANGE' });
    assert.equal(rig.device.unmapGuestRam(0x900000n), false);
    rig.close();
  });

  it('a device without an IOMMU has no cdev', async () => {
    await assert.rejects(Rig.open(board.uart, { iommufd: true }), { code: 'NO_CDEV' });
  });
});
