import {
  type DeviceModel,
  DmaEngine,
  MemoryDevice,
  Ns16550,
  Pl011,
  Pl031,
  Pl061,
} from '../../sim/models';
import type { Bus } from '../devices/host-device';

/** A device of the simulated computer, as it is after boot. */
export interface BoardDevice {
  readonly name: string;
  readonly bus: Bus;
  readonly group: number;
  /** A new model of the device; `serial` hears what a UART sends. */
  readonly model: (serial: (byte: number) => void) => DeviceModel;
  /** The driver that Linux gives it; none when undefined. */
  readonly hostDriver: string | undefined;
  /** Bound to VFIO already. */
  readonly vfio?: boolean;
  /** Behind no IOMMU. */
  readonly noiommu?: boolean;
  /** What else of the of_node is worth having. */
  readonly properties?: Readonly<Record<string, string>>;
  /** Its terminal, when it is a UART with a driver. */
  readonly tty?: string;
}

/** The terminal that the kernel's messages go to. */
export const CONSOLE = 'ttyAMA0';

/** A process that has a device open, as on a computer that is in use. */
export const holder = { pid: 4242, command: 'qemu-system-aar', device: '9060000.pl061' } as const;

/** One device for everything that can be seen on a real board. */
export const sampleBoard: readonly BoardDevice[] = [
  {
    name: '9000000.pl011',
    bus: 'amba',
    group: 0,
    model: (serial) => new Pl011({ onTransmit: serial }),
    hostDriver: 'uart-pl011',
    tty: CONSOLE,
  },
  {
    name: '9010000.pl031',
    bus: 'amba',
    group: 1,
    model: () => new Pl031(),
    hostDriver: 'rtc-pl031',
    vfio: true,
  },
  {
    name: '9030000.pl061',
    bus: 'amba',
    group: 2,
    model: () => new Pl061(),
    hostDriver: 'pl061_gpio',
  },
  {
    name: '9040000.pl011',
    bus: 'amba',
    group: 3,
    model: (serial) => new Pl011({ onTransmit: serial }),
    hostDriver: 'uart-pl011',
    vfio: true,
    tty: 'ttyAMA1',
  },
  {
    name: '9050000.dma',
    bus: 'platform',
    group: 4,
    model: () => new DmaEngine(),
    hostDriver: undefined,
    vfio: true,
  },
  {
    name: holder.device,
    bus: 'amba',
    group: 5,
    model: () => new Pl061(),
    hostDriver: 'pl061_gpio',
    vfio: true,
  },
  {
    name: '9070000.crypto',
    bus: 'platform',
    group: 6,
    model: () => new MemoryDevice({ compatible: ['example,crypto'] }),
    hostDriver: 'example-crypto',
    vfio: true,
  },
  {
    name: '9071000.rng',
    bus: 'platform',
    group: 6,
    model: () => new MemoryDevice({ compatible: ['example,rng'] }),
    hostDriver: 'example-rng',
  },
  {
    name: '9080000.serial',
    bus: 'platform',
    group: 7,
    model: (serial) => new Ns16550({ onTransmit: serial }),
    hostDriver: 'of_serial',
    noiommu: true,
    tty: 'ttyS0',
  },
];
