import { existsSync } from 'node:fs';
import { VfioError } from '../../host/errors';
import { KvmVm, NativeHost } from '../../host/native';

const BUILT = new URL('../../native/build/Release/vfio_platform.node', import.meta.url);

/**
 * Why the native host cannot be tested here; undefined when it can. An addon
 * that was built and does not load is a failure, not a reason.
 */
export function nativeMissing(): string | undefined {
  const problem = NativeHost.problem();
  if (problem !== undefined && existsSync(BUILT)) throw problem;
  return problem?.message;
}

/**
 * Why KVM cannot be tested here; undefined when it can. A /dev/kvm that opens
 * and makes no VM is a failure, not a reason.
 */
export function kvmMissing(): string | undefined {
  const missing = nativeMissing();
  if (missing !== undefined) return missing;
  try {
    new KvmVm().close();
    return undefined;
  } catch (error) {
    const { code, syscall = 'open', message } = error as VfioError;
    if (error instanceof VfioError && code === 'KVM_UNAVAILABLE' && syscall === 'open')
      return message;
    throw error;
  }
}
