import { EBUSY } from '../../assembly/abi/linux';
import * as constants from '../../assembly/boundary/options';
import { STATUS_FAILED, STATUS_OK } from '../../assembly/boundary/status';
import * as layout from '../../assembly/state/layout';
import type { DeviceLocation, VfioHost } from '../boundary/host';
import { FAILED, ImportedWindow } from '../boundary/imported-window';
import { HostPort } from '../boundary/port';
import { SharedNodes } from '../boundary/shared-nodes';
import type { DeviceTap } from '../boundary/tap';
import { type Core, instantiateCore, WINDOW_START, wholePages } from '../core/core';
import { readRecord } from '../core/fields';
import { loadCore } from '../core/load-core';
import { VfioError } from '../errors';
import { locate } from '../locate/locate';
import type { DeviceOptions, ResolvedOptions } from '../options/options';
import { parseOptions } from '../options/parse-options';
import { findProfile } from '../profiles';
import type { DeviceProfile } from '../profiles/profile';
import { groupEvent, realizeEvent } from '../trace/events';
import { VfioPlatformDevice } from './device';
import { failureError, statusError } from './failure';
import type { DeviceEnvironment } from './open';

const EOI_DEFAULTS = {
  irqchip: constants.EOI_IRQCHIP,
  write: constants.EOI_WRITE,
  access: constants.EOI_ACCESS,
} as const;

function timeout(value: ResolvedOptions['mmapTimeoutMs']): number {
  if (value === 'on-idle') return constants.TIMEOUT_ON_IDLE;
  // The core only needs to know that there is one; the clock gets the number.
  return value === 'never' ? constants.TIMEOUT_NEVER : Math.min(value, 0x7fffffff);
}

function configure(
  core: Core,
  options: ResolvedOptions,
  environment: DeviceEnvironment,
  windowBytes = options.memoryBytes,
): void {
  const widths = options.accessWidths.reduce((bits, width) => bits | (1 << width), 0);
  const settings: readonly [key: number, value: number][] = [
    [constants.OPTION_POLICY, options.policy === 'qemu' ? 1 : 0],
    [constants.OPTION_NO_MMAP, options.xNoMmap ? 1 : 0],
    [constants.OPTION_MMAP_TIMEOUT, timeout(options.mmapTimeoutMs)],
    [constants.OPTION_EDGE_COUNT, options.edgeCount === 'replay' ? 1 : 0],
    [constants.OPTION_UNMASK_ATTEMPTS, options.unmaskAttempts],
    [constants.OPTION_ACCESS_WIDTHS, widths],
    [constants.OPTION_DIRECT_MAPPING, environment.setDirectMapping ? 1 : 0],
    [constants.OPTION_DEFAULT_EOI, EOI_DEFAULTS[options.eoi.default ?? 'access']],
    [constants.OPTION_TRACE, options.trace ? 1 : 0],
    [constants.OPTION_STALL_LIMIT, options.stallLimitMs],
    [constants.OPTION_WINDOW_START, WINDOW_START],
    [constants.OPTION_WINDOW_END, wholePages(windowBytes)],
  ];
  for (const [key, value] of settings) core.exports.configure(key, value);
}

function backend(location: DeviceLocation): number {
  if (location.groupPath === undefined) return constants.BACKEND_CDEV;
  return location.noiommu ? constants.BACKEND_NOIOMMU : constants.BACKEND_GROUP;
}

function chooseProfile(
  location: DeviceLocation,
  { profile }: ResolvedOptions,
): DeviceProfile | undefined {
  if (profile === null) return undefined;
  return profile ?? findProfile(location.compatible);
}

/**
 * Rules of the profile and of the options, then the sources of single lines.
 * Where the guest reaches the device directly nobody sees it write a register.
 */
function chooseEoi(device: VfioPlatformDevice, mapsDirectly: boolean): void {
  const { eoi, policy } = device.options;
  if (policy === 'qemu') return;
  const lines = device.lines.length;
  if (mapsDirectly && (eoi.rules ?? []).length > 0) {
    throw new VfioError(
      'OPTION_INVALID',
      `${device.name}: register rules need trapped accesses, but this machine maps the device into its guest; ` +
        'set xNoMmap, or leave eoi.rules out',
      { device: device.name },
    );
  }
  // A profile may know lines that this instance of the device does not have.
  const ofProfile = (mapsDirectly ? [] : (device.profile?.eoi ?? [])).filter(
    ({ line, region }) => line < lines && region < device.regions.length,
  );
  for (const rule of [...ofProfile, ...(eoi.rules ?? [])]) device.addEoiRule(rule);
  for (const [line, source] of Object.entries(eoi.lines ?? {})) {
    if (source === 'register' && device.lines[Number(line)]?.eoi !== 'register') {
      throw new VfioError(
        'OPTION_INVALID',
        `${device.name}: option 'eoi' gives line ${line} the source 'register', but there is no rule for it; add one to eoi.rules`,
        { device: device.name },
      );
    }
    device.setEoiSource(Number(line), source);
  }
}

