// A root file system in memory: a cpio archive of the 'newc' format that Linux
// unpacks (Documentation/driver-api/early-userspace/buffer-format.rst).

const DIRECTORY = 0o040755;
const EXECUTABLE = 0o100755;
const LINK = 0o120777;
const CHARACTER_DEVICE = 0o020600;

/** `bytes`, and zeros up to a multiple of four. */
function padded(bytes: Uint8Array): Buffer {
  return Buffer.concat([bytes, Buffer.alloc(-bytes.length & 3)]);
}

interface Entry {
  readonly name: string;
  readonly mode: number;
  readonly content?: Uint8Array;
  readonly device?: readonly [major: number, minor: number];
}

function encode(
  { name, mode, content = new Uint8Array(0), device = [0, 0] }: Entry,
  number: number,
) {
  const path = Buffer.from(`${name}\0`);
  const fields = [number, mode, 0, 0, 1, 0, content.length, 0, 0, ...device, path.length, 0];
  const header = fields.map((field) => field.toString(16).padStart(8, '0')).join('');
  return Buffer.concat([
    padded(Buffer.concat([Buffer.from(`070701${header}`), path])),
    padded(content),
  ]);
}

/** What the file system of a guest has. */
export interface Contents {
  readonly busybox: Uint8Array;
  /** Text of the first process. */
  readonly init: string;
  /** Files of kernel modules by module name; they become /lib/<name>.ko. */
  readonly modules: ReadonlyMap<string, Uint8Array>;
}

/** The archive, not compressed. */
export function initramfs({ busybox, init, modules }: Contents): Uint8Array {
  const entries: Entry[] = [
    ...['bin', 'dev', 'lib', 'proc', 'sys', 'tmp'].map((name) => ({ name, mode: DIRECTORY })),
    { name: 'dev/console', mode: CHARACTER_DEVICE, device: [5, 1] },
    { name: 'bin/busybox', mode: EXECUTABLE, content: busybox },
    { name: 'bin/sh', mode: LINK, content: Buffer.from('busybox') },
    { name: 'init', mode: EXECUTABLE, content: Buffer.from(init) },
    ...Array.from(modules, ([name, content]) => ({
      name: `lib/${name}.ko`,
      mode: EXECUTABLE,
      content,
    })),
    { name: 'TRAILER!!!', mode: 0 },
  ];
  return Buffer.concat(entries.map((entry, index) => encode(entry, index + 1)));
}
