import { type Bus, buses, listDevices, vfioDriver } from '../devices/host-device';
import type { Check, Examination } from './check';

/** Parameters as the kernel shows them. */
export function isOn(text: string | undefined): boolean | undefined {
  return text === undefined ? undefined : /^[Y1]/.test(text.trim());
}

function driver(exists: boolean, bus: Bus, needed: boolean): Check {
  const name = vfioDriver(bus);
  const id = `module.${name}`;
  if (exists) return { id, title: name, status: 'ok', found: 'loaded' };
  const parameter = bus === 'platform' ? ' reset_required=0' : '';
  return {
    id,
    title: name,
    status: needed ? 'problem' : 'note',
    found: needed ? 'not loaded' : 'not loaded, and no device on that bus',
    remedy: `As root: modprobe ${name}${parameter}`,
  };
}

export const moduleChecks: Examination = ({ system }) => {
  if (system.platform !== 'linux') return [];
  const { files } = system;
  const devices = listDevices(files).filter(({ described }) => described);
  const checks = buses.map((bus) =>
    driver(
      files.exists(`/sys/bus/${bus}/drivers/${vfioDriver(bus)}`),
      bus,
      devices.some((device) => device.bus === bus),
    ),
  );
  const reset = isOn(files.readText('/sys/module/vfio_platform/parameters/reset_required'));
  if (reset === true) {
    checks.push({
      id: 'module.reset_required',
      title: 'reset_required',
      status: 'note',
      found: 'Y: devices without a reset driver are refused',
      remedy:
        'As root, to have them all the same: modprobe -r vfio-platform; ' +
        'modprobe vfio-platform reset_required=0',
    });
  }
  const unsafe = isOn(
    files.readText('/sys/module/vfio_iommu_type1/parameters/allow_unsafe_interrupts'),
  );
  if (unsafe === false) {
    checks.push({
      id: 'module.allow_unsafe_interrupts',
      title: 'unsafe interrupts',
      status: 'note',
      found: 'N: an IOMMU without interrupt isolation is refused (EPERM)',
      remedy:
        'As root, if that happens and you accept it: ' +
        'echo Y > /sys/module/vfio_iommu_type1/parameters/allow_unsafe_interrupts',
    });
  }
  return checks;
};
