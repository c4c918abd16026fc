import {
  accessSync,
  constants,
  existsSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
} from 'node:fs';
import type { HostFiles } from '../environment';
import { errnoOf } from './errno';

const MODES = {
  read: constants.R_OK,
  write: constants.W_OK,
  'read-write': constants.R_OK | constants.W_OK,
} as const;

/** What cannot be read is as good as not there; `access` tells the difference. */
function attempt<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

/** The file system of this computer. Nothing here throws. */
export class NodeFiles implements HostFiles {
  exists(path: string): boolean {
    return existsSync(path);
  }

  readLink(path: string): string | undefined {
    return attempt(() => readlinkSync(path));
  }

  realPath(path: string): string | undefined {
    return attempt(() => realpathSync(path));
  }

  readText(path: string): string | undefined {
    return attempt(() => readFileSync(path, 'utf8'));
  }

  readBytes(path: string): Uint8Array | undefined {
    return attempt(() => readFileSync(path));
  }

  list(path: string): readonly string[] {
    return attempt(() => readdirSync(path).sort()) ?? [];
  }

  access(path: string, mode: 'read' | 'write' | 'read-write'): number {
    try {
      accessSync(path, MODES[mode]);
      return 0;
    } catch (error) {
      return errnoOf(error);
    }
  }
}
