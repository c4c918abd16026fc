import {
  type DeviceModel,
  MemoryDevice,
  type ModelWidth,
  Pl011,
  Pl031,
  Pl061,
} from '../../host/sim/models';
import { SimulatedHost } from '../../host/sim/simulated-host';
import { type Bench, board, DMA_ENTRY_LIMIT } from './scenario';

/**
 * The lab's devices differ from the hardware that the models follow: nothing
 * can reset them, and QEMU's PrimeCells ignore the low two bits of an address,
 * so that a narrow access has the register's low bytes wherever it is in it.
 */
function asInTheLab<M extends DeviceModel>(model: M): M {
  const read = model.read.bind(model);
  return Object.assign(model, {
    resettable: false,
    read: (region: number, offset: number, width: ModelWidth) =>
      read(region, offset & ~3, 4) % 2 ** (8 * width),
  });
}

/** The lab's board with a simulated kernel and simulated devices. */
export function simulatedBench(options: { readonly iommufd?: boolean } = {}): Bench {
  const host = new SimulatedHost({
    unsafeNoiommu: true,
    iommufd: options.iommufd ?? false,
    dmaEntryLimit: DMA_ENTRY_LIMIT,
  });
  const gpio = asInTheLab(new Pl061());
  host.addDevice({ name: board.rtc, bus: 'amba', model: asInTheLab(new Pl031()) });
  host.addDevice({ name: board.gpio, bus: 'amba', model: gpio });
  const uart = asInTheLab(new Pl011());
  // Nothing drives the modem inputs of the lab's.
  uart.setModem({ cts: false, dsr: false, dcd: false });
  host.addDevice({ name: board.uart, bus: 'amba', noiommu: true, model: uart });
  // Of these two only the shape matters: no scenario looks at their registers.
  const edu = new MemoryDevice({
    regions: [{ size: 0x100000 }],
    lines: ['level'],
    resettable: false,
  });
  const slot = new MemoryDevice({ regions: [{ size: 0x200 }], lines: ['edge'], resettable: false });
  host.addDevice({ name: board.edu, model: edu });
  host.addDevice({ name: board.slot, noiommu: true, model: slot });
  return {
    kernel: host.kernel,
    sysfs: host.sysfs,
    pass: async (milliseconds) => host.clock.advance(milliseconds * 1e6),
    settle: async () => {},
    memory: (bytes) => ({ bytes: new Uint8Array(bytes) }),
    setPin: (pin, high) => gpio.setPin(pin, high),
  };
}
