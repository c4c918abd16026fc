import type { DeviceProfile } from './profile';

/**
 * PS/2 core of Altera's DE boards (University Program manual, May 2012): the
 * interrupt goes when the last byte is taken, or is switched off.
 */
export const alteraPs2Profile: DeviceProfile = {
  name: 'Altera PS/2 core',
  compatible: ['altr,ps2-1.0', 'ALTR,ps2-1.0'],
  registers: [
    {
      region: 0,
      offset: 0,
      name: 'DATA',
      access: 'rw',
      sideEffect: 'a read takes a received byte, a write sends one',
    },
    { region: 0, offset: 4, name: 'CONTROL', access: 'rw' },
  ],
  eoi: [
    { region: 0, offset: 0, access: 'read', line: 0 },
    { region: 0, offset: 4, access: 'write', line: 0 },
  ],
};
