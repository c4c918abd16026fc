import { RecordingHandler } from './recorder';
import {
  type ConformanceTarget,
  type Duty,
  type GuestAccess,
  must,
  reach,
  same,
  settle,
} from './subject';

const WIDTHS = [1, 2, 4] as const;
const PATTERN = 0xf1e2_d3c4;

async function perform(target: ConformanceTarget, accesses: readonly GuestAccess[]): Promise<void> {
  target.start({ accesses });
  await reach(target, () => target.finished, 'the end of its accesses');
}

/** One access of each width at each offset of a word to which it is aligned. */
function lanes(base: number, direction: 'read' | 'write'): (GuestAccess & { offset: number })[] {
  return WIDTHS.flatMap((width) =>
    [0, 1, 2, 3]
      .filter((lane) => lane % width === 0)
      .map((lane) => {
        const offset = 8 * width + lane;
        const value = direction === 'write' ? part(lane, width) : undefined;
        const access = { direction, width, address: base + offset, offset };
        return value === undefined ? access : { ...access, value };
      }),
  );
}

/** The bytes of the pattern that an access of `width` at `lane` sees. */
function part(lane: number, width: number): number {
  return Math.floor(PATTERN / 2 ** (8 * lane)) % 2 ** (8 * width);
}

export const accessDuties: readonly Duty[] = [
  {
    name: 'reads arrive once, with their offset and, as promised, their width',
    async check(target, { base }) {
      const device = new RecordingHandler();
      for (let offset = 0; offset < 64; offset += 4) device.memory.setUint32(offset, PATTERN, true);
      target.machine.mapMmio(base, 0x1000, device);
      const exact = target.machine.capabilities.exactReadWidths;
      const reads = lanes(base, 'read').filter(({ width }) => exact.includes(width));
      await perform(target, reads);
      same(
        device.seen,
        reads.map(({ width, offset }) => `read ${width} at ${offset}`),
        'reads',
      );
    },
  },
  {
    name: 'what a read returns reaches the guest, all bits of it, at every width',
    async check(target, { base }) {
      const device = new RecordingHandler();
      for (let offset = 0; offset < 64; offset += 4) device.memory.setUint32(offset, PATTERN, true);
      target.machine.mapMmio(base, 0x1000, device);
      const reads = lanes(base, 'read');
      await perform(target, reads);
      same(
        reads.map((_, index) => target.result(index)),
        reads.map(({ offset, width }) => part(offset % 4, width)),
        'values read',
      );
    },
  },
  {
    name: 'writes arrive once, unsigned, with their offset and, as promised, their width; nothing is read for them',
    async check(target, { base }) {
      const device = new RecordingHandler();
      target.machine.mapMmio(base, 0x1000, device);
      const exact = target.machine.capabilities.exactWriteWidths;
      const writes = lanes(base, 'write').filter(({ width }) => exact.includes(width));
      await perform(target, writes);
      same(
        device.seen,
        writes.map(({ width, offset, value }) => `write ${width} at ${offset}: ${value}`),
        'writes',
      );
    },
  },
  {
    name: 'writes of every width change their bytes and no others',
    async check(target, { base }) {
      const device = new RecordingHandler();
      target.machine.mapMmio(base, 0x1000, device);
      const writes = lanes(base, 'write');
      await perform(target, writes);
      const wanted = new DataView(new ArrayBuffer(64));
      for (const { offset, width } of writes) {
        for (let at = 0; at < width; at++) {
          wanted.setUint8(offset + at, part((offset % 4) + at, 1));
        }
      }
      const bytes = (view: DataView) => [...new Uint8Array(view.buffer, 0, 64)];
      same(bytes(device.memory), bytes(wanted), 'the bytes of the device');
    },
  },
  {
    name: 'several ranges get their own accesses, up to their last word',
    async check(target, { base }) {
      const size = Math.max(0x1000, target.machine.capabilities.mmioGranule);
      const devices = [0, 1].map(() => new RecordingHandler(size));
      devices.forEach((device, index) => {
        target.machine.mapMmio(base + index * size, size, device);
      });
      const read = (address: number): GuestAccess => ({ direction: 'read', width: 4, address });
      await perform(target, [
        read(base + size - 4),
        read(base + size),
        read(base),
        read(base + 2 * size - 4),
      ]);
      const last = `read 4 at ${size - 4}`;
      same(devices[0]?.seen, [last, 'read 4 at 0'], 'accesses of the first range');
      same(devices[1]?.seen, ['read 4 at 0', last], 'accesses of the second range');
    },
  },
  {
    name: 'a range that is taken or misaligned is refused, and leaves what was there',
    async check(target, { base }) {
      const { machine } = target;
      const { mmioGranule } = machine.capabilities;
      const size = Math.max(0x1000, mmioGranule);
      const device = new RecordingHandler(size);
      machine.mapMmio(base, size, device);
      const intruder = new RecordingHandler(size);
      const tries: [what: string, base: number, size: number][] = [
        ['a taken range', base, size],
        ['a misaligned base', base + 2 * size + mmioGranule / 2, size],
        ['a misaligned size', base + 2 * size, mmioGranule / 2],
      ];
      for (const [what, at, bytes] of tries) {
        let refused = false;
        try {
          machine.mapMmio(at, bytes, intruder);
        } catch {
          refused = true;
        }
        must(refused, `${what} (0x${at.toString(16)}, ${bytes} bytes) was not refused`);
      }
      await perform(target, [{ direction: 'read', width: 4, address: base }]);
      same(intruder.seen, [], 'accesses of the refused ranges');
      same(device.seen, ['read 4 at 0'], 'accesses of the first range');
    },
  },
  {
    name: 'an unmapped range is free again; unmapping twice does nothing',
    async check(target, { base }) {
      const { machine } = target;
      const size = Math.max(0x1000, machine.capabilities.mmioGranule);
      const [before, after] = [new RecordingHandler(size), new RecordingHandler(size)];
      const unmap = machine.mapMmio(base, size, before);
      unmap();
      machine.mapMmio(base, size, after);
      unmap();
      await perform(target, [{ direction: 'write', width: 4, address: base + 8, value: 1 }]);
      await settle(target);
      same(before.seen, [], 'accesses of the unmapped range');
      same(after.seen, ['write 4 at 8: 1'], 'accesses of the range mapped after it');
    },
  },
  {
    name: 'RAM is what the guest sees, in both directions',
    needs: 'ramAddress',
    async check(target, { ramAddress = 0 }) {
      const block = target.machine.guestRam.find(
        ({ guestAddress, bytes }) =>
          guestAddress <= ramAddress && ramAddress + 8 <= guestAddress + bytes.length,
      );
      must(block !== undefined, `guestRam has no block with 0x${ramAddress.toString(16)}`);
      const view = () => {
        const { buffer, byteOffset } = block.bytes;
        return new DataView(buffer, byteOffset + ramAddress - block.guestAddress, 8);
      };
      view().setUint32(0, PATTERN, true);
      await perform(target, [
        { direction: 'read', width: 4, address: ramAddress },
        { direction: 'write', width: 4, address: ramAddress + 4, value: 0x8765_4321 },
      ]);
      same(target.result(0), PATTERN, 'what the guest reads of RAM that the host has written');
      same(
        view().getUint32(4, true),
        0x8765_4321,
        'what the host reads of RAM that the guest wrote',
      );
    },
  },
];
