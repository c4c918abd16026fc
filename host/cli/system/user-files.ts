import {
  closeSync,
  fstatSync,
  openSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { EACCES, EEXIST, ENOENT, EPERM } from '../../../assembly/abi/linux';
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
  if (errno === EEXIST) {
    return new CommandError('FILE_EXISTS', `${path} is there already`, {
      errno,
      remedy: 'Give --force to replace it.',
    });
  }
  const code = errno === EACCES || errno === EPERM ? 'NOT_PERMITTED' : 'FILE_FAILED';
  return new CommandError(code, `cannot ${verb} ${path}: ${errnoName(errno)}`, {
    errno,
    cause: error,
  });
}

/** Files of the computer that the command runs on. */
export const nodeUserFiles: UserFiles = {
  open(path) {
    let fd: number;
    try {
      fd = openSync(path, 'r');
    } catch (error) {
      throw failure(path, 'read', error);
    }
    return {
      size: fstatSync(fd).size,
      read(at, length) {
        const bytes = new Uint8Array(length);
        let done = 0;
        try {
          while (done < length) {
            const got = readSync(fd, bytes, done, length - done, at + done);
            if (got === 0) break;
            done += got;
          }
        } catch (error) {
          throw failure(path, 'read', error);
        }
        return bytes.subarray(0, done);
      },
      close: () => closeSync(fd),
    };
  },

  create(path, replace) {
    let fd: number;
    try {
      fd = openSync(path, replace ? 'w' : 'wx');
    } catch (error) {
      throw failure(path, 'write', error);
    }
    return {
      write(bytes) {
        try {
          for (let done = 0; done < bytes.length; ) done += writeSync(fd, bytes, done);
        } catch (error) {
          throw failure(path, 'write', error);
        }
      },
      close: () => closeSync(fd),
    };
  },

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

  remove(path) {
    rmSync(path, { force: true });
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
