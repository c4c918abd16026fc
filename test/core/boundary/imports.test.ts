import { readdirSync, readFileSync } from 'node:fs';
import binaryen from 'binaryen';
import { describe, expect, test } from 'vitest';
import * as iommufd from '../../../assembly/abi/iommufd';
import * as kvm from '../../../assembly/abi/kvm';
import * as vfio from '../../../assembly/abi/vfio';
import { ABI_VERSION } from '../../../assembly/boundary/version';
import { requestTable } from '../../../host/boundary/request-table';
import type { CoreImports } from '../../../host/core/boundary-types';
import { instantiateCore, WINDOW_START } from '../../../host/core/core';
import { loadCore } from '../../../host/core/load-core';
import { VfioError } from '../../../host/errors';
import { coreModule, coreVariant } from '../../support/core';
import { SMALL_MEMORY } from '../device/rig';

const root = new URL('../../../', import.meta.url);

function text(path: string): string {
  return readFileSync(new URL(path, root), 'utf8');
}

function bytes(variant: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(readFileSync(new URL(`.cache/core/${variant}.wasm`, root)));
}

/** The functions that assembly/boundary/host.ts declares. */
const declared = [
  ...text('assembly/boundary/host.ts').matchAll(/^export declare function (\w+)/gm),
].map(([, name]) => `host.${name}`);

function importsOf(module: WebAssembly.Module): string[] {
  return WebAssembly.Module.imports(module).map(({ module, name }) => `${module}.${name}`);
}

describe('the import boundary', () => {
  test('of the release core is its memory and the declared functions, all of them', async () => {
    expect(declared.length).toBeGreaterThan(10);
    expect(importsOf(await loadCore()).sort()).toEqual(['env.memory', ...declared].sort());
  });

  test('of the core under test has nothing else, but for abort in a debug build', () => {
    const allowed = [
      'env.memory',
      ...declared,
      ...(coreVariant === 'release' ? [] : ['env.abort']),
    ];
    const known = importsOf(coreModule).filter((name) => !name.startsWith('cov.'));
    expect(known.filter((name) => !allowed.includes(name))).toEqual([]);
  });

  test('imports functions only, besides the memory', async () => {
    const kinds = WebAssembly.Module.imports(await loadCore()).map(({ kind }) => kind);
    expect(kinds.filter((kind) => kind !== 'function')).toEqual(['memory']);
  });

  test('the embedded core is the release build', async () => {
    const embedded = importsOf(await loadCore());
    expect(embedded).toEqual(importsOf(new WebAssembly.Module(bytes('release'))));
    expect(bytes('release').length).toBeLessThanOrEqual(24 * 1024);
  });
});

describe('the instructions of the core', () => {
  /** A function body in the text form, which names every instruction. */
  function disassembly(variant: string): string {
    const module = binaryen.readBinary(bytes(variant));
    const listing = module.emitText();
    module.dispose();
    return listing;
  }

  test.each(['release', 'debug'])('of the %s build never grow the memory', (variant) => {
    const listing = disassembly(variant);
    // Proof that the listing shows instructions of that kind at all.
    expect(listing).toContain('memory.fill');
    expect(listing).toContain('i64.atomic.load');
    expect(listing).not.toContain('memory.grow');
  });

  test.each(['release', 'debug'])(
    'of the %s build start from memory that is all zero',
    (variant) => {
      // Static data would lie where windows are mapped.
      expect(disassembly(variant)).not.toMatch(/^\s*\(data /m);
    },
  );

  test('of the release build store to windows without atomics', () => {
    // An atomic store compiles to XCHG on x86-64, which reads the register too.
    const atomicStores = disassembly('release').match(/i(32|64)\.atomic\.store\d*/g) ?? [];
    const silenceDoorbell = atomicStores.filter((store) => store === 'i32.atomic.store');
    expect(atomicStores).toEqual(silenceDoorbell);
  });
});

describe('the version of the boundary', () => {
  const refuse = () => {
    throw new Error('not called');
  };
  const imports = new Proxy({}, { get: () => refuse }) as unknown as CoreImports;

  function instantiate(module: WebAssembly.Module, size = SMALL_MEMORY): VfioError | undefined {
    try {
      instantiateCore(module, imports, size);
      return undefined;
    } catch (error) {
      expect(error).toBeInstanceOf(VfioError);
      return error as VfioError;
    }
  }

  /** A module that is like a core only in its version. */
  function coreOfVersion(version: number): WebAssembly.Module {
    const module = binaryen.parseText(
      `(module (func (export "abiVersion") (result i32) (i32.const ${version})))`,
    );
    const binary = module.emitBinary();
    module.dispose();
    return new WebAssembly.Module(new Uint8Array(binary));
  }

  test.each([0, ABI_VERSION + 1, -1])('%i of a core is refused', (version) => {
    const error = instantiate(coreOfVersion(version));
    expect(error?.code).toBe('CORE_MISMATCH');
    expect(error?.message).toContain(`${ABI_VERSION}`);
  });

  test('that is the same is taken', () => {
    expect(instantiate(coreOfVersion(ABI_VERSION))).toBeUndefined();
  });

  test.each([0, WINDOW_START - 1, 2 ** 31, Number.NaN])('memory of %d bytes is refused', (size) => {
    expect(() => instantiateCore(coreModule, imports, size)).toThrow(
      expect.objectContaining({ code: 'OPTION_INVALID' }),
    );
  });

  test('and the memory that a core gets cannot grow', () => {
    const { memory } = instantiateCore(coreModule, imports, SMALL_MEMORY + 1).memory;
    expect(memory.buffer.byteLength).toBe(SMALL_MEMORY + 0x10000);
    expect(() => memory.grow(1)).toThrow(RangeError);
  });

  test.each([WINDOW_START, WINDOW_START + 1, 0x80000, 0x100000])(
    'memory of %d bytes is enough, or refused with the reason',
    (size) => {
      expect([undefined, 'OPTION_INVALID']).toContain(instantiate(coreModule, size)?.code);
    },
  );
});

describe('the request table', () => {
  const abi: Readonly<Record<string, number>> = { ...vfio, ...iommufd, ...kvm };
  /** The ioctls that the core's sources name outside the tables of constants. */
  const issued = new Set<string>();
  for (const path of readdirSync(new URL('assembly', root), { recursive: true }) as string[]) {
    if (path.startsWith('abi') || !path.endsWith('.ts')) continue;
    for (const [, request = ''] of text(`assembly/${path}`).matchAll(
      /(?:\bcall|host\.ioctl)\(\s*[\w.]+,\s*([A-Z][A-Z0-9_]+)/g,
    )) {
      issued.add(request);
    }
  }

  test('covers every request that the core issues, under its own name', () => {
    expect(issued.size).toBeGreaterThan(15);
    for (const name of issued) {
      expect(abi[name], name).toBeTypeOf('number');
      expect(requestTable.get(abi[name] as number)?.name).toBe(name);
    }
  });

  test('names nothing that the core does not issue', () => {
    for (const { name } of requestTable.values()) expect(issued).toContain(name);
  });

  test('places every field inside its struct, or right behind it', () => {
    for (const { name, size, handles, guestRam, items } of requestTable.values()) {
      for (const { offset, when } of handles) {
        expect(offset, name).toBeLessThanOrEqual(size);
        if (when) expect(when.offset, name).toBeLessThanOrEqual(size - 4);
      }
      if (guestRam !== undefined) expect(guestRam, name).toBeLessThanOrEqual(size - 8);
      if (items) expect(items.count, name).toBeLessThanOrEqual(size - 4);
    }
  });
});
