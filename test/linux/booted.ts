import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { BoardOptions } from './board';
import { debianGuest } from './debian';
import { type BootFiles, LinuxGuest } from './guest';
import { initramfs } from './initramfs';

const CACHE = fileURLToPath(new URL('../../.cache/linux/', import.meta.url));
const INIT = new URL('init.sh', import.meta.url);

/** Modules of the guest; none is loaded at boot. */
const MODULES = ['virtio_mmio', 'virtio-rng', 'altera_ps2', 'evdev'];

/** Sources that decide what the guest finds while it boots. */
const OWN = [
  'package-lock.json',
  'test/linux/guest.ts',
  'test/linux/booted.ts',
  'test/linux/board.ts',
  // What a snapshot of the plugged devices consists of.
  'assembly',
  'host/boundary',
  'host/core',
  'host/device',
  'host/describe',
  'host/profiles',
  'host/sim/models',
  'host/machines/v86',
];

function hashOf(files: readonly Uint8Array[]): string {
  const hash = createHash('sha256');
  for (const file of files) hash.update(file);
  return hash.digest('hex').slice(0, 16);
}

/** Everything that the booted guest depends on. */
function sources(files: BootFiles): Uint8Array[] {
  const root = fileURLToPath(new URL('../../', import.meta.url));
  const own = OWN.flatMap((path) => {
    if (path.includes('.')) return [path];
    const names = readdirSync(root + path, { recursive: true, encoding: 'utf8' }).sort();
    return names.filter((name) => name.endsWith('.ts')).map((name) => `${path}/${name}`);
  });
  return [
    files.bios,
    files.kernel,
    files.initrd,
    ...own.map((path) => new Uint8Array(readFileSync(root + path))),
  ];
}

/** A guest that has booted, as often as one likes. */
export interface Booted {
  /** e.g. '6.1.0-50-686' */
  readonly release: string;
  /** How long the boot took; undefined when its state was there already. */
  readonly bootMs: number | undefined;
  /** What the kernel said while it found the devices. */
  readonly log: string;
  /** The booted guest with new devices, to be destroyed after use. */
  start(options?: BoardOptions): Promise<LinuxGuest>;
}

/** Boots, and saves the state; a state that was saved by the same sources is used again. */
export async function boot(): Promise<Booted> {
  const debian = debianGuest(CACHE);
  const files: BootFiles = {
    bios: debian.bios,
    kernel: debian.kernel,
    initrd: initramfs({
      busybox: debian.busybox,
      init: readFileSync(INIT, 'utf8'),
      modules: debian.modules(MODULES),
    }),
  };
  const saved = `${CACHE}booted-${hashOf(sources(files))}`;
  let bootMs: number | undefined;
  if (!existsSync(`${saved}.bin`)) {
    const start = performance.now();
    const guest = await LinuxGuest.boot(files);
    bootMs = performance.now() - start;
    writeFileSync(`${saved}.log`, await guest.run('dmesg'));
    // The driver goes, so that a new device, at power-on, can take the place of this one.
    await guest.run('cd /sys/bus/platform/drivers/dw-apb-uart && echo APMC0D08:00 >unbind; cd /');
    writeFileSync(`${saved}.part`, new Uint8Array(await guest.save()));
    renameSync(`${saved}.part`, `${saved}.bin`);
    await guest.destroy();
  }
  const state = new Uint8Array(readFileSync(`${saved}.bin`)).buffer;
  return {
    release: debian.release,
    bootMs,
    log: readFileSync(`${saved}.log`, 'utf8'),
    start: (options = {}) => LinuxGuest.restore(files, state, options),
  };
}
