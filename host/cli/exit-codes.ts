/** Exit codes of every command; `vfio-wasm --help` and the README list them. */
export const EXIT_OK = 0;
/** The kernel or the device refused. */
export const EXIT_FAILED = 1;
/** The command line is wrong. */
export const EXIT_USAGE = 2;
/** There is no such device or file, or a recording has no such event. */
export const EXIT_NOT_FOUND = 3;
/** Not allowed: root, a capability or access to a node is missing. */
export const EXIT_PERMISSION = 4;
/** The device is in use. */
export const EXIT_BUSY = 5;
/** The host is not ready: no VFIO, another driver, group not viable, no-IOMMU mode off, old kernel. */
export const EXIT_NOT_READY = 6;
/** Time ran out. */
export const EXIT_TIMEOUT = 7;
/** A check failed: doctor found a problem, traces differ, a replay diverged. */
export const EXIT_CHECK = 8;
/** A file is no trace, or is damaged. */
export const EXIT_BAD_FILE = 9;
/** A defect of this program. */
export const EXIT_INTERNAL = 70;
/** Ended by Ctrl-C (SIGINT); what was begun has been undone or finished. */
export const EXIT_INTERRUPTED = 130;

/** For help texts. */
export const exitCodes: readonly (readonly [code: number, meaning: string])[] = [
  [EXIT_OK, 'done'],
  [EXIT_FAILED, 'the kernel or the device refused'],
  [EXIT_USAGE, 'the command line is wrong'],
  [EXIT_NOT_FOUND, 'there is no such device, file or event'],
  [EXIT_PERMISSION, 'not allowed: root, a capability or access to a node is missing'],
  [EXIT_BUSY, 'the device is in use'],
  [EXIT_NOT_READY, 'the host is not ready: no VFIO, another driver, group not viable'],
  [EXIT_TIMEOUT, 'time ran out'],
  [EXIT_CHECK, 'a check failed: doctor found a problem, traces differ, replay diverged'],
  [EXIT_BAD_FILE, 'a file is no trace, or is damaged'],
  [EXIT_INTERNAL, 'a defect of this program'],
  [EXIT_INTERRUPTED, 'ended by Ctrl-C; what was begun has been undone or finished'],
];