function check(core: Core, port: HostPort, name: string, result: number, what: string): void {
  if (result === STATUS_OK) return;
  const cause = port.takeError()?.error;
  if (result !== STATUS_FAILED) throw statusError(name, result, what);
  const record = readRecord(core.memory, 'DeviceRecord', layout.DEVICE);
  throw failureError(name, {
    step: record.failureStep,
    errno: record.failureErrno,
    detail: record.failureDetail,
    iommufd: record.backend === constants.BACKEND_CDEV,
    cause,
  });
}

/** Opens a core on the located device; on failure the core has given everything back. */
function openCore(
  core: Core,
  port: HostPort,
  location: DeviceLocation,
  options: ResolvedOptions,
  environment: DeviceEnvironment,
  released: () => void,
  tap: DeviceTap | undefined,
): VfioPlatformDevice {
  check(core, port, location.name, core.exports.attach(backend(location)), 'attach');
  const nowMs = environment.clock.nowNs() / 1e6;
  check(core, port, location.name, core.exports.openDevice(nowMs), 'open');
  const device = new VfioPlatformDevice({
    core,
    port,
    location,
    options,
    profile: chooseProfile(location, options),
    clock: environment.clock,
    setDirectMapping: environment.setDirectMapping,
    released,
  });
  try {
    if (environment.listener) device.listen(environment.listener);
    device.announce(realizeEvent(location.name, location.compatible.join(',')));
    if (location.group !== undefined) device.announce(groupEvent(location.name, location.group));
    device.start();
    chooseEoi(device, environment.setDirectMapping !== undefined && !options.xNoMmap);
    if (options.dma) {
      for (const block of environment.guestRam ?? []) {
        device.mapGuestRam(block, BigInt(block.guestAddress), block.writable);
      }
    }
    tap?.opened(device);
    return device;
  } catch (error) {
    device.close();
    if (error instanceof VfioError) throw error;
    throw new VfioError('HOST_FAILED', `${device.name}: the host failed while it was opened`, {
      device: device.name,
      cause: error,
    });
  }
}

/** openDevice(), once the code for that has been loaded. */
export async function openHere(
  host: VfioHost,
  options: DeviceOptions,
  surroundings: DeviceEnvironment,
): Promise<VfioPlatformDevice> {
  const resolved = parseOptions(options);
  const tap = host.tap?.tap(resolved) as DeviceTap | undefined;
  const find = () => locate(host.sysfs, resolved);
  const location = tap ? tap.locate(find) : find();
  const module = surroundings.core ?? (await loadCore());
  const { attached } = SharedNodes.of(host.kernel);
  if (location.path !== '' && attached.has(location.path)) {
    throw new VfioError(
      'ALREADY_ATTACHED',
      `${location.name} is already attached; close the device that has it first`,
      { device: location.name, errno: EBUSY },
    );
  }
  let released: () => void = () => {};
  try {
    const environment = tap ? tap.environment(surroundings) : surroundings;
    const port = new HostPort(host, location, environment.vmFd);
    const own = port.imports();
    const imports = tap ? tap.imports(port, own) : own;
    if (imports !== own) {
      port.windowAt = (pointer) => new ImportedWindow(imports, port, pointer);
      // Errors of a device wait behind these imports; those of what stands in between are no device's.
      port.accessFailed = (error) => {
        if (error !== FAILED) throw error;
      };
    }
    const core = instantiateCore(module, imports, tap?.coreBytes ?? resolved.memoryBytes);
    port.setMemory(core.memory);
    tap?.opening(core.memory);
    configure(core, resolved, environment, tap?.windowBytes);
    if (location.path !== '') {
      attached.add(location.path);
      released = () => attached.delete(location.path);
    }
    return openCore(core, port, location, resolved, environment, released, tap);
  } catch (error) {
    released();
    tap?.failed(error);
    throw error;
  }
}
