import { describe, expect, test } from 'vitest';
import type { DeviceOptions } from '../../../host/options/options';
import { edges, levels, ProbeDevice, type ProbeOptions } from '../device/models';
import { type Opened, Rig, refused } from '../device/rig';

const LINES = { lines: [...edges(2), ...levels(1)] };

async function start(model: ProbeOptions = LINES, options: DeviceOptions = {}) {
  const rig = new Rig();
  const placed = rig.add(new ProbeDevice(model));
  return { rig, placed, opened: await rig.start(options) };
}

/** A device with a line in every state. */
async function busy() {
  const started = await start();
  const { placed, opened } = started;
  placed.pulse(0);
  opened.device.safePoint();
  placed.pulse(1);
  placed.setLine(2, true);
  opened.device.safePoint();
  opened.lines.take();
  return started;
}

/** Whether the device goes on as if restore() had not been called. */
function goesOn({ device, lines }: Opened): void {
  expect(device.lines.map(({ state }) => state)).toEqual(['active', 'pending', 'pending']);
  for (let i = 0; i < 3; i++) device.read(0, 0, 4);
  expect(lines.take()).toEqual(['-0', '+2', '-2', '+1', '-1']);
}

describe('restoring what is no snapshot of this device', () => {
  test('a snapshot of any other length is refused and changes nothing', async () => {
    const { opened, placed } = await busy();
    const snapshot = opened.device.snapshot();
    for (let length = 0; length < snapshot.length; length++) {
      const error = refused(() => opened.device.restore(snapshot.slice(0, length)));
      expect(error.code).toBe('SNAPSHOT_INVALID');
    }
    const longer = new Uint8Array([...snapshot, 0]);
    expect(refused(() => opened.device.restore(longer)).code).toBe('SNAPSHOT_INVALID');
    placed.setLine(2, false);
    goesOn(opened);
  });

  test('a snapshot with any byte changed is refused and changes nothing', async () => {
    const { opened, placed } = await busy();
    const snapshot = opened.device.snapshot();
    for (let at = 0; at < snapshot.length; at++) {
      const corrupt = snapshot.slice();
      corrupt[at] = (corrupt[at] as number) ^ 0x40;
      const error = refused(() => opened.device.restore(corrupt));
      expect(error.code).toMatch(/^SNAPSHOT_(INVALID|MISMATCH)$/);
      expect(error.device).toBe('dev');
    }
    placed.setLine(2, false);
    goesOn(opened);
  });

  const others: readonly [what: string, model: ProbeOptions, options: DeviceOptions][] = [
    ['more lines', { lines: [...LINES.lines, 'edge'] }, {}],
    ['fewer lines', { lines: edges(2) }, {}],
    ['other triggers', { lines: edges(3) }, {}],
    ['more regions', { ...LINES, regions: [{ size: 0x1000 }, { size: 0x1000 }] }, {}],
    ['a region of another size', { ...LINES, regions: [{ size: 0x2000 }] }, {}],
    ['a region of other access', { ...LINES, regions: [{ size: 0x1000, access: 'ro' }] }, {}],
    ['another policy', LINES, { policy: 'qemu' }],
    ['another edge count', LINES, { edgeCount: 'replay' }],
    ['other access widths', LINES, { accessWidths: [4] }],
  ];

  test.each(others)('a snapshot of a device with %s does not fit', async (_, model, options) => {
    const other = await start(model, options);
    const { opened, placed } = await busy();
    const snapshot = other.opened.device.snapshot();
    const error = refused(() => opened.device.restore(snapshot));
    expect(error).toMatchObject({ code: 'SNAPSHOT_MISMATCH', device: 'dev' });
    placed.setLine(2, false);
    goesOn(opened);
  });

  test.each([{ default: 'write' }, { default: 'irqchip' }, { lines: { 0: 'irqchip' } }] as const)(
    'a snapshot of a device with other EOI sources (%o) does not fit',
    async (eoi) => {
      const other = await start(LINES, { eoi });
      const { opened } = await busy();
      const snapshot = other.opened.device.snapshot();
      expect(refused(() => opened.device.restore(snapshot)).code).toBe('SNAPSHOT_MISMATCH');
    },
  );

  test.each([undefined, null, 'VPWS', 5, {}])('%o is no snapshot', async (value) => {
    const { opened } = await start();
    const error = refused(() => opened.device.restore(value as unknown as Uint8Array));
    expect(error.code).toBe('SNAPSHOT_INVALID');
  });

  test('a snapshot that lies inside a larger buffer is read where it is', async () => {
    const { opened, placed } = await busy();
    const snapshot = opened.device.snapshot();
    const buffer = new Uint8Array(snapshot.length + 20);
    buffer.set(snapshot, 7);
    opened.device.restore(buffer.subarray(7, 7 + snapshot.length));
    expect(opened.lines.take()).toEqual(['-0', '+0']);
    placed.setLine(2, false);
    goesOn(opened);
  });

  test('a restore of which the kernel refuses a mask is told', async () => {
    const { opened, placed } = await busy();
    const snapshot = opened.device.snapshot();
    placed.faults.inject({ call: 'ioctl', flags: 9, errno: 5 });
    expect(refused(() => opened.device.restore(snapshot))).toMatchObject({
      ...{ code: 'MASK', errno: 5, device: 'dev' },
    });
  });
});
