import { NativeHost } from '../../host/native';
import { PlayedKernel } from './played-kernel';

/** Why the native host cannot run on the played kernel here; undefined when it can. */
export const missing: string | undefined = PlayedKernel.available
  ? NativeHost.problem()?.message
  : (process.env.VFIO_PLAY_MISSING ?? 'the played kernel is not loaded');
