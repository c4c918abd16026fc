import { VfioError } from '../../errors';
import { SUPPORTED, type V86Cpu } from './internals';

/** Of every ACPI table (ACPI 6.5, 5.2.6): signature, length, revision, checksum. */
const HEADER_SIZE = 36;
const LENGTH = 4;

function check(table: Uint8Array): void {
  const bytes = table.length;
  const said =
    bytes < HEADER_SIZE
      ? undefined
      : new DataView(table.buffer, table.byteOffset).getUint32(LENGTH, true);
  if (said !== bytes) {
    throw new RangeError(
      `this is no ACPI table: its header says ${said ?? 'nothing'}, and it has ${bytes} bytes`,
    );
  }
  if (table.reduce((sum, byte) => (sum + byte) & 0xff, 0) !== 0) {
    throw new RangeError('this is no ACPI table: its checksum is wrong');
  }
}

/**
 * ACPI tables of ours in v86's fw_cfg. SeaBIOS adds every file 'acpi/…' of it to
 * the tables that it hands to the guest.
 */
export class V86AcpiTables {
  readonly #cpu: V86Cpu;
  readonly #added = new Set<object>();
  #count = 0;

  constructor(cpu: V86Cpu) {
    this.#cpu = cpu;
  }

  add(table: Uint8Array): () => void {
    check(table);
    const { option_roms: files } = this.#cpu;
    if (!Array.isArray(files)) {
      throw new VfioError(
        'MACHINE',
        `this v86 takes no ACPI tables: V86.v86.cpu.option_roms is missing; ${SUPPORTED}`,
      );
    }
    const file = { name: `acpi/vfio-platform-${this.#count++}.aml`, data: table.slice() };
    files.push(file);
    this.#added.add(file);
    return () => this.#remove(file);
  }

  detach(): void {
    for (const file of this.#added) this.#remove(file);
  }

  #remove(file: object): void {
    if (!this.#added.delete(file)) return;
    const files = this.#cpu.option_roms as object[];
    const index = files.indexOf(file);
    if (index >= 0) files.splice(index, 1);
  }
}
