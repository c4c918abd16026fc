import { type PluggedDevice, plug, type VfioHost } from '../../host';
import { describe, descriptionOf } from '../../host/describe';
import type { V86Machine } from '../../host/machines/v86';
import {
  AlteraPs2,
  type DeviceHandle,
  type DeviceModel,
  DwApbUart,
  Ps2Keyboard,
  SimulatedHost,
  VirtioMmio,
  VirtioRng,
} from '../../host/sim';

/** Serial clock of the UART; 16 periods make a bit, so this is 4 Mbit/s at most. */
const UART_CLOCK = 64_000_000;
const UART_FIFO = 256;

const UART = '9040000.serial';

/** Free in v86, and where PCs have their devices. */
const BASES = { uart: 0xfea00000, rng: 0xfea01000, keyboard: 0xfea02000 };
/** Inputs that nothing else of the machine uses. */
export const INPUTS = { uart: 5, rng: 6, keyboard: 7 };

const cell = (value: number) => Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value);

/** The devices of the tests, plugged into a machine. */
export interface Board {
  readonly host: SimulatedHost<V86Machine['clock']>;
  /** The model of the UART, unless another one was asked for. */
  readonly uart: DwApbUart;
  readonly rng: DeviceHandle<VirtioMmio>;
  readonly keyboard: DeviceHandle<AlteraPs2>;
  readonly keys: Ps2Keyboard;
  readonly plugged: Readonly<Record<keyof typeof BASES, PluggedDevice>>;
  /** What describe() makes of them: an SSDT. */
  readonly ssdt: Uint8Array<ArrayBuffer>;
  /** Called with what the UART sends. */
  onUartByte: (byte: number) => void;
}

/** What can be otherwise with the UART. */
export interface BoardOptions {
  /** Another model than the DesignWare UART. */
  readonly uartModel?: DeviceModel;
  /** What it is opened on instead of the simulated host, such as a recording one. */
  readonly uartHost?: (host: VfioHost) => VfioHost;
}

/** Puts three devices on a simulated host and passes them through to the machine. */
export async function plugBoard(
  machine: V86Machine,
  { uartModel, uartHost = (host) => host }: BoardOptions = {},
): Promise<Board> {
  const host = new SimulatedHost({ clock: machine.clock });
  const keys = new Ps2Keyboard();
  const uart = new DwApbUart({
    clockHz: UART_CLOCK,
    fifoDepth: UART_FIFO,
    onTransmit: (byte) => board.onUartByte(byte),
  });
  host.addDevice({
    name: UART,
    model: uartModel ?? uart,
    properties: { 'clock-frequency': cell(UART_CLOCK) },
  });
  const rng = host.addDevice({
    name: 'a000000.virtio_mmio',
    model: new VirtioMmio(new VirtioRng()),
  });
  const keyboard = host.addDevice({
    name: '9050000.ps2',
    model: new AlteraPs2({ peripheral: keys }),
  });
  const wiring = (device: keyof typeof BASES) => ({
    regions: { 0: BASES[device] },
    lines: { 0: INPUTS[device] },
  });
  const plugged = {
    uart: await plug(uartHost(host), { host: UART }, machine, wiring('uart')),
    rng: await plug(host, { host: rng.name, dma: true }, machine, wiring('rng')),
    keyboard: await plug(host, { host: keyboard.name }, machine, wiring('keyboard')),
  };
  const { ssdt } = describe(
    (Object.keys(plugged) as (keyof typeof plugged)[]).map((device) =>
      descriptionOf(plugged[device].device, wiring(device), { sysfs: host.sysfs }),
    ),
  );
  const board: Board = {
    host,
    uart,
    rng,
    keyboard,
    keys,
    plugged,
    ssdt,
    onUartByte: () => undefined,
  };
  return board;
}
