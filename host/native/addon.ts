import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { VfioError } from '../errors';

/** Results of the addon below every −errno: the kernel was not asked. */
export const REFUSED_REQUEST = -0x10000;
export const REFUSED_PATH = -0x10001;
export const REFUSED_RAM = -0x10002;
/** No errno of Linux is beyond this. */
export const LAST_ERRNO = -4095;

const INTERFACE_VERSION = 4;

/** A call of KVM that failed. */
export interface KvmFailure {
  readonly step: string;
  readonly errno: number;
}

/** Why KVM_RUN came back. */
export interface KvmRunExit {
  readonly reason: number;
  readonly port: number;
  readonly size: number;
  readonly write: boolean;
  readonly value: number;
}

/** The functions of native/src; numbers are results of the kernel, or −errno. */
export interface Addon {
  readonly interfaceVersion: number;
  open(path: string): number;
  close(fd: number): number;
  adopt(fd: number, owned: boolean): number;
  giveBack(lent: number): number;
  ioctl(fd: number, request: number, value: number, bytes: Uint8Array, length: number): number;
  /** @returns −errno, or undefined for success: a number would take a handle */
  unmask(fd: number, line: number): number | undefined;
  eventfd(initial: number, flags: number): number;
  read(fd: number, memory: Uint8Array, pointer: number, length: number): number;
  write(fd: number, memory: Uint8Array, pointer: number, length: number): number;
  pread(
    fd: number,
    memory: Uint8Array,
    pointer: number,
    length: number,
    offsetLow: number,
    offsetHigh: number,
  ): number;
  pwrite(
    fd: number,
    memory: Uint8Array,
    pointer: number,
    length: number,
    offsetLow: number,
    offsetHigh: number,
  ): number;
  deviceNumber(fd: number): string | number;
  resources(): {
    readonly fds: number;
    readonly eventfds: number;
    readonly mappings: number;
    readonly dmaMappings: number;
    readonly watches: number;
  };
  mmap(
    memory: WebAssembly.Memory,
    pointer: number,
    length: number,
    protection: number,
    fd: number,
    offsetLow: number,
    offsetHigh: number,
  ): number;
  munmap(window: number): number;
  onRefused(called: (window: number, offset: number) => void): void;
  addressOf(bytes: Uint8Array): bigint;
  allocGuestRam(size: number): ArrayBuffer | number;
  addDoorbell(
    memory: WebAssembly.Memory,
    summary: number,
    words: number,
    counts: number,
    lines: number,
    wake: (hungUp?: number) => void,
  ): number;
  dropDoorbell(doorbell: number): void;
  watch(fd: number, doorbell: number, line: number): number;
  unwatch(fd: number): number;
  keepAlive(on: boolean): void;
  haltPoll(us: number): number;
  // Only where KVM has the irqchip of a PC.
  kvmCreate?(
    irqchip: boolean,
    memoryBytes: number,
  ): { readonly fd: number; readonly memory: ArrayBuffer } | KvmFailure;
  kvmClose?(vm: number): number;
  kvmExtension?(vm: number, capability: number): number;
  kvmGetIrqchip?(vm: number, chip: number, state: Uint8Array): number;
  kvmSetIrqchip?(vm: number, chip: number, state: Uint8Array): number;
  kvmCreateVcpu?(vm: number, ip: number): KvmFailure | undefined;
  kvmRun?(vm: number): KvmRunExit | number;
}

/** The folder of this package: the nearest one above this file with a package.json. */
function packageFolder(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'package.json')) && folder !== dirname(folder)) {
    folder = dirname(folder);
  }
  return folder;
}

const REMEDY =
  process.platform === 'linux'
    ? "build it with a C++20 compiler: 'npm explore vfio-platform-wasm -- npm run native'"
    : 'VFIO is a part of Linux: run this there, or use the simulated host (vfio-platform-wasm/sim)';

function unavailable(reason: string, cause?: unknown): VfioError {
  return new VfioError(
    'NATIVE_UNAVAILABLE',
    `the native host is not available: ${reason}; ${REMEDY}`,
    { cause },
  );
}

let loaded: Addon | undefined;

/**
 * The addon: built from source (native/build), or one of those the package
 * carries (native/prebuilds). Loaded at the first call.
 *
 * @throws VfioError NATIVE_UNAVAILABLE
 */
export function loadAddon(): Addon {
  if (loaded !== undefined) return loaded;
  if (process.platform !== 'linux') throw unavailable(`this is ${process.platform}`);
  let addon: Addon;
  try {
    const require = createRequire(import.meta.url);
    addon = require('node-gyp-build')(join(packageFolder(), 'native'));
  } catch (error) {
    // The first line of what the loader says; of others it is the stack of requires.
    const [reason] = String((error as Error).message).split('\n');
    throw unavailable(`no binary fits ${process.platform} ${process.arch} (${reason})`, error);
  }
  if (addon.interfaceVersion !== INTERFACE_VERSION) {
    throw unavailable(
      `its binary has interface version ${addon.interfaceVersion}, ${INTERFACE_VERSION} is needed`,
    );
  }
  loaded = addon;
  return addon;
}
