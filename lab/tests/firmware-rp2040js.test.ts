import { before, describe, it } from 'node:test';
import { compareStories } from '../guest/compare-stories';
import { prepareDevices } from '../guest/rig';

before(prepareDevices);

describe('a guest in the guest: the firmware of the stories in rp2040js', () => {
  it('does on the real PL031 and PL061 what it does on simulated ones', () =>
    compareStories('rp2040js'));
});
