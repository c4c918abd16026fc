import { describePlayed } from '../../native/describe-played';
import { conformance } from '../conformance';
import { NativeWorld } from './native-world';

describePlayed('on the played kernel', () => {
  conformance('the native host', (options) => new NativeWorld(options));
});
