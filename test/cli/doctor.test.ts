import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { readKernelConfig } from '../../host/cli/doctor/kernel-config';
import type { SimulatedSystemOptions } from '../../host/cli/simulated/simulated-system';
import { Desk, widest } from './fixture';

interface Finding {
  readonly id: string;
  readonly status: string;
  readonly found: string;
  readonly remedy: string | null;
}

async function examine(desk: Desk) {
  const { code, data } = await desk.json('doctor');
  const byId: Record<string, Finding> = Object.fromEntries(
    data.checks.map((check: Finding) => [check.id, check]),
  );
  const problems = Object.values(byId).filter(({ status }) => status === 'problem');
  return { code, ok: data.ok, byId, problems: problems.map(({ id }) => id) };
}

it('finds nothing on a computer that is ready, in 80 columns', async () => {
  const { code, out } = await new Desk().run('doctor');
  expect(code).toBe(0);
  expect(out).toContain('VFIO platform devices can be used here.');
  expect(out).not.toMatch(/FAIL|note/);
  expect(widest(out)).toBeLessThanOrEqual(80);
});

it('names everything that is missing without VFIO, each with what to do', async () => {
  const desk = new Desk({ vfio: false });
  const { code, byId, problems } = await examine(desk);
  expect(code).toBe(8);
  expect(problems).toEqual([
    'config.VFIO',
    'config.VFIO_PLATFORM',
    'module.vfio-platform',
    'module.vfio-amba',
    'node./dev/vfio/vfio',
  ]);
  for (const id of problems) expect(byId[id]?.remedy).toBeTruthy();
  const { out } = await desk.run('doctor');
  expect(out).toContain('modprobe vfio-platform reset_required=0');
  expect(out).toContain('5 problems to mend first.');
  expect(widest(out)).toBeLessThanOrEqual(80);
});

it('takes drivers from elsewhere for what they are, whatever the configuration says', async () => {
  const desk = new Desk();
  const { sysfs } = desk.system.host;
  sysfs.addFile('/boot/config-6.12.0-sim', 'CONFIG_VFIO=m\n# CONFIG_VFIO_PLATFORM is not set\n');
  const { code, byId } = await examine(desk);
  expect(code).toBe(0);
  expect(byId['config.VFIO_PLATFORM']).toMatchObject({
    status: 'ok',
    found: 'not set, but it is there',
  });
});

describe('the kernel', () => {
  it.each<[SimulatedSystemOptions, string, string, string]>([
    [{ release: '4.0.9-custom' }, 'kernel.release', 'problem', 'too old'],
    [{ release: '6.1.0-40-arm64' }, 'kernel.release', 'note', 'groups only'],
    [{ release: '6.12.1' }, 'kernel.release', 'ok', '6.12.1'],
    [{ release: 'next' }, 'kernel.release', 'unknown', 'next'],
    [{ machine: 'x86_64', vfio: false }, 'kernel.machine', 'problem', 'x86_64'],
    // Built with CONFIG_COMPILE_TEST.
    [{ machine: 'x86_64' }, 'kernel.machine', 'ok', 'x86_64'],
    [{ platform: 'darwin' }, 'kernel.platform', 'problem', 'darwin'],
  ])('%j: %s is %s', async (options, id, status, found) => {
    const { byId } = await examine(new Desk(options));
    expect(byId[id]).toMatchObject({ status, found: expect.stringContaining(found) });
  });

  it('is not blamed where its configuration cannot be read', async () => {
    const desk = new Desk();
    desk.system.host.sysfs.remove('/boot');
    const { code, byId } = await examine(desk);
    expect(code).toBe(0);
    expect(byId.config).toMatchObject({ status: 'unknown' });
  });

  it('tells its configuration in a compressed file, too', () => {
    const { files } = new Desk().system;
    const config = (bytes: Uint8Array) =>
      readKernelConfig(
        {
          ...files,
          readBytes: (path) => (path === '/proc/config.gz' ? bytes : undefined),
        } as typeof files,
        '6.12',
      );
    expect(config(gzipSync('CONFIG_VFIO=y\n'))?.options.get('VFIO')).toBe('y');
    expect(config(Uint8Array.of(31, 139, 1, 2, 3))).toBeUndefined();
  });
});

describe('the IOMMU', () => {
  const withoutIommu = (unsafeNoiommu: boolean) => {
    const desk = new Desk({ unsafeNoiommu, board: [] });
    desk.system.host.sysfs.remove('/sys/kernel/iommu_groups');
    desk.system.host.sysfs.remove('/sys/class/iommu');
    return desk;
  };

  it('is missed, with the two ways out', async () => {
    const { code, byId } = await examine(withoutIommu(false));
    expect(code).toBe(8);
    expect(byId.iommu).toMatchObject({ status: 'problem' });
    expect(byId.iommu?.remedy).toContain('enable_unsafe_noiommu_mode');
  });

  it('can be done without in the unsafe mode', async () => {
    const { code, byId } = await examine(withoutIommu(true));
    expect(code).toBe(0);
    expect(byId.iommu).toMatchObject({ status: 'note' });
  });

  it('needs consent where it does not isolate interrupts', async () => {
    const desk = new Desk();
    desk.system.host.sysfs.addFile(
      '/sys/module/vfio_iommu_type1/parameters/allow_unsafe_interrupts',
      'N\n',
    );
    const { byId } = await examine(desk);
    expect(byId['module.allow_unsafe_interrupts']?.remedy).toContain('echo Y');
  });
});

describe('permissions', () => {
  it('are told for every node, and what root alone may do', async () => {
    const { code, byId } = await examine(new Desk({ root: false }));
    expect(code).toBe(8);
    expect(byId['node./dev/vfio/vfio']?.status).toBe('ok');
    expect(byId['node./dev/vfio/1']).toMatchObject({
      status: 'problem',
      found: 'not allowed (EACCES)',
      remedy: expect.stringContaining('sudo'),
    });
    expect(byId['user.root']?.status).toBe('note');
    expect(byId['user.rawio']?.status).toBe('note');
  });

  it('include the limit on locked memory, unless it does not bind', async () => {
    const low = await examine(new Desk({ root: false }));
    expect(low.byId['limit.memlock']).toMatchObject({
      status: 'note',
      remedy: expect.stringContaining('ulimit -l'),
    });
    expect((await examine(new Desk())).byId['limit.memlock']?.status).toBe('ok');
  });
});

it('tells that a driver wants resets, and that no device is bound', async () => {
  const desk = new Desk({ board: [] });
  desk.system.host.sysfs.addFile('/sys/module/vfio_platform/parameters/reset_required', 'Y\n');
  const { byId } = await examine(desk);
  expect(byId['module.reset_required']?.remedy).toContain('reset_required=0');
  expect(byId.devices).toMatchObject({ status: 'note' });
});

it('reports an addon that does not load as a problem', async () => {
  const desk = new Desk();
  desk.system.connect = async () => {
    throw new Error('no binary fits');
  };
  const { code, problems } = await examine(desk);
  expect({ code, problems }).toEqual({ code: 8, problems: ['addon'] });
});
