// The programs that the lab needs, from Debian packages.
import { spawnSync } from 'node:child_process';
import { sh } from './step.mjs';

const PACKAGES = [
  'bc',
  'cpio',
  'device-tree-compiler',
  'g++-aarch64-linux-gnu',
  'kmod',
  'make',
  'qemu-system-arm',
  'xz-utils',
];

/** What the small custom kernel needs besides. */
export const KERNEL_PACKAGES = ['bison', 'flex', 'libelf-dev', 'libssl-dev'];

/** @param {string} name */
function installed(name) {
  const { stdout } = spawnSync('dpkg-query', ['-W', '-f', `\${Status}`, name], {
    encoding: 'utf8',
  });
  return stdout === 'install ok installed';
}

/**
 * Installs what is missing, which needs root; says what to do otherwise.
 * @param {readonly string[]} [more]
 */
export function installTools(more = []) {
  const { status, stdout } = spawnSync('dpkg', ['--print-architecture'], { encoding: 'utf8' });
  if (status !== 0) {
    throw new Error(
      'the lab is built from Debian packages: it needs Debian 12 (a container will do)',
    );
  }
  // The tools that build the kernel's modules, and the cross compiler, are packages of this one.
  const architecture = stdout.trim();
  if (architecture !== 'amd64') {
    throw new Error(
      `the lab is built on amd64 only, and this Debian is ${architecture} (an amd64 container will do)`,
    );
  }
  const missing = [...PACKAGES, ...more].filter((name) => !installed(name));
  if (missing.length === 0) return;
  if (process.getuid?.() !== 0) {
    throw new Error(
      `the lab needs more Debian packages; install them with\n  sudo apt-get install ${missing.join(' ')}`,
    );
  }
  process.stderr.write(`lab: installing ${missing.join(' ')}\n`);
  const environment = { DEBIAN_FRONTEND: 'noninteractive' };
  sh('apt-get', ['-qq', 'update'], environment);
  sh('apt-get', ['-qq', 'install', '-y', '--no-install-recommends', ...missing], environment);
}
