import { machine, release } from 'node:os';
import { NativeHost } from '../../native';
import type { HostConnection, HostSystem } from '../environment';
import { ChildWriter } from './child-writer';
import { FileRecords } from './file-records';
import { NodeFiles } from './node-files';
import { ProcessClock } from './process-clock';

const RECORDS = '/run/vfio-wasm';

/** Waits in the event loop, where the addon's signals arrive. */
function connection(): HostConnection {
  let wake: (() => void) | undefined;
  let woken = false;
  return {
    host: new NativeHost(),
    clock: new ProcessClock(),
    wake: () => {
      woken = true;
      wake?.();
    },
    wait: (ms, interrupted) =>
      new Promise((resolve) => {
        const end = () => {
          clearTimeout(timer);
          interrupted.removeEventListener('abort', end);
          wake = undefined;
          woken = false;
          resolve(true);
        };
        const timer = setTimeout(end, ms);
        interrupted.addEventListener('abort', end);
        wake = end;
        if (woken || interrupted.aborted) end();
      }),
    onSerial: () => {},
    close: () => {},
  };
}

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
    // The addon never makes a shared buffer.
    allocGuestRam: (size) => new NativeHost().allocGuestRam(size).bytes as Uint8Array<ArrayBuffer>,
    connect: async () => connection(),
  };
}
