import { isVfioBound, listDevices } from '../devices/host-device';
import { failureOf } from '../failure';
import type { Check, Examination } from './check';

function devices(examined: Parameters<Examination>[0]): Check {
  const all = listDevices(examined.system.files).filter(({ described }) => described);
  const bound = all.filter(isVfioBound).length;
  const base = { id: 'devices', title: 'devices' };
  if (all.length === 0) {
    return {
      ...base,
      status: 'note',
      found: 'none that firmware describes',
      remedy: 'Passthrough is for devices that a device tree or ACPI describes.',
    };
  }
  return {
    ...base,
    status: bound === 0 ? 'note' : 'ok',
    found: `${all.length} candidates, ${bound} bound to VFIO`,
    ...(bound === 0 && { remedy: "As root: vfio-wasm bind DEVICE; 'vfio-wasm list' shows them." }),
  };
}

/** The native addon, and whether there is something to use it on. */
export const usabilityChecks: Examination = async (examined) => {
  const title = examined.system.kind === 'sim' ? 'simulated host' : 'native addon';
  let addon: Check;
  try {
    (await examined.system.connect()).close();
    addon = { id: 'addon', title, status: 'ok', found: 'works' };
  } catch (error) {
    const { message, remedy } = failureOf(error);
    addon = { id: 'addon', title, status: 'problem', found: message, ...(remedy && { remedy }) };
  }
  return examined.system.platform === 'linux' ? [addon, devices(examined)] : [addon];
};
