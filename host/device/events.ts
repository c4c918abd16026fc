import type { TraceEvent } from '../trace/events';

/** Why a guest access did not succeed. */
export type AccessProblem =
  | 'no-region'
  | 'bad-width'
  | 'out-of-bounds'
  | 'not-readable'
  | 'not-writable'
  | 'nested-too-deep'
  | 'failed'
  | 'short';

/** What a device tells besides its interrupts. */
export type DeviceEvent =
  /** Something works, but worse than it could. */
  | { readonly type: 'warning'; readonly message: string }
  /** All attempts to unmask the line failed; it stays masked until unmaskLine() or reset(). */
  | { readonly type: 'line-stuck'; readonly line: number }
  /**
   * The kernel has hung up the line's interrupts (EPOLLHUP), as when the device
   * has disappeared: the line never fires again. Close the device.
   */
  | { readonly type: 'device-gone'; readonly line: number }
  /**
   * The bus has refused an access to a mapped region (SIGBUS), as when the device
   * is not clocked, or gone. The page around it reads as ones from now on, and
   * what is written there is lost, until the device is opened again.
   */
  | { readonly type: 'bus-error'; readonly region: number; readonly offset: number }
  /** The guest has not completed the line for `ageMs` milliseconds of machine time. */
  | { readonly type: 'line-stalled'; readonly line: number; readonly ageMs: number }
  /**
   * An access failed or was refused. At most a few a second are told;
   * `suppressed` counts all that were not, since the device was opened.
   */
  | {
      readonly type: 'access-failed';
      readonly problem: AccessProblem;
      readonly direction: 'read' | 'write';
      readonly region: number;
      readonly offset: number;
      readonly width: number;
      readonly errno: number | undefined;
      readonly suppressed: number;
    }
  | { readonly type: 'trace'; readonly trace: TraceEvent };

export type DeviceListener = (event: DeviceEvent) => void;
