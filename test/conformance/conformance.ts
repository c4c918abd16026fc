import { describe } from 'vitest';
import { Rig } from './rig';
import { discoveryStories } from './stories/discovery';
import { dmaStories } from './stories/dma';
import { kernelStories } from './stories/kernel-calls';
import { lineStories } from './stories/lines';
import { regionStories } from './stories/regions';
import type { MakeWorld } from './world';

/** What every kernel below the core must do alike; run once for each of them. */
export function conformance(name: string, make: MakeWorld): void {
  describe(name, () => {
    const rig = new Rig(make);
    discoveryStories(rig);
    regionStories(rig);
    lineStories(rig);
    dmaStories(rig);
    kernelStories(rig);
  });
}
