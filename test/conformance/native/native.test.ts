import { describe, test } from 'vitest';
import { NativeHost } from '../../../host/native';
import { PlayedKernel } from '../../native/played-kernel';
import { conformance } from '../conformance';
import { NativeWorld } from './native-world';

/** Why there is nothing to run on here; undefined when there is. */
const missing = PlayedKernel.available
  ? NativeHost.problem()?.message
  : (process.env.VFIO_PLAY_MISSING ?? 'the played kernel is not loaded');

describe.runIf(missing === undefined)('on the played kernel', () => {
  conformance('the native host', (options) => new NativeWorld(options));
});

test.runIf(missing !== undefined)(`skipped: ${missing}`, ({ skip }) => skip(missing));
