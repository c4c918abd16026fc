import type { HostSystem } from '../environment';
import type { KernelConfig } from './kernel-config';

/**
 * How a check ended: 'ok'; 'note' all works, but something can be better or is
 * not there; 'problem' devices cannot be used before it is mended; 'unknown'
 * this user or this kernel does not show it.
 */
export type Status = 'ok' | 'note' | 'problem' | 'unknown';

export interface Check {
  /** For programs, e.g. 'module.vfio-platform'. */
  readonly id: string;
  readonly title: string;
  readonly status: Status;
  /** What was found. */
  readonly found: string;
  /** What to do about it, where there is something to do. */
  readonly remedy?: string;
}

export interface Examined {
  readonly system: HostSystem;
  /** Undefined where the kernel's configuration cannot be read. */
  readonly config: KernelConfig | undefined;
}

/** A group of checks. */
export type Examination = (examined: Examined) => readonly Check[] | Promise<readonly Check[]>;
