import type { Check, Examination, Status } from './check';

/** vfio-platform and vfio-amba came with it. */
const OLDEST: Version = [4, 1];
/** CONFIG_VFIO_DEVICE_CDEV came with it. */
const CDEV: Version = [6, 6];

type Version = readonly [major: number, minor: number];

function versionOf(release: string): Version | undefined {
  const match = /^(\d+)\.(\d+)/.exec(release);
  return match === null ? undefined : [Number(match[1]), Number(match[2])];
}

function before(a: Version, b: Version): boolean {
  return a[0] < b[0] || (a[0] === b[0] && a[1] < b[1]);
}

interface Wanted {
  readonly option: string;
  readonly why: string;
  /** What it means that the kernel has not got it. */
  readonly without: Exclude<Status, 'ok' | 'unknown'>;
  /** Files that are there when the kernel has it all the same, as a module from elsewhere. */
  readonly seenAt: string;
}

const wanted: readonly Wanted[] = [
  { option: 'VFIO', why: 'VFIO itself', without: 'problem', seenAt: '/sys/module/vfio' },
  {
    option: 'VFIO_PLATFORM',
    why: 'devices of the platform bus',
    without: 'problem',
    seenAt: '/sys/bus/platform/drivers/vfio-platform',
  },
  {
    option: 'VFIO_AMBA',
    why: 'devices of the AMBA bus (PrimeCells)',
    without: 'note',
    seenAt: '/sys/bus/amba/drivers/vfio-amba',
  },
  {
    option: 'VFIO_IOMMU_TYPE1',
    why: 'groups behind an IOMMU',
    without: 'note',
    seenAt: '/sys/module/vfio_iommu_type1',
  },
  {
    option: 'VFIO_NOIOMMU',
    why: 'devices behind no IOMMU',
    without: 'note',
    seenAt: '/sys/module/vfio/parameters/enable_unsafe_noiommu_mode',
  },
  { option: 'IOMMUFD', why: 'option iommufd', without: 'note', seenAt: '/dev/iommu' },
  {
    option: 'VFIO_DEVICE_CDEV',
    why: 'option iommufd',
    without: 'note',
    seenAt: '/dev/vfio/devices',
  },
];

function release(text: string): Check {
  const id = 'kernel.release';
  const title = 'kernel';
  const version = versionOf(text);
  if (version === undefined) return { id, title, status: 'unknown', found: text };
  if (before(version, OLDEST)) {
    return {
      id,
      title,
      status: 'problem',
      found: `${text} is too old`,
      remedy: 'VFIO platform devices need Linux 4.1 or newer; 6.12 is well tried.',
    };
  }
  if (before(version, CDEV)) {
    return {
      id,
      title,
      status: 'note',
      found: `${text}: groups only`,
      remedy: 'The option iommufd needs Linux 6.6 or newer; without it nothing is missing.',
    };
  }
  return { id, title, status: 'ok', found: text };
}

export const kernelChecks: Examination = ({ system, config }) => {
  if (system.platform !== 'linux') {
    return [
      {
        id: 'kernel.platform',
        title: 'system',
        status: 'problem',
        found: system.platform,
        remedy: "VFIO is Linux's. Elsewhere the simulated host works: --host sim.",
      },
    ];
  }
  const checks = [release(system.release)];
  const isArm = /^(arm|aarch64)/.test(system.machine);
  const hasDriver = system.files.exists('/sys/bus/platform/drivers/vfio-platform');
  checks.push(
    isArm || hasDriver
      ? { id: 'kernel.machine', title: 'machine', status: 'ok', found: system.machine }
      : {
          id: 'kernel.machine',
          title: 'machine',
          status: 'problem',
          found: system.machine,
          remedy:
            'Linux builds vfio-platform for arm and arm64 (elsewhere with CONFIG_COMPILE_TEST). ' +
            'The simulated host works here: --host sim.',
        },
  );
  if (config === undefined) {
    checks.push({
      id: 'config',
      title: 'configuration',
      status: 'unknown',
      found: 'not readable',
      remedy: "Needs /proc/config.gz ('modprobe configs') or /boot/config-$(uname -r).",
    });
    return checks;
  }
  for (const { option, why, without, seenAt } of wanted) {
    const value = config.options.get(option);
    const id = `config.${option}`;
    const title = `CONFIG_${option}`;
    if (value === 'y' || value === 'm') {
      checks.push({ id, title, status: 'ok', found: value });
    } else if (system.files.exists(seenAt)) {
      checks.push({ id, title, status: 'ok', found: 'not set, but it is there' });
    } else {
      const remedy = `Wanted for ${why}; build the kernel with CONFIG_${option}.`;
      checks.push({ id, title, status: without, found: 'not set', remedy });
    }
  }
  return checks;
};
