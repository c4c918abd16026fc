import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { installTools } from '../../lab/build/tools.mjs';

let folder = '';

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lab-tools-'));
});

afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true });
});

/** A program that comes before those of this computer. */
function program(name: string, script: string): void {
  writeFileSync(join(folder, name), `#!/bin/sh\n${script}\n`);
  chmodSync(join(folder, name), 0o755);
  vi.stubEnv('PATH', `${folder}:${process.env.PATH}`);
}

it('says on a computer of another architecture that the lab is built on amd64 only', () => {
  program('dpkg', 'echo arm64');
  program('dpkg-query', 'exit 1');
  program('apt-get', 'exit 1');
  expect(() => installTools()).toThrow('amd64 only, and this Debian is arm64');
});

it('says without dpkg that the lab needs Debian', () => {
  program('dpkg', 'exit 127');
  expect(() => installTools()).toThrow('it needs Debian 12');
});

it('has nothing to do where all the packages are installed', () => {
  program('dpkg', 'echo amd64');
  program('dpkg-query', 'printf "install ok installed"');
  expect(() => installTools(['flex'])).not.toThrow();
});
