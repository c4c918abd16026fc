import { pl011Profile, pl031Profile, pl061Profile } from '../host/profiles';
import type { DeviceProfile } from '../host/profiles/profile';

/** Where the firmware expects one of its devices, and where the host has it. */
export interface DeviceSpec {
  /** What the output calls it. */
  readonly label: 'RTC' | 'GPIO' | 'UART';
  /** What the firmware's DONE line calls it. */
  readonly counter: 'rtc' | 'gpio' | 'uart';
  /** Its name on the host's bus. */
  readonly name: string;
  readonly profile: DeviceProfile;
  /** Guest physical address of region 0. */
  readonly base: number;
  /** Interrupt input of the guest for line 0. */
  readonly input: number;
}

/** The board of firmware/stories.bin; firmware/README.md has the same table. */
export const deviceSpecs: readonly DeviceSpec[] = [
  {
    label: 'RTC',
    counter: 'rtc',
    name: '9010000.pl031',
    profile: pl031Profile,
    base: 0x6000_0000,
    input: 20,
  },
  {
    label: 'GPIO',
    counter: 'gpio',
    name: '9030000.pl061',
    profile: pl061Profile,
    base: 0x6000_4000,
    input: 21,
  },
  {
    label: 'UART',
    counter: 'uart',
    name: '9000000.pl011',
    profile: pl011Profile,
    base: 0x6000_8000,
    input: 22,
  },
];
