import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { before, describe, it } from 'node:test';
import { type GuestRam, VfioError } from '../../host/index';
import { edu } from '../guest/registers';
import { prepareDevices, Rig } from '../guest/rig';
import { board } from '../scenarios/scenario';

const RAM_BYTES = 0x10000;
/** Where the device sees the guest's RAM. */
const IOVA = 0x100000;
/** The device can hold 4096 bytes; QEMU ends itself when a transfer ends exactly there. */
const LENGTH = 2048;

before(prepareDevices);

/** The engine is behind the SMMU, its completions arrive as interrupts. */
async function open(options: { iommufd?: boolean } = {}) {
  const rule = { region: 0, offset: edu.ACKNOWLEDGE, access: 'write', line: 0 } as const;
  const rig = await Rig.open(board.edu, { eoi: { rules: [rule] }, ...options }, (device) => {
    device.write(0, edu.ACKNOWLEDGE, 4, device.read(0, edu.STATUS, 4));
  });
  rig.line.handler = () => rig.write(edu.ACKNOWLEDGE, rig.read(edu.STATUS));
  const transfer = async (source: number, destination: number, command: number) => {
    const { downs } = rig.line;
    rig.device.write64(0, edu.DMA_SOURCE, BigInt(source));
    rig.device.write64(0, edu.DMA_DESTINATION, BigInt(destination));
    rig.device.write64(0, edu.DMA_COUNT, BigInt(LENGTH));
    rig.device.write64(0, edu.DMA_COMMAND, BigInt(command | edu.START | edu.INTERRUPT));
    await rig.until('end of the transfer', () => rig.line.downs > downs);
  };
  return {
    rig,
    fromMemory: (offset: number) => transfer(IOVA + offset, edu.BUFFER, 0),
    toMemory: (offset: number) => transfer(edu.BUFFER, IOVA + offset, edu.TO_MEMORY),
  };
}

function pattern(ram: GuestRam): Uint8Array {
  const part = ram.bytes.subarray(0, LENGTH);
  part.forEach((_, index) => {
    part[index] = index * 7 + (index >> 8);
  });
  return part;
}

describe('DMA behind the SMMU', () => {
  it('the engine is there', async () => {
    const { rig } = await open();
    assert.equal(rig.read(edu.ID) & 0xff, 0xed);
    rig.write(edu.LIVENESS, 0x12345678);
    assert.equal(rig.read(edu.LIVENESS), ~0x12345678 >>> 0);
    rig.close();
  });

  it('reaches memory of the guest both ways, with an interrupt at the end, until it is unmapped', async () => {
    const { rig, fromMemory, toMemory } = await open();
    const ram = rig.host.allocGuestRam(RAM_BYTES);
    const sent = pattern(ram);
    rig.device.mapGuestRam(ram, BigInt(IOVA));
    await fromMemory(0);
    await toMemory(0x8000);
    assert.deepEqual(ram.bytes.subarray(0x8000, 0x8000 + LENGTH), sent);
    assert.equal(rig.line.ups, 2);

    // After that the engine gets nothing, and can change nothing.
    assert.equal(rig.device.unmapGuestRam(BigInt(IOVA)), true);
    ram.bytes.fill(0xee);
    await toMemory(0x8000);
    assert.ok(ram.bytes.every((byte) => byte === 0xee));
    const log = execFileSync('dmesg').toString();
    assert.match(log, /arm-smmu-v3 9050000\.smmuv3:.*(event 0x10|F_TRANSLATION)/);

    // It works again as soon as there is a mapping.
    pattern(ram);
    rig.device.mapGuestRam(ram, BigInt(IOVA));
    await fromMemory(0);
    await toMemory(0x4000);
    assert.deepEqual(ram.bytes.subarray(0x4000, 0x4000 + LENGTH), sent);
    rig.close();
  });

  it('cannot write to memory that is mapped read-only', async () => {
    const { rig, fromMemory, toMemory } = await open();
    const ram = rig.host.allocGuestRam(RAM_BYTES);
    pattern(ram);
    const before = ram.bytes.slice();
    rig.device.mapGuestRam(ram, BigInt(IOVA), false);
    await fromMemory(0);
    await toMemory(0x8000);
    assert.deepEqual(ram.bytes, before);
    rig.close();
  });

  it('refuses what the kernel refuses, with its errno', async () => {
    const { rig } = await open();
    const ram = rig.host.allocGuestRam(RAM_BYTES);
    const code = (wanted: string) => (error: unknown) =>
      error instanceof VfioError && error.code === wanted;
    rig.device.mapGuestRam(ram, BigInt(IOVA));
    // Overlapping; inside the window for message-signalled interrupts; without an address of its own.
    assert.throws(() => rig.device.mapGuestRam(ram, BigInt(IOVA + 0x4000)), VfioError);
    assert.throws(() => rig.device.mapGuestRam(ram, 0x8000000n), code('DMA_RANGE'));
    assert.equal(rig.device.unmapGuestRam(0x900000n), false);
    rig.close();
  });

  it('is over when the device is closed', async () => {
    const { rig } = await open();
    const ram = rig.host.allocGuestRam(RAM_BYTES);
    rig.device.mapGuestRam(ram, BigInt(IOVA));
    rig.close();
    ram.bytes.fill(0xdd);
    const again = await open();
    await again.toMemory(0x8000);
    assert.ok(ram.bytes.every((byte) => byte === 0xdd));
    again.rig.close();
  });
});
