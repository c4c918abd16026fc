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

/** The emulators that the demo runs on. */
export const machineNames = ['rp2040js', 'v86'] as const;
export type MachineName = (typeof machineNames)[number];

type Place = Pick<DeviceSpec, 'base' | 'input'>;

/** Where each board has the devices; firmware/README.md has the same table. */
const places: Readonly<Record<MachineName, readonly [rtc: Place, gpio: Place, uart: Place]>> = {
  rp2040js: [
    { base: 0x6000_0000, input: 20 },
    { base: 0x6000_4000, input: 21 },
    { base: 0x6000_8000, input: 22 },
  ],
  v86: [
    { base: 0xfea0_0000, input: 5 },
    { base: 0xfea0_4000, input: 10 },
    { base: 0xfea0_8000, input: 11 },
  ],
};

/** The devices of the firmware's stories, in one order. */
export function deviceSpecsOf(machine: MachineName): readonly DeviceSpec[] {
  const [rtc, gpio, uart] = places[machine];
  return [
    { label: 'RTC', counter: 'rtc', name: '9010000.pl031', profile: pl031Profile, ...rtc },
    { label: 'GPIO', counter: 'gpio', name: '9030000.pl061', profile: pl061Profile, ...gpio },
    { label: 'UART', counter: 'uart', name: '9000000.pl011', profile: pl011Profile, ...uart },
  ];
}
