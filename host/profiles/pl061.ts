import type { DeviceProfile, EoiRule, RegisterName } from './profile';

const GPIODATA_REGISTERS = 256;

/** GPIODATA has an address for each set of pins. */
const gpioData: readonly RegisterName[] = Array.from(
  { length: GPIODATA_REGISTERS },
  (_, mask): RegisterName => ({
    region: 0,
    offset: 4 * mask,
    name: `GPIODATA[${mask.toString(16).padStart(2, '0')}]`,
    access: 'rw',
    sideEffect: 'touches only the pins that address bits 9:2 name',
  }),
);

const whenWritten = (offset: number): EoiRule => ({
  region: 0,
  offset,
  width: 1,
  access: 'write',
  line: 0,
});

/**
 * ARM PrimeCell GPIO PL061 (ARM DDI 0190, chapter 3), with the combined
 * interrupt GPIOINTR as line 0.
 *
 * EOI: a missing rule leaves the line stuck, for the kernel has masked it and
 * waits for the unmask that comes with the EOI; a rule that fires too often only
 * costs a re-sample of the line. So there is one for every write that can take
 * GPIOINTR down (clear, mask, detection mode, direction). A level interrupt also
 * goes away on its own when the pin changes; what the handler does then is look
 * at GPIOMIS, find 0 and return, so that read counts, and so does any read of
 * GPIORIS, which cannot tell whether what it shows is masked. All are one byte
 * wide, because Linux uses byte accesses.
 */
export const pl061Profile: DeviceProfile = {
  name: 'ARM PL061 GPIO',
  compatible: ['arm,pl061'],
  registers: [
    ...gpioData,
    { region: 0, offset: 0x400, name: 'GPIODIR', access: 'rw', sideEffect: 'drives pins' },
    { region: 0, offset: 0x404, name: 'GPIOIS', access: 'rw' },
    { region: 0, offset: 0x408, name: 'GPIOIBE', access: 'rw' },
    { region: 0, offset: 0x40c, name: 'GPIOIEV', access: 'rw' },
    { region: 0, offset: 0x410, name: 'GPIOIE', access: 'rw' },
    { region: 0, offset: 0x414, name: 'GPIORIS', access: 'ro' },
    { region: 0, offset: 0x418, name: 'GPIOMIS', access: 'ro' },
    { region: 0, offset: 0x41c, name: 'GPIOIC', access: 'wo', sideEffect: 'clears edges' },
    {
      region: 0,
      offset: 0x420,
      name: 'GPIOAFSEL',
      access: 'rw',
      sideEffect: 'hands pins to other hardware',
    },
  ],
  eoi: [
    whenWritten(0x400),
    whenWritten(0x404),
    whenWritten(0x408),
    whenWritten(0x40c),
    whenWritten(0x410),
    whenWritten(0x41c),
    { region: 0, offset: 0x414, width: 1, access: 'read', line: 0 },
    { region: 0, offset: 0x418, width: 1, access: 'read', mask: 0xff, value: 0, line: 0 },
  ],
  hints: {
    acpiHid: 'ARMH0061',
    // What the binding asks of every PL061; an empty list is a property without value.
    properties: {
      'gpio-controller': [],
      '#gpio-cells': 2,
      'interrupt-controller': [],
      '#interrupt-cells': 2,
    },
  },
};
