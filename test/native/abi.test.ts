import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { PlayedKernel } from './played-kernel';

const folder = new URL('abi', import.meta.url).pathname;

test.runIf(PlayedKernel.available)(
  'the played kernel answers as linux/vfio.h of this system asks',
  ({ onTestFinished, skip }) => {
    const build = mkdtempSync(join(tmpdir(), 'vfio-abi-'));
    onTestFinished(() => rmSync(build, { recursive: true }));
    const program = join(build, 'abi');
    const sources = readdirSync(folder)
      .filter((name) => name.endsWith('.c'))
      .map((name) => join(folder, name));
    const compiler = process.env.CC ?? 'cc';
    const header = spawnSync(compiler, ['-E', '-'], { input: '#include <linux/vfio.h>\n' });
    if (header.status !== 0) skip('needs the header linux/vfio.h');
    const flags = ['-std=gnu11', '-O1', '-Wall', '-Wextra', '-D_GNU_SOURCE'];
    execFileSync(compiler, [...flags, '-o', program, ...sources], { stdio: 'inherit' });
    const { stdout, status } = spawnSync(program, { encoding: 'utf8' });
    expect(stdout).toMatch(/^\d+ checks, 0 failures\n$/);
    expect(status).toBe(0);
  },
);
