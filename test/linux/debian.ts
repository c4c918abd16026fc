// Debian's packages for a guest: the stock i386 kernel, SeaBIOS and a static
// busybox, fetched with apt into a private directory, so that neither the
// machine's packages nor its architecture matter.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';

/** The metapackage follows the archive: kernel versions vanish from it over time. */
const KERNEL = 'linux-image-686';
const OTHERS = ['seabios', 'busybox-static'];

function checkTools(): void {
  for (const tool of ['apt-get', 'dpkg-deb']) {
    try {
      execFileSync(tool, ['--version'], { stdio: 'ignore' });
    } catch {
      throw new Error(`${tool} is missing; the guest is made of Debian's packages`);
    }
  }
}

/** apt in a directory of its own, for i386, with the sources of this machine. */
function apt(work: string) {
  const lists = join(work, 'lists');
  mkdirSync(join(lists, 'partial'), { recursive: true });
  const options = [
    'APT::Architecture=i386',
    'APT::Architectures=i386',
    `Dir::State::Lists=${lists}`,
    'Dir::State::status=/dev/null',
    'Dir::Cache::pkgcache=',
    'Dir::Cache::srcpkgcache=',
    'APT::Sandbox::User=root',
  ].flatMap((option) => ['-o', option]);
  return (tool: string, ...args: string[]) =>
    execFileSync(tool, [...options, ...args], {
      cwd: join(work, 'debs'),
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
      maxBuffer: 64 * 2 ** 20,
    });
}

function download(work: string): void {
  checkTools();
  mkdirSync(join(work, 'debs'), { recursive: true });
  const run = apt(work);
  try {
    // Other repositories of this machine may have nothing for i386.
    run('apt-get', '-qq', 'update');
  } catch {}
  const depends = run('apt-cache', 'depends', KERNEL);
  const image = /Depends: (linux-image-[\w.-]+)/.exec(depends)?.[1];
  if (image === undefined) {
    throw new Error(
      `the package sources of this machine have no ${KERNEL} for i386; this needs Debian's`,
    );
  }
  run('apt-get', '-qq', 'download', image, ...OTHERS);
}

/** Everything under `directory` that ends in .ko, by module name. */
function modulesIn(directory: string): Map<string, string> {
  const found = new Map<string, string>();
  for (const entry of readdirSync(directory, { recursive: true, withFileTypes: true })) {
    if (!entry.name.endsWith('.ko')) continue;
    found.set(
      entry.name.replace('.ko', '').replaceAll('-', '_'),
      join(entry.parentPath, entry.name),
    );
  }
  return found;
}

/** What a module's .modinfo section says it depends on. */
function dependencies(path: string): string[] {
  const text = readFileSync(path, 'latin1');
  const list = /\0depends=([^\0]*)\0/.exec(text)?.[1] ?? '';
  return list.split(',').filter((name) => name !== '');
}

/** What a guest is made of. */
export interface DebianGuest {
  /** e.g. '6.1.0-50-686' */
  readonly release: string;
  readonly kernel: Uint8Array;
  readonly bios: Uint8Array;
  readonly busybox: Uint8Array;
  /** Module files in loading order: every module after those that it depends on. */
  modules(names: readonly string[]): ReadonlyMap<string, Uint8Array>;
}

/** Fetches and unpacks what is not in `cache` yet, a directory that is kept between runs. */
export function debianGuest(cache: string): DebianGuest {
  const root = join(cache, 'root');
  if (!existsSync(root)) {
    const work = join(cache, 'fetch');
    rmSync(work, { recursive: true, force: true });
    download(work);
    const unpacked = join(work, 'root');
    for (const name of readdirSync(join(work, 'debs'))) {
      execFileSync('dpkg-deb', ['-x', join(work, 'debs', name), unpacked]);
    }
    // Complete or not there at all.
    renameSync(unpacked, root);
    rmSync(work, { recursive: true });
  }
  const boot = readdirSync(join(root, 'boot'));
  const vmlinuz = boot.find((name) => name.startsWith('vmlinuz-'));
  if (vmlinuz === undefined) throw new Error(`there is no kernel in ${root}; remove it`);
  const release = vmlinuz.replace('vmlinuz-', '');
  const modules = modulesIn(join(root, 'lib/modules', release));
  return {
    release,
    kernel: readFileSync(join(root, 'boot', vmlinuz)),
    bios: readFileSync(join(root, 'usr/share/seabios/bios.bin')),
    busybox: readFileSync(join(root, 'bin/busybox')),
    modules(names) {
      const ordered = new Map<string, Uint8Array>();
      const add = (name: string): void => {
        if (ordered.has(name)) return;
        const path = modules.get(name);
        if (path === undefined) throw new Error(`the kernel ${release} has no module ${name}`);
        for (const needed of dependencies(path)) add(needed.replaceAll('-', '_'));
        ordered.set(name, readFileSync(path));
      };
      for (const name of names) add(name.replaceAll('-', '_'));
      return ordered;
    },
  };
}
