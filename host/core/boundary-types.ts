import type * as imports from '../../assembly/boundary/host';
import type * as exports from './generated/core';

/** What a host gives to the core: exactly the declarations in assembly/boundary/host.ts. */
export type CoreImports = typeof imports;

/** What the core exports: the declarations that the compiler wrote for assembly/index.ts. */
export type CoreExports = typeof exports;
