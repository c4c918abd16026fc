import { describe, expect, test } from 'vitest';
import * as linux from '../../../assembly/abi/linux';
import { VFIO_CHECK_EXTENSION } from '../../../assembly/abi/vfio';
import { VfioError, type VfioErrorCode } from '../../../host/errors';
import type { DeviceOptions } from '../../../host/options/options';
import type { FaultCall } from '../../../host/sim/simulated-host';
import { levels, ProbeDevice } from '../device/models';
import { Rig, refusal, refused } from '../device/rig';

/** Every errno that the package knows, and one that it does not. */
const errnos: number[] = Object.entries(linux)
  .filter(([name]) => /^E[A-Z0-9]+$/.test(name))
  .map(([, value]): number => value);
errnos.push(71);

/** The code with which each call fails. */
const codes: Readonly<Record<string, VfioErrorCode>> = {
  'open /dev/vfio/0': 'OPEN_GROUP',
  'open /dev/vfio/noiommu-0': 'OPEN_GROUP',
  'open /dev/vfio/vfio': 'OPEN_CONTAINER',
  'open /dev/vfio/devices/vfio0': 'OPEN_CDEV',
  'open /dev/iommu': 'OPEN_IOMMUFD',
  VFIO_GROUP_GET_STATUS: 'GROUP_STATUS',
  VFIO_GET_API_VERSION: 'API_VERSION',
  VFIO_CHECK_EXTENSION: 'IOMMU_TYPE',
  VFIO_GROUP_SET_CONTAINER: 'SET_CONTAINER',
  VFIO_SET_IOMMU: 'SET_IOMMU',
  VFIO_IOMMU_GET_INFO: 'IOMMU_INFO',
  VFIO_GROUP_GET_DEVICE_FD: 'GET_DEVICE',
  VFIO_DEVICE_BIND_IOMMUFD: 'BIND_IOMMUFD',
  IOMMU_IOAS_ALLOC: 'IOAS_ALLOC',
  VFIO_DEVICE_ATTACH_IOMMUFD_PT: 'ATTACH_IOAS',
  IOMMU_IOAS_IOVA_RANGES: 'IOVA_RANGES',
  VFIO_DEVICE_GET_INFO: 'DEVICE_INFO',
  VFIO_DEVICE_GET_REGION_INFO: 'REGION_INFO',
  VFIO_DEVICE_GET_IRQ_INFO: 'IRQ_INFO',
};

function codeOf(call: string): VfioErrorCode | undefined {
  return codes[call] ?? codes[call.split(' ')[0] as string];
}

interface Way {
  readonly name: string;
  readonly options: DeviceOptions;
  readonly noiommu?: boolean;
}

const ways: readonly Way[] = [
  { name: 'group', options: {} },
  { name: 'noiommu', options: { noiommu: true }, noiommu: true },
  { name: 'cdev', options: { iommufd: true } },
];

function boardFor({ noiommu = false }: Way): Rig {
  const rig = new Rig({ unsafeNoiommu: noiommu });
  rig.add(new ProbeDevice({ lines: levels(2), regions: [{ size: 0x1000 }, { size: 0x100 }] }), {
    noiommu,
  });
  return rig;
}

/** The calls of an open that can fail, in order. */
async function callsOfOpen(way: Way): Promise<string[]> {
  const rig = boardFor(way);
  await rig.open(way.options);
  return rig.takeCalls().filter((call) => call.startsWith('open ') || codeOf(call) !== undefined);
}

/** Whether an open may get by without this call, as the specification allows. */
function isDispensable(call: string, errno: number): boolean {
  // TYPE1v2 that is not offered leads to TYPE1; EMSGSIZE is the normal first answer.
  if (call === 'VFIO_CHECK_EXTENSION 3') return true;
  return call === 'IOMMU_IOAS_IOVA_RANGES' && errno === linux.EMSGSIZE;
}

describe.each(ways)('an open by $name of which one call fails', (way) => {
  test('fails with the code of the step, the errno and the name, and works when tried again', async () => {
    const calls = await callsOfOpen(way);
    expect(calls.length).toBeGreaterThan(8);
    const rig = boardFor(way);
    for (const [ordinal, call] of calls.entries()) {
      const kind: FaultCall = call.startsWith('open ') ? 'open' : 'ioctl';
      const skip = calls
        .slice(0, ordinal)
        .filter((before) => before.startsWith('open ') === (kind === 'open')).length;
      for (const errno of errnos) {
        const fault = rig.host.kernel.faults.inject({ call: kind, errno, skip });
        const outcome = await rig.open(way.options).catch((error: unknown) => error);
        expect(fault.hits, `${call} is the one that fails`).toBe(1);
        rig.host.kernel.faults.clear();
        if (outcome instanceof Error) {
          const error = outcome as VfioError;
          expect(outcome, call).toBeInstanceOf(VfioError);
          // The errno of this question has a test of its own below.
          const told = call.startsWith('VFIO_CHECK_EXTENSION') ? errno : error.errno;
          expect({ call, errno: told, code: error.code, device: error.device }).toEqual({
            ...{ call, errno, code: codeOf(call), device: 'dev' },
          });
          expect(error.message).toMatch(/^dev: cannot /);
          expect(rig.resources.fds).toBe(0);
        } else {
          expect(isDispensable(call, errno), `${call} with errno ${errno} is refused`).toBe(true);
          rig.tidy();
        }
      }
      const again = await rig.open(way.options);
      expect(again.device.read(0, 0, 4)).toBe(0x03020100);
      again.device.close();
    }
  });
});

