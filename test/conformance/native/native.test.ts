import { describe, test } from 'vitest';
import { missing } from '../../native/missing';
import { conformance } from '../conformance';
import { NativeWorld } from './native-world';

describe.runIf(missing === undefined)('on the played kernel', () => {
  conformance('the native host', (options) => new NativeWorld(options));
});

test.runIf(missing !== undefined)(`skipped: ${missing}`, ({ skip }) => skip(missing));
