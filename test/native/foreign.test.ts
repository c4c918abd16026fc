import { createRequire } from 'node:module';
import { afterEach, describe, expect, it, vi } from 'vitest';

const require = createRequire(import.meta.url);
const LOADER = require.resolve('node-gyp-build');
const real = { platform: process.platform, arch: process.arch };

function pretend({ platform, arch }: { readonly platform: string; readonly arch: string }): void {
  Object.defineProperty(process, 'platform', { value: platform });
  Object.defineProperty(process, 'arch', { value: arch });
}

/** `vfio-platform-wasm/native` as it is imported first on such a computer, without a build of its own. */
async function importedOn(platform: string, arch: string) {
  pretend({ platform, arch });
  vi.stubEnv('npm_config_platform', platform);
  vi.stubEnv('npm_config_arch', arch);
  vi.stubEnv('PREBUILDS_ONLY', '1');
  vi.resetModules();
  // It looks at these once.
  delete require.cache[LOADER];
  return import('../../host/native');
}

afterEach(() => {
  pretend(real);
  vi.unstubAllEnvs();
  vi.resetModules();
  delete require.cache[LOADER];
});

describe.each([
  ['darwin', 'arm64', /: this is darwin; VFIO is a part of Linux: .*vfio-platform-wasm\/sim/],
  ['win32', 'x64', /: this is win32; VFIO is a part of Linux: .*vfio-platform-wasm\/sim/],
  ['linux', 'mips64', /: no binary fits linux mips64 \(.+\); build it .*npm run native/],
] as const)('on %s %s', (platform, arch, missing) => {
  it('the native host can be imported, and asked for says what is missing', async () => {
    const { NativeHost, KvmVm, FileSysfs } = await importedOn(platform, arch);
    const unavailable = expect.objectContaining({
      code: 'NATIVE_UNAVAILABLE',
      message: expect.stringMatching(missing),
    });
    expect(NativeHost.problem()).toEqual(unavailable);
    // Asked again, it is the same.
    expect(() => new NativeHost()).toThrow(unavailable);
    expect(() => new NativeHost({ sysfs: new FileSysfs() })).toThrow(unavailable);
    expect(() => new KvmVm()).toThrow(unavailable);
  });
});
