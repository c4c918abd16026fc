import { ENOENT } from '../../../assembly/abi/linux';
import { errnoName } from '../../errors';
import type { HostFiles } from '../environment';
import type { Check, Examination } from './check';

/** Bits of CapEff (linux/capability.h). */
const CAP_SYS_RAWIO = 17n;
const CAP_IPC_LOCK = 14n;
/** Locked memory below which mapping a guest's RAM is likely to fail: 64 MiB. */
const MODEST_MEMLOCK = 64 * 1024 * 1024;

function capabilities(files: HostFiles): bigint | undefined {
  const text = /^CapEff:\s*([0-9a-f]+)/m.exec(files.readText('/proc/self/status') ?? '')?.[1];
  return text === undefined ? undefined : BigInt(`0x${text}`);
}

function node(files: HostFiles, path: string, missing: string): Check {
  const errno = files.access(path, 'read-write');
  const base = { id: `node.${path}`, title: path };
  if (errno === 0) return { ...base, status: 'ok', found: 'readable and writable' };
  if (errno === ENOENT) return { ...base, status: 'problem', found: 'missing', remedy: missing };
  return {
    ...base,
    status: 'problem',
    found: `not allowed (${errnoName(errno)})`,
    remedy: `Run with sudo, or give this user the node: chown $USER ${path}, for good a udev rule: SUBSYSTEM=="vfio", GROUP="vfio", MODE="0660"`,
  };
}

function nodes(files: HostFiles): Check[] {
  const checks = [node(files, '/dev/vfio/vfio', 'As root: modprobe vfio')];
  const groups = files.list('/dev/vfio').filter((name) => /^(noiommu-)?\d+$/.test(name));
  checks.push(...groups.map((name) => node(files, `/dev/vfio/${name}`, '')));
  if (files.exists('/dev/iommu')) checks.push({ ...node(files, '/dev/iommu', '') });
  return checks.map((check) =>
    // The container and one group are enough; iommufd is the other way.
    check.title === '/dev/iommu' && check.status === 'problem'
      ? { ...check, status: 'note' }
      : check,
  );
}

function privileges(files: HostFiles): Check[] {
  const uid = /^Uid:\s*\d+\s+(\d+)/m.exec(files.readText('/proc/self/status') ?? '')?.[1];
  const caps = capabilities(files);
  const root = uid === '0';
  const rawio = caps !== undefined && ((caps >> CAP_SYS_RAWIO) & 1n) === 1n;
  return [
    {
      id: 'user.root',
      title: 'root',
      status: uid === undefined ? 'unknown' : root ? 'ok' : 'note',
      found: uid === undefined ? '?' : root ? 'yes' : 'no',
      ...(!root && { remedy: "'bind' and 'unbind' need root; the others need the device's node." }),
    },
    {
      id: 'user.rawio',
      title: 'CAP_SYS_RAWIO',
      status: caps === undefined ? 'unknown' : rawio ? 'ok' : 'note',
      found: caps === undefined ? '?' : rawio ? 'yes' : 'no',
      ...(!rawio && { remedy: 'Devices without IOMMU need it: sudo.' }),
    },
  ];
}

function memlock(files: HostFiles): Check {
  const base = { id: 'limit.memlock', title: 'locked memory' };
  const soft = /^Max locked memory\s+(\S+)/m.exec(files.readText('/proc/self/limits') ?? '')?.[1];
  if (soft === undefined) return { ...base, status: 'unknown', found: '?' };
  const free = ((capabilities(files) ?? 0n) >> CAP_IPC_LOCK) & 1n;
  if (soft === 'unlimited' || free === 1n) {
    return {
      ...base,
      status: 'ok',
      found: soft === 'unlimited' ? soft : `${soft} B, not enforced (CAP_IPC_LOCK)`,
    };
  }
  if (Number(soft) >= MODEST_MEMLOCK) return { ...base, status: 'ok', found: `${soft} B` };
  return {
    ...base,
    status: 'note',
    found: `${soft} B`,
    remedy:
      'DMA locks all RAM of the guest: raise it with ulimit -l, or for good in /etc/security/limits.conf (memlock).',
  };
}

export const permissionChecks: Examination = ({ system }) => {
  if (system.platform !== 'linux') return [];
  return [...nodes(system.files), ...privileges(system.files), memlock(system.files)];
};
