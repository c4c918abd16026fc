import { before, describe, it } from 'node:test';
import { compareStories } from '../guest/compare-stories';
import { prepareDevices } from '../guest/rig';

before(prepareDevices);

/** How many interrupts v86's UART needs depends on how fast its characters come. */
const comparable = (line: string) => line.replace(/^(DONE .*)uart=\d+/, '$1uart=N');

describe('a guest in the guest: the firmware of the stories in v86', () => {
  it('does on the real PL031 and PL061 what it does on simulated ones', () =>
    compareStories('v86', comparable));
});
