import { gunzipSync } from 'node:zlib';
import type { HostFiles } from '../environment';

/** The options of a kernel: 'y', 'm', or what else follows the equals sign. */
export interface KernelConfig {
  /** The file that they are from. */
  readonly path: string;
  readonly options: ReadonlyMap<string, string>;
}

const MAX_CONFIG_BYTES = 4 * 1024 * 1024;

function parse(text: string): ReadonlyMap<string, string> {
  const options = new Map<string, string>();
  for (const [, name, value] of text.matchAll(/^CONFIG_(\w+)=(.*)$/gm)) {
    options.set(name as string, value as string);
  }
  return options;
}

function read(files: HostFiles, path: string): string | undefined {
  const bytes = files.readBytes(path);
  if (bytes === undefined) return undefined;
  if (!path.endsWith('.gz')) return new TextDecoder().decode(bytes);
  try {
    return gunzipSync(bytes, { maxOutputLength: MAX_CONFIG_BYTES }).toString();
  } catch {
    return undefined;
  }
}

/** The configuration of the kernel that runs, from where distributions keep it. */
export function readKernelConfig(files: HostFiles, release: string): KernelConfig | undefined {
  const places = [
    '/proc/config.gz',
    `/boot/config-${release}`,
    `/usr/lib/modules/${release}/config`,
    `/lib/modules/${release}/config`,
  ];
  for (const path of places) {
    const text = read(files, path);
    if (text === undefined) continue;
    const options = parse(text);
    if (options.size > 0) return { path, options };
  }
  return undefined;
}
