/**
 * What the guest and the host side of the lab tell each other: lines of JSON
 * through two serial ports of the board.
 */

/** Guest to host: how the tests go. */
export type Report =
  | {
      readonly type: 'start';
      readonly kernel: string;
      readonly node: string;
      readonly uptimeS: number;
    }
  | { readonly type: 'file'; readonly name: string }
  | { readonly type: 'begin'; readonly name: string; readonly nesting: number }
  | {
      readonly type: 'test';
      readonly name: string;
      readonly nesting: number;
      readonly suite: boolean;
      readonly ms: number;
      readonly passed: boolean;
      readonly skipped?: string;
      readonly error?: string;
      /** Node's word for why: 'testCodeFailure', 'hookFailed', 'subtestsFailed', … */
      readonly failureType?: string;
    }
  | { readonly type: 'note'; readonly text: string }
  /** Said every few seconds, whatever the tests do. */
  | { readonly type: 'alive' }
  /** Has nothing to do; the answer is a {@link Task}. */
  | { readonly type: 'ready' }
  | { readonly type: 'end' };

/** Host to guest: what to run next. */
export interface Task {
  /** A file of tests; undefined: nothing is left to do. */
  readonly file?: string | undefined;
  /** Of its tests those with this in their name; undefined: all of them. */
  readonly tests?: string | undefined;
}

/** Guest to host: something shall happen on the board, outside of the CPU. Each gets an {@link Answer}. */
export type BoardRequest =
  /** Drives an input pin of the PL061 (0 … 7). */
  | { readonly do: 'pin'; readonly pin: number; readonly high: boolean }
  /** Drives a pin high and low again, `times` times. */
  | { readonly do: 'pulses'; readonly pin: number; readonly times: number }
  /** Sends bytes to the PL011, which takes them at the pace of its FIFO. */
  | { readonly do: 'uart-send'; readonly bytes: readonly number[] }
  /** What the PL011 has sent since the last such request: {@link UartTaken}. */
  | { readonly do: 'uart-taken' }
  /** Keeps the transcript of a scenario, where the run is one that records (lab/board/recording.mjs). */
  | {
      readonly do: 'record';
      /** Where: a file of test/lab. */
      readonly file: string;
      readonly name: string;
      readonly kernel: string;
      readonly entries: readonly unknown[];
    }
  /**
   * Replays a recording on the host's computer: {@link Replayed}. `trace` is the
   * file in base64; it is kept under the other name where the run is one that records.
   */
  | { readonly do: 'replay'; readonly trace: string; readonly keepAs?: string }
  /** Runs the stories on the simulated host, on the host's computer: what can be seen of them. */
  | { readonly do: 'stories'; readonly machine: 'rp2040js' | 'v86' }
  /** A command of QEMU's monitor (QMP). */
  | { readonly do: 'monitor'; readonly command: string; readonly arguments?: object };

export type Answer =
  | { readonly ok: true; readonly value?: unknown }
  | { readonly ok: false; readonly error: string };

/** What has come out of the UART. */
export interface UartTaken {
  readonly count: number;
  /** Bytes that do not follow the pattern 0x20 + n % 64, n = 1, 2, … */
  readonly wrong: number;
  /** All of it, where it is short. */
  readonly text: string;
}

/** What came of a core replay outside of the board. */
export interface Replayed {
  /** The architecture of that computer, in Node's words. */
  readonly machine: string;
  readonly events: number;
  /** Recording the replay has given the same bytes. */
  readonly identical: boolean;
  readonly divergence?: string | undefined;
}
