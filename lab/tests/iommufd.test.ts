import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { before, describe, it } from 'node:test';
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

  it('a device without an IOMMU has no cdev', async () => {
    await assert.rejects(Rig.open(board.uart, { iommufd: true }), { code: 'NO_CDEV' });
  });
});
