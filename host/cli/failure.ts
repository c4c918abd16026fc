import { EACCES, EBUSY, ENODEV, ENOENT, ENOTTY, EPERM } from '../../assembly/abi/linux';
import { errnoName, VfioError, type VfioErrorCode } from '../errors';
import * as exit from './exit-codes';

/** Why a command failed, for programs; with the exit code that it leads to. */
export const commandErrorCodes = {
  USAGE: exit.EXIT_USAGE,
  NO_SUCH_DEVICE: exit.EXIT_NOT_FOUND,
  NO_SUCH_FILE: exit.EXIT_NOT_FOUND,
  NOT_PERMITTED: exit.EXIT_PERMISSION,
  IN_USE: exit.EXIT_BUSY,
  NO_VFIO: exit.EXIT_NOT_READY,
  WRONG_DRIVER: exit.EXIT_NOT_READY,
  NO_IOMMU: exit.EXIT_NOT_READY,
  NOIOMMU_DISABLED: exit.EXIT_NOT_READY,
  NOIOMMU_NOT_ALLOWED: exit.EXIT_NOT_READY,
  NO_EMULATOR: exit.EXIT_NOT_READY,
  NOT_IN_TRACE: exit.EXIT_NOT_FOUND,
  CANNOT_UNBIND: exit.EXIT_NOT_READY,
  BIND_FAILED: exit.EXIT_FAILED,
  RESTORE_FAILED: exit.EXIT_FAILED,
  ACCESS_FAILED: exit.EXIT_FAILED,
  GUEST_FAILED: exit.EXIT_FAILED,
  FILE_FAILED: exit.EXIT_FAILED,
  TIMED_OUT: exit.EXIT_TIMEOUT,
  INTERRUPTED: exit.EXIT_INTERRUPTED,
  FILE_EXISTS: exit.EXIT_FAILED,
  CHECK_PASSES: exit.EXIT_FAILED,
  BAD_FILE: exit.EXIT_BAD_FILE,
} as const;

export type CommandErrorCode = keyof typeof commandErrorCodes;

export interface CommandErrorDetails {
  /** What the user can do, as a sentence of its own. */
  readonly remedy?: string | undefined;
  readonly device?: string | undefined;
  /** The kernel's errno, positive. */
  readonly errno?: number | undefined;
  readonly cause?: unknown;
}

/** A command failed in a way that the user can understand. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
  readonly remedy: string | undefined;
  readonly device: string | undefined;
  readonly errno: number | undefined;

  constructor(
    readonly code: CommandErrorCode,
    message: string,
    details: CommandErrorDetails = {},
  ) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.remedy = details.remedy;
    this.device = details.device;
    this.errno = details.errno;
  }
}

/** What is told of a failure, on a terminal or as JSON. */
export interface Failure {
  readonly code: string;
  readonly message: string;
  readonly remedy: string | undefined;
  readonly device: string | undefined;
  readonly errno: string | undefined;
  readonly syscall: string | undefined;
  readonly exitCode: number;
}

const notReady: ReadonlySet<VfioErrorCode> = new Set([
  'NO_IOMMU_GROUP',
  'NOIOMMU_NOT_ALLOWED',
  'NO_CDEV',
  'GROUP_NOT_VIABLE',
  'API_VERSION',
  'IOMMU_TYPE',
  'NOT_PLATFORM_DEVICE',
  'NATIVE_UNAVAILABLE',
]);

const opening: ReadonlySet<VfioErrorCode> = new Set([
  'OPEN_GROUP',
  'OPEN_CONTAINER',
  'OPEN_CDEV',
  'OPEN_IOMMUFD',
  'GET_DEVICE',
]);

const badFile: ReadonlySet<VfioErrorCode> = new Set([
  'TRACE_INVALID',
  'TRACE_UNSUPPORTED',
  'TRACE_CORRUPT',
  'TRACE_ENDED',
]);

function exitOf({ code, errno }: VfioError): number {
  if (code === 'OPTION_UNKNOWN' || code === 'OPTION_INVALID' || code === 'DEVICE_NAME_INVALID') {
    return exit.EXIT_USAGE;
  }
  if (code === 'DEVICE_NOT_FOUND') return exit.EXIT_NOT_FOUND;
  if (code === 'NO_SUCH_REGION' || code === 'NO_SUCH_LINE') return exit.EXIT_USAGE;
  if (code === 'ALREADY_ATTACHED') return exit.EXIT_BUSY;
  if (badFile.has(code)) return exit.EXIT_BAD_FILE;
  if (code === 'TRACE_DIVERGED' || code === 'TRACE_MISMATCH') return exit.EXIT_CHECK;
  if (notReady.has(code)) return exit.EXIT_NOT_READY;
  if (errno === EACCES || errno === EPERM) return exit.EXIT_PERMISSION;
  if (errno === EBUSY) return exit.EXIT_BUSY;
  if (errno === ENOTTY) return exit.EXIT_NOT_READY;
  if (opening.has(code) && (errno === ENOENT || errno === ENODEV)) return exit.EXIT_NOT_READY;
  return exit.EXIT_FAILED;
}

/** A VfioError, and what the command knows beyond it. */
export class ExplainedError extends Error {
  constructor(
    readonly original: VfioError,
    readonly remedy: string | undefined,
  ) {
    super(original.message, { cause: original });
  }
}

/** What lies behind an error, in one line. */
function because(cause: unknown): string {
  if (!(cause instanceof Error) || cause.message === '') return '';
  return ` (${cause.message.split('\n')[0]})`;
}

/** What to tell of anything that was thrown. */
export function failureOf(error: unknown): Failure {
  if (error instanceof ExplainedError) {
    return { ...failureOf(error.original), remedy: error.remedy };
  }
  if (error instanceof CommandError) {
    const { code, message, remedy, device, errno } = error;
    const name = errno === undefined ? undefined : errnoName(errno);
    const exitCode = commandErrorCodes[code];
    return { code, message, remedy, device, errno: name, syscall: undefined, exitCode };
  }
  if (error instanceof VfioError) {
    const { code, message, device, errno, syscall } = error;
    const name = errno === undefined ? undefined : errnoName(errno);
    return {
      code,
      message: message + because(error.cause),
      remedy: undefined,
      device,
      errno: name,
      syscall,
      exitCode: exitOf(error),
    };
  }
  return {
    code: 'INTERNAL',
    message: error instanceof Error ? (error.stack ?? error.message) : String(error),
    remedy: 'This is a defect of vfio-wasm; please report it with the text above.',
    device: undefined,
    errno: undefined,
    syscall: undefined,
    exitCode: exit.EXIT_INTERNAL,
  };
}
