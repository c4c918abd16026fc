import type { Counters } from './counters';
import type { FdTable } from './fd-table';
import type { KernelOptions } from './options';
import type { UserMemory } from './user-memory';

/** What the files of one simulated kernel share. */
export interface KernelContext {
  readonly options: Required<KernelOptions>;
  readonly fds: FdTable;
  readonly memory: UserMemory;
  readonly counters: Counters;
}
