/** The access to the device: the one call out of the module. */
export declare function load(pointer: u32, width: u32): u32;
