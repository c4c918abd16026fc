import type { DeviceProfile } from './profile';

const INTERRUPT_ACK = 0x64;

/**
 * virtio over MMIO (VIRTIO 1.2, section 4.2): the interrupt goes when the
 * driver acknowledges all of InterruptStatus.
 */
export const virtioMmioProfile: DeviceProfile = {
  name: 'virtio-mmio',
  compatible: ['virtio,mmio'],
  registers: [
    { region: 0, offset: 0x00, name: 'MagicValue', access: 'ro' },
    { region: 0, offset: 0x04, name: 'Version', access: 'ro' },
    { region: 0, offset: 0x08, name: 'DeviceID', access: 'ro' },
    { region: 0, offset: 0x0c, name: 'VendorID', access: 'ro' },
    { region: 0, offset: 0x30, name: 'QueueSel', access: 'wo' },
    {
      region: 0,
      offset: 0x50,
      name: 'QueueNotify',
      access: 'wo',
      sideEffect: 'the device looks at the queue',
    },
    { region: 0, offset: 0x60, name: 'InterruptStatus', access: 'ro' },
    {
      region: 0,
      offset: INTERRUPT_ACK,
      name: 'InterruptACK',
      access: 'wo',
      sideEffect: 'clears bits of InterruptStatus',
    },
    { region: 0, offset: 0x70, name: 'Status', access: 'rw', sideEffect: '0 resets the device' },
  ],
  eoi: [
    { region: 0, offset: INTERRUPT_ACK, access: 'write', line: 0 },
    // A reset lowers the line, too.
    { region: 0, offset: 0x70, access: 'write', mask: 0xff, value: 0, line: 0 },
  ],
  hints: { acpiHid: 'LNRO0005' },
};
