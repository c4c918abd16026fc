import { readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { EACCES, ENOENT, EPERM } from '../../../assembly/abi/linux';
import { errnoName } from '../../errors';
import type { UserFiles } from '../environment';
import { CommandError } from '../failure';
import { errnoOf } from './errno';

function failure(path: string, verb: string, error: unknown): CommandError {
  const errno = errnoOf(error);
  if (errno === ENOENT) {
    const what = verb === 'read' ? `there is no file ${path}` : `there is no directory for ${path}`;
    return new CommandError('NO_SUCH_FILE', what, { errno });
  }
  const code = errno === EACCES || errno === EPERM ? 'NOT_PERMITTED' : 'FILE_FAILED';
  return new CommandError(code, `cannot ${verb} ${path}: ${errnoName(errno)}`, {
    errno,
    cause: error,
  });
}

/** Files of the computer that the command runs on. */
export const nodeUserFiles: UserFiles = {
  read(path, most) {
    let size: number;
    try {
      size = statSync(path).size;
    } catch (error) {
      throw failure(path, 'read', error);
    }
    if (size > most) {
      throw new CommandError('FILE_FAILED', `${path} has ${size} bytes; ${most} are the most`);
    }
    try {
      return new Uint8Array(readFileSync(path));
    } catch (error) {
      throw failure(path, 'read', error);
    }
  },

  write(path, bytes) {
    const partial = `${path}.part`;
    try {
      writeFileSync(partial, bytes);
      renameSync(partial, path);
    } catch (error) {
      rmSync(partial, { force: true });
      throw failure(path, 'write', error);
    }
  },
};
