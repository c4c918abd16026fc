import { it } from 'vitest';
import { edges } from '../device/models';
import { openScene, states } from './script';
const S = ['0 1 1','0 1 1 a a a a','0 1 2 2 a 2 a a a a a','0 1 2 2 3 a 2 a a a a','0 1 2 2 3 a 2 a a a timer 0 1 a a timer','0 0 a a','0 1 1 a a a'];
for (const policy of ['strict','qemu'] as const) for (const s of S) it(policy+s, async () => {
  const scene = await openScene(edges(4), { policy, xNoMmap: false });
  const out = [];
  for (const e of s.split(' ')) out.push(`${e}: ${scene.play(e)} [${states(scene)}] dm=${scene.device.directMapping}`);
  console.log(policy, s, '\n' + out.join('\n'));
});
