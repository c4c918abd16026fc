import { machine, release } from 'node:os';
import type { HostSystem } from '../environment';
import { CommandError } from '../failure';
import { ChildWriter } from './child-writer';
import { FileRecords } from './file-records';
import { NodeFiles } from './node-files';

const RECORDS = '/run/vfio-wasm';

/** This computer. */
export async function nativeSystem(): Promise<HostSystem> {
  return {
    kind: 'native',
    platform: process.platform,
    release: release(),
    machine: machine(),
    pid: process.pid,
    files: new NodeFiles(),
    writer: new ChildWriter(),
    records: new FileRecords(RECORDS),
    connect: async () => {
      throw new CommandError('NO_NATIVE_HOST', 'the native host is not part of this build', {
        remedy: 'Use the simulated one: --host sim.',
      });
    },
  };
}
