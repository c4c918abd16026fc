import * as options from '../../../assembly/boundary/options';
import type { LineOptions } from '../../reference/model';

/** What is explored: the lines and the options of one device. */
export interface Setup {
  readonly lines: readonly LineOptions[];
  readonly policy: 'strict' | 'qemu';
  readonly edgeCount: 'coalesce' | 'replay';
  /** The machine maps the device into its guest; without it the core takes its short paths. */
  readonly directMapping: boolean;
  /** Region 0 is mapped into the core: accesses do not go through the kernel. */
  readonly mapped: boolean;
  /** Of the direct mapping; 'on-idle' has no timer. */
  readonly timeout: 'timer' | 'on-idle';
  readonly unmaskAttempts: number;
  /** More kinds of events: what is too much for many lines at once. */
  readonly thorough: boolean;
}

export const EOI_NUMBERS = {
  irqchip: options.EOI_IRQCHIP,
  register: options.EOI_REGISTER,
  write: options.EOI_WRITE,
  access: options.EOI_ACCESS,
} as const;

export const REGION = 0;
/** Like the first, but accesses always go through the kernel, so they can fail. */
export const UNMAPPED_REGION = 1;

// The device's registers, for EOI rules. Both clear registers have a bit a
// line, so that one 8-byte write fulfils two rules of a line.
export const PLAIN_REGISTER = 0x00;
export const CLEAR_REGISTER = 0x10;
export const CLEAR_REGISTER_TOO = 0x14;
/** One a line, cleared by reading. */
export const READ_REGISTERS = 0x20;
