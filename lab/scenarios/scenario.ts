import type { GuestRam } from '../../host/boundary/guest-ram';
import type { Kernel, Sysfs } from '../../host/boundary/kernel';
import { errnoName } from '../../host/errors';

/**
 * What a scenario works with: the lab's board under some kernel. The names of
 * the devices are the same everywhere.
 */
export interface Bench {
  readonly kernel: Kernel;
  readonly sysfs: Sysfs;
  /** Lets that much of the devices' time go by. */
  pass(milliseconds: number): Promise<void>;
  /** Lets what is on its way arrive. */
  settle(): Promise<void>;
  /** Memory of the process, whole pages; what lies before and behind it is not there. */
  memory(bytes: number): GuestRam;
  /** Drives an input pin of the PL061 from outside. */
  setPin(pin: number, high: boolean): void;
}

/** DMA mappings that a container may have in the scenarios (vfio_iommu_type1.dma_entry_limit). */
export const DMA_ENTRY_LIMIT = 8;

/** The devices of the board; lab/build/board.sh describes them. */
export const board = {
  /** PL031 on the AMBA bus behind an IOMMU, level. */
  rtc: '9010000.pl031',
  /** PL061 on the AMBA bus behind an IOMMU, level. */
  gpio: '9030000.pl061',
  /** PL011 on the AMBA bus without an IOMMU, level. */
  uart: '9000000.pl011',
  /** The DMA engine on the platform bus behind an IOMMU, level. */
  edu: '10000000.edu',
  /** A virtio balloon on the platform bus, no IOMMU, 512 bytes, edge. */
  slot: 'a000000.virtio_mmio',
} as const;

export type Outcome = number | string | readonly (number | string)[];

/** One thing that was done, and what came of it. */
export type Entry = readonly [what: string, outcome: Outcome];

/** What a scenario did and saw; the same on every kernel that agrees. */
export class Transcript {
  readonly entries: Entry[] = [];

  note(what: string, outcome: Outcome): void {
    this.entries.push([what, outcome]);
  }

  /** The result of a system call: an errno by its name. Gives it back. */
  result(what: string, result: number): number {
    this.note(what, outcome(result));
    return result;
  }

  /** The same for a call that makes a descriptor, whose number does not matter. */
  descriptor(what: string, result: number): number {
    this.note(what, result < 0 ? outcome(result) : 'fd');
    return result;
  }
}

/** The result of a system call, with errnos by name. */
export function outcome(result: number): number | string {
  return result < 0 ? errnoName(-result) : result;
}

export interface Scenario {
  readonly name: string;
  run(bench: Bench, transcript: Transcript): Promise<void>;
}