test.each(ways.slice(0, 2))(
  'a container of a $name that answers no question about IOMMU types keeps the errno',
  async (way) => {
    const rig = boardFor(way);
    const request = VFIO_CHECK_EXTENSION;
    rig.host.kernel.faults.inject({ call: 'ioctl', request, errno: linux.EIO, times: 2 });
    expect(await refusal(rig.open(way.options))).toMatchObject({
      code: 'IOMMU_TYPE',
      errno: linux.EIO,
    });
  },
);

test('running out of descriptors at any point of an open leaves nothing behind', async () => {
  for (const options of [{}, { iommufd: true }]) {
    for (let limit = 0; limit < 3; limit++) {
      const rig = new Rig({ openFileLimit: limit });
      rig.add(new ProbeDevice());
      const outcome = await rig.open(options).catch((error: VfioError) => error);
      if (!(outcome instanceof VfioError)) continue;
      expect(outcome.errno).toBe(linux.EMFILE);
      expect(rig.resources.fds).toBe(0);
    }
  }
});

describe('connecting a line of which one call fails', () => {
  /** SET_IRQS flags to the code of the step. */
  const steps: readonly [call: FaultCall, flags: number | undefined, code: VfioErrorCode][] = [
    ['eventfd', undefined, 'EVENTFD'],
    ['watch', undefined, 'WATCH'],
    ['ioctl', 0x24, 'SET_TRIGGER'],
    ['ioctl', 0x11, 'UNMASK'],
  ];

  test.each(steps)(
    '%s (flags %s) is told as %s, and it works when tried again',
    async (call, flags, code) => {
      const rig = new Rig();
      const placed = rig.add(new ProbeDevice({ lines: levels(1) }));
      const { device, lines } = await rig.start();
      for (const errno of errnos) {
        // A line that was armed before is unmasked when it is armed again.
        device.disconnectLine(0);
        const before = rig.resources;
        const fault = rig.host.kernel.faults.inject({ call, errno, ...(flags && { flags }) });
        const error = refused(() => device.connectLine(0, lines.target(0)));
        expect(fault.hits).toBe(1);
        expect(error).toMatchObject({ code, errno, device: 'dev' });
        expect(rig.resources).toEqual(before);
        expect(device.lines[0]?.armed).toBe('no');
        device.connectLine(0, lines.target(0));
        placed.setLine(0, true);
        device.safePoint();
        placed.setLine(0, false);
        device.read(0, 0, 4);
        expect(lines.take()).toEqual(['+0', '-0']);
      }
    },
  );

  test('a disarm that the kernel refuses is told, and the line is out of service all the same', async () => {
    const rig = new Rig();
    const placed = rig.add(new ProbeDevice({ lines: levels(1) }));
    const { device, lines } = await rig.start();
    placed.setLine(0, true);
    device.safePoint();
    placed.faults.inject({ call: 'ioctl', flags: 0x21, errno: linux.EIO });
    expect(refused(() => device.disconnectLine(0))).toMatchObject({ code: 'DISARM', errno: 5 });
    expect(lines.take()).toEqual(['+0', '-0']);
    expect(rig.resources).toMatchObject({ eventfds: 0, watches: 0 });
    expect(device.lines[0]).toMatchObject({ armed: 'no', state: 'inactive' });
  });
});

describe('a close of which calls fail', () => {
  test.each([
    ['ioctl', 'DISARM'],
    ['close', undefined],
    ['unwatch', undefined],
  ] as const)('%s failing everywhere still gives everything back', async (call, code) => {
    const rig = new Rig();
    rig.add(new ProbeDevice({ lines: levels(2) }));
    const { device } = await rig.start();
    rig.host.kernel.faults.inject({ call, errno: linux.EIO, times: Number.POSITIVE_INFINITY });
    if (code === undefined) device.close();
    else expect(refused(() => device.close())).toMatchObject({ code, errno: linux.EIO });
    expect(device.closed).toBe(true);
    expect(rig.resources).toMatchObject({ fds: 0, eventfds: 0, mappings: 0, watches: 0 });
    rig.host.kernel.faults.clear();
    expect((await rig.open()).device.read(0, 0, 4)).toBe(0x03020100);
  });
});
