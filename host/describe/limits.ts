/** Limits of machine descriptions. Reaching one is VfioError DESCRIPTION_INVALID. */

/** Devices in one description; their ACPI names count from V000 to V0FF. */
export const MAX_DEVICES = 256;
/** Properties of one device. */
export const MAX_PROPERTIES = 128;
/** Values in one property: a Package holds at most that many elements (ACPI 6.5, 20.2.5.4). */
export const MAX_VALUES = 255;
/** Bytes of one property of the host's device tree that is copied. */
export const MAX_PROPERTY_BYTES = 4096;
/** Bytes of a table. Far below what a PkgLength can say (2^28 − 1). */
export const MAX_TABLE_BYTES = 0x100000;
