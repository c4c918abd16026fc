import { readdirSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import * as linux from '../../assembly/abi/linux';
import { openDevice } from '../../host/device/open';
import { VfioError } from '../../host/errors';
import type { DeviceOptions } from '../../host/options/options';
import { NativeWorld } from '../conformance/native/native-world';
import { NOTHING_OPEN } from '../conformance/rig';
import { coreModule } from '../support/core';
import { describePlayed } from './describe-played';

/** Every errno that the package knows, and one that it does not. */
const errnos: number[] = Object.entries(linux)
  .filter(([name]) => /^E[A-Z0-9]+$/.test(name))
  .map(([, value]): number => value);
errnos.push(71);

interface Way {
  readonly way: string;
  readonly options: DeviceOptions;
  readonly noiommu?: boolean;
  /** Calls that a life gets by without, besides those that all do. */
  readonly dispensable: readonly string[];
}

/** A region that cannot be mapped is served slowly; what ends anyway need not be ended. */
const DISPENSABLE = ['close 0', 'epoll 0', 'mmap 0', 'mremap 0', 'munmap 0'];

const ways: readonly Way[] = [
  {
    way: 'group and container',
    options: {},
    // Leaving a container; a mapping that was busy once.
    dispensable: ['ioctl 0x3b69', 'ioctl 0x3b71'],
  },
  { way: 'noiommu', options: { noiommu: true }, noiommu: true, dispensable: ['ioctl 0x3b69'] },
  {
    way: 'cdev and iommufd',
    options: { iommufd: true },
    // IOAS_IOVA_RANGES with EMSGSIZE, MAP with EBUSY, UNMAP with ENOENT; DESTROY at the end.
    dispensable: ['ioctl 0x3b80', 'ioctl 0x3b84', 'ioctl 0x3b85', 'ioctl 0x3b86'],
  },
];

/** What the process has open and mapped, as Linux itself counts it. */
function processTables() {
  const maps = readFileSync('/proc/self/maps', 'latin1').split('\n');
  return {
    fds: readdirSync('/proc/self/fd').length,
    played: maps.filter((line) => line.includes('/memfd:vfio')).length,
  };
}

describePlayed('an open of which one call fails', () => {
  describe.each(ways)('by $way', lifeBy);
});

function lifeBy({ options, noiommu, dispensable }: Way): void {
  let world: NativeWorld;

  beforeAll(() => {
    world = new NativeWorld({ unsafeNoiommu: true });
    world.addDevice({
      name: 'dev',
      regions: [{ size: 0x1000 }, { size: 0x200 }],
      lines: ['level', 'edge'],
      ...(noiommu && { noiommu }),
    });
  });
  afterAll(() => world.end());

  /** A whole life: open, guest RAM, lines, close. Calls of its close fail at the end. */
  async function live(): Promise<void> {
    const device = await openDevice(
      world.host,
      { host: 'dev', memoryBytes: 0x200000, ...options },
      { clock: world.clock, core: coreModule },
    );
    try {
      if (!noiommu) device.mapGuestRam(world.allocGuestRam(0x2000), 0x10000n);
      for (const { index } of device.lines) device.connectLine(index, { up() {}, down() {} });
      device.write(0, 0, 4, 0x1234);
      expect(device.read(0, 0, 4)).toBe(0x1234);
    } finally {
      device.close();
    }
  }

  async function callsOfLife(): Promise<readonly string[]> {
    world.played.startLog();
    await live();
    const calls = world.played.takeLog();
    world.played.stopLog();
    // The thread that drains eventfds does so when it likes.
    return calls.filter((call) => !/^(read|write) /.test(call));
  }

  test('every errno of every call is told, leaves nothing behind, and can be tried again', async () => {
    await live();
    const calls = await callsOfLife();
    expect(calls.length).toBeGreaterThan(30);
    const before = processTables();
    const survived = new Set<string>();
    for (const [ordinal, call] of calls.entries()) {
      for (const errno of errnos) {
        const what = `call ${ordinal + 1}, ${call}, fails with errno ${errno}`;
        world.played.fail('any', errno, { nth: ordinal + 1 });
        const outcome = await live().catch((error: unknown) => error);
        world.played.clearFaults();
        if (outcome === undefined) survived.add(call.split(' ').slice(0, 2).join(' '));
        else {
          expect(outcome, what).toBeInstanceOf(VfioError);
          expect((outcome as VfioError).device, what).toBe('dev');
          expect([errno, undefined], what).toContain((outcome as VfioError).errno);
        }
        expect(world.resources(), what).toEqual(NOTHING_OPEN);
        expect(world.host.kernel.resources(), what).toEqual(NOTHING_OPEN);
        expect(processTables(), what).toEqual(before);
      }
      await live();
    }
    expect([...survived].sort()).toEqual([...DISPENSABLE, ...dispensable].sort());
  }, 300_000);
}
