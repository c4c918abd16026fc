import type { HostFiles } from '../environment';
import { MAX_PROCESSES } from '../limits';

/** A process, and the files that it has open as /proc names them. */
export interface ProcessFiles {
  readonly pid: number;
  readonly command: string;
  readonly files: readonly { readonly fd: number; readonly target: string }[];
  /** The kernel does not show this user what the process has open. */
  readonly hidden: boolean;
}

/** All processes except `self`. */
export function* processes(files: HostFiles, self: number): Generator<ProcessFiles> {
  let seen = 0;
  for (const entry of files.list('/proc')) {
    const pid = /^\d+$/.test(entry) ? Number(entry) : self;
    if (pid === self || ++seen > MAX_PROCESSES) continue;
    const directory = `/proc/${pid}/fd`;
    yield {
      pid,
      command: files.readText(`/proc/${pid}/comm`)?.trim() || '?',
      hidden: files.access(directory, 'read') !== 0,
      files: files
        .list(directory)
        .map((fd) => ({ fd: Number(fd), target: files.readLink(`${directory}/${fd}`) ?? '' })),
    };
  }
}
