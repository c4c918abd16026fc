import type { HostFiles } from '../environment';

/**
 * `files` as they are when first looked at: for a command that asks the same of
 * sysfs and /proc for every device, and shows one moment.
 */
export function remembered(files: HostFiles): HostFiles {
  const once = <T>(read: (path: string) => T): ((path: string) => T) => {
    const known = new Map<string, T>();
    return (path) => {
      if (!known.has(path)) known.set(path, read(path));
      return known.get(path) as T;
    };
  };
  const may = {
    read: once((path) => files.access(path, 'read')),
    write: once((path) => files.access(path, 'write')),
    'read-write': once((path) => files.access(path, 'read-write')),
  };
  return {
    exists: once((path) => files.exists(path)),
    readText: once((path) => files.readText(path)),
    readLink: once((path) => files.readLink(path)),
    realPath: once((path) => files.realPath(path)),
    list: once((path) => files.list(path)),
    readBytes: once((path) => files.readBytes(path)),
    access: (path, mode) => may[mode](path),
  };
}
