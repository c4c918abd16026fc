import type { FileTree } from '../../sim/kernel/file-tree';
import { CONSOLE } from './sample-board';

export const SIMULATED_RELEASE = '6.12.0-sim';
export const SIMULATED_PID = 1000;

/** What of a kernel's state the files tell. */
export interface FileOptions {
  readonly root: boolean;
  readonly vfio: boolean;
  readonly iommufd: boolean;
  readonly unsafeNoiommu: boolean;
}

function config({ vfio, iommufd }: FileOptions): string {
  const set = (name: string, value: 'y' | 'm' | undefined) =>
    value === undefined ? `# CONFIG_${name} is not set` : `CONFIG_${name}=${value}`;
  return [
    set('IOMMU_SUPPORT', 'y'),
    set('ARM_SMMU_V3', 'y'),
    set('VFIO', vfio ? 'm' : undefined),
    set('VFIO_GROUP', vfio ? 'y' : undefined),
    set('VFIO_IOMMU_TYPE1', vfio ? 'm' : undefined),
    set('VFIO_NOIOMMU', vfio ? 'y' : undefined),
    set('VFIO_PLATFORM', vfio ? 'm' : undefined),
    set('VFIO_AMBA', vfio ? 'm' : undefined),
    set('IOMMUFD', iommufd ? 'm' : undefined),
    set('VFIO_DEVICE_CDEV', iommufd ? 'y' : undefined),
    '',
  ].join('\n');
}

/** /proc, /boot and the modules of the simulated computer. */
export function addSampleFiles(tree: FileTree, options: FileOptions): void {
  const { root, vfio, unsafeNoiommu } = options;
  tree.addFile('/sys/class/tty/console/active', `${CONSOLE}\n`);
  tree.addFile(`/boot/config-${SIMULATED_RELEASE}`, config(options));
  tree.addFile(
    '/proc/self/status',
    `Name:\tvfio-wasm\nUid:\t${root ? '0\t0\t0\t0' : '1000\t1000\t1000\t1000'}\n` +
      `CapEff:\t${root ? '000001ffffffffff' : '0000000000000000'}\n`,
  );
  tree.addFile(
    '/proc/self/limits',
    'Limit                     Soft Limit           Hard Limit           Units     \n' +
      'Max locked memory         8388608              8388608              bytes     \n',
  );
  tree.addFile('/proc/self/mountinfo', '22 1 0:21 / / rw - tmpfs tmpfs rw\n');
  tree.addDirectory('/sys/class/iommu/smmu3.0x0000000009050000');
  if (!vfio) return;
  const parameters = {
    'vfio/parameters/enable_unsafe_noiommu_mode': unsafeNoiommu ? 'Y' : 'N',
    'vfio_iommu_type1/parameters/allow_unsafe_interrupts': 'Y',
    'vfio_platform/parameters/reset_required': 'N',
  };
  for (const [path, value] of Object.entries(parameters)) {
    tree.addFile(`/sys/module/${path}`, `${value}\n`);
  }
  tree.addDirectory('/sys/module/vfio_amba');
}
