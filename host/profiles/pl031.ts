import type { DeviceProfile } from './profile';

/**
 * ARM PrimeCell Real Time Clock PL031 (ARM DDI 0224, chapter 3).
 *
 * EOI: a missing rule leaves the line stuck, for the kernel has masked it and
 * waits for the unmask that comes with the EOI; a rule that fires too often only
 * costs a re-sample of the line. So there is one for every access after which
 * RTCINTR may be low: the clear, masking it off, and a look at RTCMIS that shows
 * nothing, by which a handler ends whose interrupt was dealt with before it ran.
 * All are one byte wide, so that narrow accesses count, too.
 */
export const pl031Profile: DeviceProfile = {
  name: 'ARM PL031 real time clock',
  compatible: ['arm,pl031'],
  registers: [
    { region: 0, offset: 0x000, name: 'RTCDR', access: 'ro' },
    { region: 0, offset: 0x004, name: 'RTCMR', access: 'rw', sideEffect: 'moves the alarm' },
    { region: 0, offset: 0x008, name: 'RTCLR', access: 'rw', sideEffect: 'sets the time' },
    {
      region: 0,
      offset: 0x00c,
      name: 'RTCCR',
      access: 'rw',
      sideEffect: 'bit 0 starts the clock, for good',
    },
    { region: 0, offset: 0x010, name: 'RTCIMSC', access: 'rw' },
    { region: 0, offset: 0x014, name: 'RTCRIS', access: 'ro' },
    { region: 0, offset: 0x018, name: 'RTCMIS', access: 'ro' },
    {
      region: 0,
      offset: 0x01c,
      name: 'RTCICR',
      access: 'wo',
      sideEffect: 'bit 0 clears the interrupt',
    },
  ],
  eoi: [
    { region: 0, offset: 0x01c, width: 1, access: 'write', mask: 1, line: 0 },
    { region: 0, offset: 0x010, width: 1, access: 'write', mask: 1, value: 0, line: 0 },
    { region: 0, offset: 0x018, width: 1, access: 'read', mask: 1, value: 0, line: 0 },
  ],
};
