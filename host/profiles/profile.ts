/**
 * Completes a line when the guest makes a matching access (EOI source
 * 'register', spec S7). An access matches when it touches the register, goes in
 * the given direction and, where `mask` is given, `(data & mask) === value`.
 */
export interface EoiRule {
  readonly region: number;
  /** Byte offset of the register in the region. */
  readonly offset: number;
  /** Bytes of the register, 4 unless given. */
  readonly width?: 1 | 2 | 4;
  readonly access: 'read' | 'write';
  /** Bits of the register that decide; all accesses match without it. */
  readonly mask?: number;
  /** What the masked bits must be; any non-zero bit will do unless given. */
  readonly value?: number;
  /** The interrupt line (VFIO IRQ index) that is completed. */
  readonly line: number;
}

/** A named register, for traces and tools. */
export interface RegisterName {
  readonly region: number;
  readonly offset: number;
  readonly name: string;
  readonly access: 'ro' | 'wo' | 'rw';
  /** What a read or write does besides transferring data, e.g. 'pops the receive FIFO'. */
  readonly sideEffect?: string;
}

/** Hints for the machine description (spec S11) that the device itself does not give. */
export interface DescriptionHints {
  /** ACPI hardware id that guest drivers know, when there is one. */
  readonly acpiHid?: string;
  /** Device-tree properties to add, as they would stand in the tree; an empty list has no value. */
  readonly properties?: Readonly<
    Record<string, string | number | readonly number[] | readonly string[] | true>
  >;
}

/** What is worth knowing about a kind of device beyond what VFIO tells; plain data. */
export interface DeviceProfile {
  readonly name: string;
  /** Compatible strings that select the profile. */
  readonly compatible: readonly string[];
  readonly registers: readonly RegisterName[];
  readonly eoi: readonly EoiRule[];
  readonly hints?: DescriptionHints;
}
