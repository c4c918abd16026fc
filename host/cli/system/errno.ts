import { EIO } from '../../../assembly/abi/linux';

/** The positive errno of an error of node:fs; EIO where it has none. */
export function errnoOf(error: unknown): number {
  const { errno } = error as { errno?: unknown };
  return typeof errno === 'number' ? Math.abs(errno) : EIO;
}
