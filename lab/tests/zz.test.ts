import { spawnSync } from 'node:child_process';
import { it } from 'node:test';

it('times', () => {
  const cli = '/lab/node_modules/vfio-platform-wasm/dist/cli.js';
  for (const args of [
    ['-e', '0'],
    ['--input-type=module', '-e', 'import "node:fs"'],
    [cli, '--version'],
    [cli, 'list', '--json'],
    [cli, 'info', '9010000.pl031', '--json'],
  ]) {
    const t: number[] = [];
    for (let i = 0; i < 4; i++) {
      const s = performance.now();
      spawnSync('node', args);
      t.push(Math.round(performance.now() - s));
    }
    console.log(args.join(' '), t.join(' '));
  }
});
