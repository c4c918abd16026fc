import { concat, littleEndian } from './aml';
import type { DeviceDescription } from './description';

// Resource descriptors (ACPI 6.5, section 6.4).
const MEMORY32_FIXED = 0x86;
const QWORD_ADDRESS = 0x8a;
const EXTENDED_INTERRUPT = 0x89;
const END_TAG = Uint8Array.of(0x79, 0);

const READ_WRITE = 1;
const MEMORY_RANGE = 0;
/** The device consumes the range; minimum and maximum address are fixed. */
const FIXED_CONSUMER = 0x0d;
const NON_CACHEABLE_READ_WRITE = 0x01;

const CONSUMER = 1 << 0;
const EDGE_TRIGGERED = 1 << 1;

function descriptor(type: number, ...body: readonly Uint8Array[]): Uint8Array {
  const bytes = concat(...body);
  return concat(Uint8Array.of(type), littleEndian(bytes.length, 2), bytes);
}

/** Memory32Fixed; above 4 GiB, which that cannot say, QWordMemory. */
function memory(base: number, size: number): Uint8Array {
  if (base + size <= 2 ** 32 && size < 2 ** 32) {
    return descriptor(
      MEMORY32_FIXED,
      Uint8Array.of(READ_WRITE),
      littleEndian(base, 4),
      littleEndian(size, 4),
    );
  }
  return descriptor(
    QWORD_ADDRESS,
    Uint8Array.of(MEMORY_RANGE, FIXED_CONSUMER, NON_CACHEABLE_READ_WRITE),
    ...[0, base, base + size - 1, 0, size].map((value) => littleEndian(value, 8)),
  );
}

/** Active high and exclusive. */
function interrupt(input: number, trigger: 'edge' | 'level'): Uint8Array {
  const flags = CONSUMER | (trigger === 'edge' ? EDGE_TRIGGERED : 0);
  return descriptor(EXTENDED_INTERRUPT, Uint8Array.of(flags, 1), littleEndian(input, 4));
}

/** What _CRS returns: the regions, then the lines, in the order of the description. */
export function resourceTemplate({ regions, lines }: DeviceDescription): Uint8Array {
  return concat(
    ...regions.map(({ base, size }) => memory(base, size)),
    ...lines.map(({ input, trigger }) => interrupt(input, trigger)),
    END_TAG,
  );
}
