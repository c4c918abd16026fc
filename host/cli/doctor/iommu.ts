import type { Examination } from './check';
import { isOn } from './modules';

const UNSAFE_MODE = '/sys/module/vfio/parameters/enable_unsafe_noiommu_mode';

export const iommuChecks: Examination = ({ system }) => {
  if (system.platform !== 'linux') return [];
  const { files } = system;
  const groups = files
    .list('/sys/kernel/iommu_groups')
    .filter(
      (group) => !/noiommu/.test(files.readText(`/sys/kernel/iommu_groups/${group}/name`) ?? ''),
    );
  const iommus = files.list('/sys/class/iommu');
  const mode = isOn(files.readText(UNSAFE_MODE));
  const noiommu = {
    id: 'iommu.noiommu',
    title: 'no-IOMMU mode',
    status: 'ok',
    found: mode === undefined ? 'not available' : mode ? 'on (--noiommu is needed as well)' : 'off',
  } as const;
  if (groups.length > 0) {
    const found = `${groups.length} groups${iommus.length > 0 ? `, ${iommus.join(', ')}` : ''}`;
    return [{ id: 'iommu', title: 'IOMMU', status: 'ok', found }, noiommu];
  }
  if (mode === true) {
    return [
      {
        id: 'iommu',
        title: 'IOMMU',
        status: 'note',
        found: 'none, but no-IOMMU mode is on',
        remedy: 'Devices work without DMA into guests; give --noiommu.',
      },
      noiommu,
    ];
  }
  return [
    {
      id: 'iommu',
      title: 'IOMMU',
      status: 'problem',
      found: 'none: there are no IOMMU groups',
      remedy:
        mode === undefined
          ? 'Load vfio (modprobe vfio) and look again; without CONFIG_VFIO_NOIOMMU devices need an IOMMU.'
          : `Switch it on in the firmware or device tree, or as root, for devices without DMA: echo Y > ${UNSAFE_MODE} (taints the kernel).`,
    },
    noiommu,
  ];
};
