import type { EoiRule } from '../../../host/profiles/profile';
import type { ReferenceOptions } from '../../reference/model';

/** One random device: how core and reference are set up alike. */
export interface Setup extends Omit<ReferenceOptions, 'timeoutMs'> {
  readonly timeoutMs: number | 'never' | 'on-idle';
  readonly maxUnmaskAttempts: number;
  /** For lines with source 'register'; rules of other lines must mean nothing. */
  readonly rules: readonly EoiRule[];
  /** Nothing is mapped: every access goes through pread and pwrite. */
  readonly xNoMmap: boolean;
  readonly accessWidths: readonly number[];
  /** Whether VFIO_DEVICE_RESET works, and so lowers the lines. */
  readonly resettable: boolean;
  /** The machine reaches a safe point after every stimulus, and not only when told. */
  readonly prompt: boolean;
}

/** An area [start, end) of a region that is mapped. */
export type Area = readonly [start: number, end: number];

/** The regions of every random device: mapped, not mappable, mapped in part, read-only. */
export const REGIONS = [
  { size: 0x1000, access: 'rw', area: [0, 0x1000] },
  { size: 0x100, access: 'rw', area: undefined },
  { size: 0x2000, access: 'rw', area: [0, 0x1000] },
  { size: 0x100, access: 'ro', area: undefined },
] as const satisfies readonly { size: number; access: 'rw' | 'ro'; area: Area | undefined }[];

/** One access of the guest. */
export interface GuestAccess {
  readonly write: boolean;
  readonly region: number;
  readonly offset: number;
  readonly width: number;
  /** Every byte that a write carries. */
  readonly byte: number;
  /** The kernel fails this transfer of the access, the first being 0. */
  readonly failing?: { readonly transfer: number; readonly short: boolean } | undefined;
}

/** Something that happens to the device, from either side. Lines count modulo their number. */
export type Stimulus =
  /** The host's edge line fires; a level line goes high. */
  | { readonly what: 'pulse'; readonly line: number; readonly count: number }
  | { readonly what: 'low'; readonly line: number }
  /** VFIO's loop-back: the kernel's handler runs without the device. */
  | { readonly what: 'loop-back'; readonly line: number }
  /** Somebody else unmasks a line that is high, and so signals again at once. */
  | { readonly what: 'foreign unmask'; readonly line: number }
  /** Signals drained elsewhere; 0 is a spurious wake-up. */
  | { readonly what: 'signal'; readonly line: number; readonly count: number }
  | { readonly what: 'access'; readonly access: GuestAccess }
  /** The machine's interrupt controller saw an EOI. */
  | { readonly what: 'eoi'; readonly line: number }
  | { readonly what: 'time'; readonly ms: number }
  | { readonly what: 'safe point' }
  | { readonly what: 'fail unmasks'; readonly line: number; readonly on: boolean }
  | { readonly what: 'mask' | 'unmask'; readonly line: number }
  | { readonly what: 'disconnect' | 'reconnect' | 'replug'; readonly line: number }
  | { readonly what: 'reset' | 'pause' | 'resume' }
  /** Signals stay in their eventfds, as when the thread that drains them is late. */
  | { readonly what: 'hold' | 'release' };

export function textOf(stimulus: Stimulus): string {
  const { what, ...rest } = stimulus;
  if (what !== 'access') return [what, ...Object.values(rest)].join(' ');
  const { write, region, offset, width, byte, failing } = stimulus.access;
  return [
    write ? 'write' : 'read',
    `${width}@${region}:0x${offset.toString(16)}`,
    ...(write ? [`bytes 0x${byte.toString(16)}`] : []),
    ...(failing ? [`failing at ${failing.transfer}${failing.short ? ' (short)' : ''}`] : []),
  ].join(' ');
}

export function setupText({ lines, rules, ...options }: Setup): string {
  const short = lines.map(({ trigger, eoi }) => `${trigger}/${eoi}`).join(' ');
  return `${short}\n${JSON.stringify(options)}\nrules ${JSON.stringify(rules)}`;
}
