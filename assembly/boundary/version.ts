/**
 * Version of the boundary between core and host: imports, exports, effects,
 * state layout. Raised whenever one of them changes meaning; the host refuses
 * a core of another version, and a snapshot or recording names it.
 */
export const ABI_VERSION = 3;
