import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { V86 } from 'v86';
import { V86Machine } from '../../host/machines/v86';

export type Firmware = 'stories-pc' | 'test-bus-pc' | 'test-bus-ioapic' | 'workload-pc';

/** Where link-pc.ld puts what the host looks at, in the block of RAM that starts at 1 MiB. */
const SHARED = 0x20_0000 - 0x10_0000;

/** A busy host gives this much less processor time than goes by; no wait gets near vitest's own limit. */
const BUSY = 8;
const MAX_WAIT_MS = 200_000;

export interface V86Setup {
  /** No compiled code: every instruction is interpreted. */
  readonly disable_jit?: boolean;
  readonly memory_size?: number;
  readonly acpi?: boolean;
}

/** A v86 with one of the firmwares as its kernel; it has not run yet. */
export class V86Guest {
  readonly emulator: V86;
  readonly machine: V86Machine;

  private constructor(emulator: V86, machine: V86Machine) {
    this.emulator = emulator;
    this.machine = machine;
  }

  static async create(firmware: Firmware, setup: V86Setup = {}): Promise<V86Guest> {
    const emulator = newEmulator(firmware, setup);
    return new V86Guest(emulator, await V86Machine.whenReady(emulator));
  }

  /** The firmware's shared words; never kept, because v86's memory may grow. */
  get shared(): Uint32Array {
    const { bytes } = this.machine.guestRam[1] as (typeof this.machine.guestRam)[number];
    return new Uint32Array(bytes.buffer as ArrayBuffer, bytes.byteOffset + SHARED, 1024);
  }

  run(): void {
    void this.emulator.run();
  }

  /**
   * Lets the emulator run until `condition`.
   * @throws Error after `limitMs` of processor time, of which a busy host gives little, and an
   *   idle guest takes little: after several times as long in any case
   */
  async until(condition: () => boolean, limitMs = 20_000): Promise<void> {
    const start = processorMs();
    const end = performance.now() + Math.min(BUSY * limitMs, MAX_WAIT_MS);
    while (!condition()) {
      if (processorMs() - start > limitMs || performance.now() > end) {
        throw new Error(`not within ${limitMs} ms`);
      }
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  }

  /**
   * Clears PCI base addresses that stand for nothing, as a BIOS does: without
   * that v86 (0.5.462) fails to restore its states.
   */
  clearUnusedBars(): void {
    const { pci } = (this.emulator as unknown as V86WithPci).v86.cpu.devices;
    pci.devices.forEach((device, id) => {
      const space = pci.device_spaces[id];
      for (let bar = 0; device && space && bar < device.pci_bars.length; bar++) {
        if (!device.pci_bars[bar]) space[4 + bar] = 0;
      }
    });
  }

  async destroy(): Promise<void> {
    await this.emulator.destroy();
  }
}

function processorMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

interface V86WithPci {
  readonly v86: {
    readonly cpu: {
      readonly devices: {
        readonly pci: {
          readonly devices: readonly ({ readonly pci_bars: readonly unknown[] } | undefined)[];
          readonly device_spaces: readonly (Int32Array | undefined)[];
        };
      };
    };
  };
}

export function newEmulator(firmware: Firmware, setup: V86Setup = {}): V86 {
  const image = readFileSync(new URL(`../../firmware/${firmware}.elf`, import.meta.url));
  const { buffer } = new Uint8Array(image);
  return new V86({
    wasm_path: fileURLToPath(import.meta.resolve('v86/build/v86.wasm')),
    memory_size: 16 << 20,
    multiboot: { buffer },
    disable_keyboard: true,
    disable_mouse: true,
    disable_speaker: true,
    autostart: false,
    ...setup,
  });
}
