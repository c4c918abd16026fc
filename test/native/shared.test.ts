import { describe, expect, it } from 'vitest';
import { abiHeader, requestRows } from './shared-tables';

const FOLDER = '../../native/src/shared';

describe('what the addon shares with TypeScript', () => {
  it('has the numbers of assembly/abi/', async () => {
    await expect(abiHeader()).toMatchFileSnapshot(`${FOLDER}/abi.h`);
  });

  it('has the request table of host/boundary/', async () => {
    await expect(requestRows()).toMatchFileSnapshot(`${FOLDER}/request_table.inc`);
  });
});
