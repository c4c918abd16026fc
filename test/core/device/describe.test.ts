import { expect, it, describe as suite } from 'vitest';
import { openDevice } from '../../../host';
import { describe, descriptionOf } from '../../../host/describe';
import {
  MemoryDevice,
  Ns16550,
  type SimulatedDeviceOptions,
  SimulatedHost,
} from '../../../host/sim';
import { coreModule } from '../../support/core';

async function open(options: SimulatedDeviceOptions) {
  const host = new SimulatedHost();
  host.addDevice(options);
  const device = await openDevice(
    host,
    { host: options.name },
    { clock: host.clock, core: coreModule },
  );
  return { host, device };
}

const cells = (...values: number[]) =>
  Uint8Array.from(values.flatMap((value) => [24, 16, 8, 0].map((shift) => value >>> shift)));

suite('describing an open device', () => {
  it('takes regions, lines and compatible strings from the device and its wiring', async () => {
    const { device, host } = await open({ name: '9040000.serial', model: new Ns16550() });
    const description = descriptionOf(
      device,
      { regions: { 0: 0xfea00000 }, lines: { 0: 5 } },
      { sysfs: host.sysfs },
    );
    expect(description).toEqual({
      name: 'serial',
      compatible: ['ns16550a', 'ns16550'],
      regions: [{ base: 0xfea00000, size: 8 }],
      lines: [{ input: 5, trigger: 'level' }],
      hid: 'PNP0501',
      properties: { 'reg-shift': 0, 'reg-io-width': 1 },
      notes: [],
    });
    expect(describe(description).deviceTree).toContain('interrupts = <0 5 4>;');
    device.close();
  });

  it('copies the properties of the host node, decoded; those win over the profile, the user wins over both', async () => {
    const { device, host } = await open({
      name: '9040000.serial',
      model: new Ns16550(),
      properties: {
        'reg-shift': cells(2),
        'clock-frequency': cells(0x80c0ffee),
        label: 'console\0',
        'fifo-size': cells(16, 32),
        odd: Uint8Array.of(1, 2, 0xff),
        'dma-coherent': '',
        modes: 'a\0b\0',
      },
    });
    const { properties } = descriptionOf(
      device,
      { regions: { 0: 0xfea00000 }, lines: { 0: 5 } },
      { sysfs: host.sysfs, properties: { 'reg-io-width': 4, label: 'mine' } },
    );
    expect(properties).toEqual({
      'reg-shift': 2,
      'reg-io-width': 4,
      'clock-frequency': 0x80c0ffee,
      label: 'mine',
      'fifo-size': [16, 32],
      odd: Uint8Array.of(1, 2, 0xff),
      'dma-coherent': true,
      modes: ['a', 'b'],
    });
    device.close();
  });

  it('leaves out what only holds in the host, and says what refers to nodes that the guest has not', async () => {
    const { device, host } = await open({
      name: '9040000.serial',
      model: new Ns16550(),
      properties: {
        reg: cells(0, 0x9040000, 0, 8),
        interrupts: cells(0, 33, 4),
        'interrupt-parent': cells(1),
        phandle: cells(7),
        status: 'okay\0',
        clocks: cells(3),
        'clock-names': 'apb_pclk\0',
        'cts-gpios': cells(4, 5, 0),
        'vcc-supply': cells(9),
        'pinctrl-0': cells(8),
        'pinctrl-names': 'default\0',
      },
    });
    host.sysfs.addDirectory('/sys/firmware/devicetree/base/serial@9040000/child');
    const description = descriptionOf(
      device,
      { regions: { 0: 0xfea00000 }, lines: {} },
      { sysfs: host.sysfs, hid: 'PRP0001' },
    );
    expect(description.properties).toEqual({ 'reg-shift': 0, 'reg-io-width': 1 });
    expect(description.hid).toBe('PRP0001');
    expect(description.notes).toEqual([
      'child of the host was not copied: a child node, or unreadable',
      'not copied, for they refer to other nodes of the host: clocks, cts-gpios, pinctrl-0, vcc-supply',
    ]);
    device.close();
  });

  it('describes only what is wired, in order of index, and keeps the names of that', async () => {
    const { device, host } = await open({
      name: 'combo',
      model: new MemoryDevice({
        compatible: ['test,combo'],
        regions: [{ size: 0x1000 }, { size: 0x2000 }, { size: 0x3000 }],
        lines: ['edge', 'level'],
      }),
      properties: { 'reg-names': 'a\0b\0c\0', 'interrupt-names': 'done\0error\0' },
    });
    const description = descriptionOf(
      device,
      { regions: { 2: 0x3000, 0: 0x1000 }, lines: { 1: 9 } },
      { sysfs: host.sysfs },
    );
    expect(description).toMatchObject({
      name: 'combo',
      regions: [
        { base: 0x1000, size: 0x1000 },
        { base: 0x3000, size: 0x3000 },
      ],
      lines: [{ input: 9, trigger: 'level' }],
      properties: { 'reg-names': ['a', 'c'], 'interrupt-names': ['error'] },
    });
    expect(description.hid).toBeUndefined();
    device.close();
  });

  it('says which part of the wiring the device does not have', async () => {
    const { device } = await open({ name: '9040000.serial', model: new Ns16550() });
    expect(() => descriptionOf(device, { regions: { 1: 0 }, lines: {} })).toThrow(
      '9040000.serial cannot be described to a guest: it has no region 1, only 1',
    );
    expect(() => descriptionOf(device, { regions: { 0: 0 }, lines: { 3: 0 } })).toThrow(
      'it has no line 3, only 1',
    );
    device.close();
  });

  it('works without the host node: through bytes that were lost nothing is made up', async () => {
    const { device, host } = await open({
      name: '9040000.serial',
      model: new Ns16550(),
      properties: { 'clock-frequency': cells(0x80c0ffee), 'fifo-size': cells(16) },
    });
    const { sysfs } = host;
    const textOnly = {
      exists: (path: string) => sysfs.exists(path),
      readLink: (path: string) => sysfs.readLink(path),
      realPath: (path: string) => sysfs.realPath(path),
      readText: (path: string) => sysfs.readText(path),
      list: (path: string) => sysfs.list(path),
    };
    const wiring = { regions: { 0: 0xfea00000 }, lines: { 0: 5 } };
    const copied = descriptionOf(device, wiring, { sysfs: textOnly });
    expect(copied.properties).toEqual({ 'reg-shift': 0, 'reg-io-width': 1, 'fifo-size': 16 });
    expect(copied.notes).toEqual([
      'clock-frequency of the host was not copied: a child node, or unreadable',
    ]);
    expect(descriptionOf(device, wiring).notes).toEqual([]);
    device.close();
  });
});
