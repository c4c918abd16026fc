// A root file system in memory: a cpio archive of the 'newc' format that Linux
// unpacks (Documentation/driver-api/early-userspace/buffer-format.rst).

const DIRECTORY = 0o040755;
const EXECUTABLE = 0o100755;
const LINK = 0o120777;
const CHARACTER_DEVICE = 0o020600;

/** `bytes`, and zeros up to a multiple of four. */
function padded(bytes) {
  return Buffer.concat([bytes, Buffer.alloc(-bytes.length & 3)]);
}

function entry(number, name, mode, content, major = 0, minor = 0) {
  const path = Buffer.from(`${name}\0`);
  const fields = [number, mode, 0, 0, 1, 0, content.length, 0, 0, major, minor, path.length, 0];
  const header = fields.map((field) => field.toString(16).padStart(8, '0')).join('');
  return Buffer.concat([
    padded(Buffer.concat([Buffer.from(`070701${header}`), path])),
    padded(content),
  ]);
}

/**
 * @param {{busybox: Uint8Array, init: string, modules: ReadonlyMap<string, Uint8Array>, files?: Readonly<Record<string, Uint8Array>>}} contents
 */
export function initramfs({ busybox, init, modules, files = {} }) {
  let number = 0;
  const entries = [];
  const add = (...fields) => entries.push(entry(++number, ...fields));
  for (const name of ['bin', 'dev', 'lib', 'proc', 'sys', 'tmp'])
    add(name, DIRECTORY, Buffer.alloc(0));
  add('dev/console', CHARACTER_DEVICE, Buffer.alloc(0), 5, 1);
  add('bin/busybox', EXECUTABLE, busybox);
  add('bin/sh', LINK, Buffer.from('busybox'));
  add('init', EXECUTABLE, Buffer.from(init));
  for (const [name, content] of modules) add(`lib/${name}.ko`, EXECUTABLE, content);
  for (const [name, content] of Object.entries(files)) add(name, EXECUTABLE, content);
  add('TRAILER!!!', 0, Buffer.alloc(0));
  return Buffer.concat(entries);
}
