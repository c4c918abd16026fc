import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readlinkSync } from 'node:fs';
import { basename } from 'node:path';
import { afterEach, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Source, sources } from '../guest/registers';
import { prepareDevices, Rig } from '../guest/rig';
import { board } from '../scenarios/scenario';

before(prepareDevices);
afterEach(prepareDevices);

/** Another process unbinds the device; tells how that goes. */
function unbindElsewhere(bus: string, device: string) {
  const script = `echo ${device} > /sys/bus/${bus}/devices/${device}/driver/unbind`;
  const child = spawn('sh', ['-c', script]);
  let ended: number | string | null | undefined;
  const end = new Promise<void>((resolve) => {
    child.on('exit', (code, signal) => {
      ended = signal ?? code;
      resolve();
    });
  });
  return {
    get ended() {
      return ended;
    },
    end,
  };
}

function driver(bus: string, device: string): string | undefined {
  try {
    return basename(readlinkSync(`/sys/bus/${bus}/devices/${device}/driver`));
  } catch {
    return undefined;
  }
}

for (const [bus, name] of [
  ['amba', board.gpio],
  ['amba', board.uart],
  ['platform', board.edu],
] as const) {
  describe(`${name} is unbound by another process while it is open`, () => {
    it('which waits until it is closed, and the holder works on', async () => {
      const source = sources.find((candidate) => candidate.name === name) as Source;
      const rig = await Rig.open(name, { profile: null, eoi: { default: 'write' } }, source.hush);
      rig.line.handler = () => source.clear(rig.device);
      const other = unbindElsewhere(bus, name);
      await sleep(300);
      for (let round = 1; round <= 20; round++) {
        source.raise(rig.device);
        await rig.until('interrupt', () => rig.line.downs === round);
      }
      assert.equal(rig.handledByKernel, 20);
      assert.equal(other.ended, undefined);
      rig.close();
      await other.end;
      assert.equal(other.ended, 0);
      assert.equal(driver(bus, name), undefined);
      await assert.rejects(Rig.open(name), { name: 'VfioError' });
    });
  });
}
