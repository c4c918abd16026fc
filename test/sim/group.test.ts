import { describe, expect, it } from 'vitest';
import {
  EACCES,
  EBADF,
  EBUSY,
  EFAULT,
  EINVAL,
  EMFILE,
  ENODEV,
  ENOENT,
  ENOTTY,
  EPERM,
} from '../../assembly/abi/linux';
import {
  VFIO_CHECK_EXTENSION,
  VFIO_DEVICE_GET_INFO,
  VFIO_GET_API_VERSION,
  VFIO_GROUP_FLAGS_CONTAINER_SET,
  VFIO_GROUP_FLAGS_VIABLE,
  VFIO_GROUP_GET_DEVICE_FD,
  VFIO_GROUP_GET_STATUS,
  VFIO_GROUP_SET_CONTAINER,
  VFIO_GROUP_STATUS_FLAGS,
  VFIO_GROUP_STATUS_SIZE,
  VFIO_GROUP_UNSET_CONTAINER,
  VFIO_IOMMU_GET_INFO,
  VFIO_IOMMU_MAP_DMA,
  VFIO_NOIOMMU_IOMMU,
  VFIO_SET_IOMMU,
  VFIO_TYPE1_IOMMU,
  VFIO_TYPE1V2_IOMMU,
} from '../../assembly/abi/vfio';
import { SimulatedHost } from '../../host/sim/simulated-host';
import {
  bench,
  closeAll,
  getDeviceFd,
  integer,
  NOTHING_OPEN,
  newEventfd,
  openPath,
  openThroughGroup,
  ProbeModel,
  setContainer,
  struct,
  u32,
} from './fixture';

const EISDIR = 21;
const EBADFD = 77;

function setup(...parameters: Parameters<typeof bench>) {
  const it = bench(...parameters);
  const container = openPath(it.kernel, '/dev/vfio/vfio');
  const group = openPath(it.kernel, it.device.groupPath ?? '');
  const call = (fd: number, request: number, value = 0) =>
    it.kernel.ioctl(fd, request, integer(value));
  const status = () => {
    const argument = struct(VFIO_GROUP_STATUS_SIZE);
    const result = it.kernel.ioctl(group, VFIO_GROUP_GET_STATUS, argument);
    return result < 0 ? result : u32(argument, VFIO_GROUP_STATUS_FLAGS);
  };
  return { ...it, container, group, call, status };
}

function twoGroups(second: { noiommu?: boolean } = {}) {
  const host = new SimulatedHost({ unsafeNoiommu: true });
  const one = host.addDevice({ name: 'one', model: new ProbeModel() });
  const two = host.addDevice({ name: 'two', model: new ProbeModel(), ...second });
  const { kernel } = host;
  const container = openPath(kernel, '/dev/vfio/vfio');
  const a = openPath(kernel, one.groupPath ?? '');
  const b = openPath(kernel, two.groupPath ?? '');
  return { kernel, container, a, b };
}

describe('open', () => {
  it('answers ENOENT for what does not exist', () => {
    expect(openPath(bench().kernel, '/dev/vfio/99')).toBe(-ENOENT);
  });

  it('opens device nodes only', () => {
    const { kernel } = bench();
    expect(openPath(kernel, '/dev/vfio')).toBe(-EISDIR);
    expect(openPath(kernel, '/sys/bus/platform/devices/probe/of_node/compatible')).toBe(-EACCES);
  });

  it('gives a new container each time', () => {
    const { kernel, container, group, call } = setup();
    const other = openPath(kernel, '/dev/vfio/vfio');
    expect(other).not.toBe(container);
    setContainer(kernel, group, container);
    expect(call(other, VFIO_SET_IOMMU, VFIO_TYPE1V2_IOMMU)).toBe(-EINVAL);
  });

  it('opens a group once at a time', () => {
    const { kernel, device, group } = setup();
    expect(openPath(kernel, device.groupPath ?? '')).toBe(-EBUSY);
    kernel.close(group);
    expect(openPath(kernel, device.groupPath ?? '')).toBe(group);
  });

  it('answers EMFILE at the limit of descriptors', () => {
    const { kernel } = bench({}, {}, { openFileLimit: 1 });
    expect(openPath(kernel, '/dev/vfio/vfio')).toBe(3);
    expect(openPath(kernel, '/dev/vfio/vfio')).toBe(-EMFILE);
    expect(newEventfd(kernel)).toBe(-EMFILE);
  });

  it('does not open the group on behalf of a GET_DEVICE_FD that finds no descriptor', () => {
    const { kernel, device, container, group, call } = setup({}, {}, { openFileLimit: 2 });
    setContainer(kernel, group, container);
    call(container, VFIO_SET_IOMMU, VFIO_TYPE1V2_IOMMU);
    expect(getDeviceFd(kernel, group)).toBe(-EMFILE);
    expect(device.openCount).toBe(0);
  });
});

describe('a container', () => {
  it('has API version 0', () => {
    const { container, call } = setup();
    expect(call(container, VFIO_GET_API_VERSION)).toBe(0);
  });

  it('claims every loaded IOMMU type while it is empty', () => {
    const { container, call } = setup({}, {}, { unsafeNoiommu: true });
    const types = [VFIO_TYPE1_IOMMU, VFIO_TYPE1V2_IOMMU, VFIO_NOIOMMU_IOMMU, 2, 99];
    const claims = types.map((type) => call(container, VFIO_CHECK_EXTENSION, type));
    expect(claims).toEqual([1, 1, 1, 0, 0]);
  });

  it('claims what the type-1 driver can do besides, one thing only once it serves a group', () => {
    const NESTING = 6;
    const UNMAP_ALL = 9;
    const UPDATE_VADDR = 10;
    const claims = (type?: number) => {
      const { kernel, container, group, call } = setup();
      if (type !== undefined) {
        setContainer(kernel, group, container);
        call(container, VFIO_SET_IOMMU, type);
      }
      return [NESTING, UNMAP_ALL, UPDATE_VADDR].map((extension) =>
        call(container, VFIO_CHECK_EXTENSION, extension),
      );
    };
    expect(claims()).toEqual([1, 1, 0]);
    expect(claims(VFIO_TYPE1_IOMMU)).toEqual([1, 1, 1]);
    expect(claims(VFIO_TYPE1V2_IOMMU)).toEqual([1, 1, 1]);
  });

  it('does not claim noiommu when the kernel does not allow it', () => {
    const { container, call } = setup();
    expect(call(container, VFIO_CHECK_EXTENSION, VFIO_NOIOMMU_IOMMU)).toBe(0);
  });

  it('claims only what serves its groups once it has some', () => {
    const real = setup({}, {}, { unsafeNoiommu: true });
    setContainer(real.kernel, real.group, real.container);
    expect(real.call(real.container, VFIO_CHECK_EXTENSION, VFIO_TYPE1V2_IOMMU)).toBe(1);
    expect(real.call(real.container, VFIO_CHECK_EXTENSION, VFIO_NOIOMMU_IOMMU)).toBe(0);
    const fake = setup({}, { noiommu: true }, { unsafeNoiommu: true });
    setContainer(fake.kernel, fake.group, fake.container);
    expect(fake.call(fake.container, VFIO_CHECK_EXTENSION, VFIO_TYPE1V2_IOMMU)).toBe(0);
    expect(fake.call(fake.container, VFIO_CHECK_EXTENSION, VFIO_NOIOMMU_IOMMU)).toBe(1);
  });

  it('asks its driver once it has one', () => {
    const { kernel, container, group, call } = setup();
    setContainer(kernel, group, container);
    call(container, VFIO_SET_IOMMU, VFIO_TYPE1_IOMMU);
    expect(call(container, VFIO_CHECK_EXTENSION, VFIO_TYPE1V2_IOMMU)).toBe(1);
    expect(call(container, VFIO_CHECK_EXTENSION, 77)).toBe(0);
    expect(call(container, 0x3bff)).toBe(-ENOTTY);
  });

  it('refuses SET_IOMMU without a group', () => {
    const { container, call } = setup();
    expect(call(container, VFIO_SET_IOMMU, VFIO_TYPE1V2_IOMMU)).toBe(-EINVAL);
  });

  it('refuses a type that no driver has', () => {
    const { kernel, container, group, call } = setup();
    setContainer(kernel, group, container);
    expect(call(container, VFIO_SET_IOMMU, 99)).toBe(-ENODEV);
    expect(call(container, VFIO_SET_IOMMU, VFIO_NOIOMMU_IOMMU)).toBe(-ENODEV);
    expect(call(container, VFIO_SET_IOMMU, VFIO_TYPE1V2_IOMMU)).toBe(0);
  });

  it('refuses a second SET_IOMMU', () => {
    const { kernel, container, group, call } = setup();
    setContainer(kernel, group, container);
    call(container, VFIO_SET_IOMMU, VFIO_TYPE1V2_IOMMU);
    expect(call(container, VFIO_SET_IOMMU, VFIO_TYPE1V2_IOMMU)).toBe(-EINVAL);
  });

  it('refuses SET_IOMMU with EPERM when interrupts are not isolated', () => {
    const { kernel, container, group, call } = setup({}, {}, { unsafeInterrupts: false });
    setContainer(kernel, group, container);
    expect(call(container, VFIO_SET_IOMMU, VFIO_TYPE1V2_IOMMU)).toBe(-EPERM);
  });

  it('refuses everything else before it has a driver', () => {
    const { container, call } = setup();
    expect(call(container, VFIO_IOMMU_GET_INFO)).toBe(-EINVAL);
    expect(call(container, VFIO_IOMMU_MAP_DMA)).toBe(-EINVAL);
    expect(call(container, 0x3bff)).toBe(-EINVAL);
  });

  it('lives on without its descriptor as long as a group is in it', () => {
    const { kernel, container, group, call, status } = setup();
    setContainer(kernel, group, container);
    call(container, VFIO_SET_IOMMU, VFIO_TYPE1V2_IOMMU);
    kernel.close(container);
    expect(status()).toBe(VFIO_GROUP_FLAGS_VIABLE | VFIO_GROUP_FLAGS_CONTAINER_SET);
    expect(getDeviceFd(kernel, group)).toBeGreaterThan(0);
  });

  it('takes several groups', () => {
    const { kernel, container, a, b } = twoGroups();
    expect(setContainer(kernel, a, container)).toBe(0);
    expect(kernel.ioctl(container, VFIO_SET_IOMMU, integer(VFIO_TYPE1V2_IOMMU))).toBe(0);
    expect(setContainer(kernel, b, container)).toBe(0);
    expect(getDeviceFd(kernel, b, 'two')).toBeGreaterThan(0);
  });

  it('does not mix groups with and without IOMMU', () => {
    const { kernel, container, a, b } = twoGroups({ noiommu: true });
    expect(setContainer(kernel, a, container)).toBe(0);
    expect(setContainer(kernel, b, container)).toBe(-EPERM);
  });

  it('loses its driver with its last group and can get another', () => {
    const { kernel, container, group, call } = setup();
    setContainer(kernel, group, container);
    call(container, VFIO_SET_IOMMU, VFIO_TYPE1V2_IOMMU);
    expect(call(group, VFIO_GROUP_UNSET_CONTAINER)).toBe(0);
    expect(call(container, VFIO_IOMMU_GET_INFO)).toBe(-EINVAL);
    setContainer(kernel, group, container);
    expect(call(container, VFIO_SET_IOMMU, VFIO_TYPE1_IOMMU)).toBe(0);
  });
});

describe('a group', () => {
  it('is viable without a container and says when it has one', () => {
    const { kernel, container, group, status } = setup();
    expect(status()).toBe(VFIO_GROUP_FLAGS_VIABLE);
    setContainer(kernel, group, container);
    expect(status()).toBe(VFIO_GROUP_FLAGS_VIABLE | VFIO_GROUP_FLAGS_CONTAINER_SET);
  });

  it('is not viable while a driver of the host has one of its devices', () => {
    const { host, kernel, container, group, status } = setup({}, { group: 5 });
    host.addDevice({ name: 'other', model: new ProbeModel(), group: 5, hostDriver: 'pl011' });
    expect(status()).toBe(0);
    expect(setContainer(kernel, group, container)).toBe(-EPERM);
  });

  it('stays viable with a device that no driver has', () => {
    const { host, status } = setup({}, { group: 5 });
    host.addDevice({ name: 'other', model: new ProbeModel(), group: 5, driverBound: false });
    expect(status()).toBe(VFIO_GROUP_FLAGS_VIABLE);
  });

  it('checks the size of the status struct', () => {
    const { kernel, group } = setup();
    const status = (length: number, argsz: number) =>
      kernel.ioctl(group, VFIO_GROUP_GET_STATUS, struct(length, [], argsz));
    expect(status(8, 7)).toBe(-EINVAL);
    expect(status(4, 8)).toBe(-EFAULT);
    expect(status(16, 16)).toBe(0);
  });

  it('refuses a second container', () => {
    const { kernel, container, group } = setup();
    setContainer(kernel, group, container);
    expect(setContainer(kernel, group, container)).toBe(-EINVAL);
  });

  it('refuses descriptors that are no container', () => {
    const { kernel, group } = setup();
    expect(setContainer(kernel, group, 99)).toBe(-EBADF);
    expect(setContainer(kernel, group, -1)).toBe(-EBADF);
    expect(setContainer(kernel, group, newEventfd(kernel))).toBe(-EBADFD);
    expect(kernel.ioctl(group, VFIO_GROUP_SET_CONTAINER, integer(3))).toBe(-EFAULT);
  });

  it('refuses UNSET_CONTAINER without a container', () => {
    const { group, call } = setup();
    expect(call(group, VFIO_GROUP_UNSET_CONTAINER)).toBe(-EINVAL);
  });

  it('keeps its container while a device is open', () => {
    const { kernel, device } = bench();
    const { group, fd } = openThroughGroup(kernel, device);
    expect(kernel.ioctl(group, VFIO_GROUP_UNSET_CONTAINER, integer(0))).toBe(-EBUSY);
    kernel.close(fd);
    expect(kernel.ioctl(group, VFIO_GROUP_UNSET_CONTAINER, integer(0))).toBe(0);
  });

  it('opens no device before it has a container with an IOMMU', () => {
    const { kernel, container, group, call } = setup();
    expect(getDeviceFd(kernel, group)).toBe(-EINVAL);
    setContainer(kernel, group, container);
    expect(getDeviceFd(kernel, group)).toBe(-EINVAL);
    call(container, VFIO_SET_IOMMU, VFIO_TYPE1V2_IOMMU);
    expect(getDeviceFd(kernel, group)).toBeGreaterThan(0);
  });

  it('opens no device that it does not have', () => {
    const { kernel, device } = bench();
    const { group } = openThroughGroup(kernel, device);
    expect(getDeviceFd(kernel, group, 'other')).toBe(-ENODEV);
    expect(getDeviceFd(kernel, group, '')).toBe(-ENODEV);
  });

  it('wants the name of the device as a string that ends', () => {
    const { kernel, group } = setup();
    const name = struct(4, [], 0x61616161);
    expect(kernel.ioctl(group, VFIO_GROUP_GET_DEVICE_FD, name)).toBe(-EFAULT);
    const endless = struct(5000);
    endless.bytes.fill(0x61);
    expect(kernel.ioctl(group, VFIO_GROUP_GET_DEVICE_FD, endless)).toBe(-EINVAL);
  });

  it('opens a device several times and resets it only for the first and after the last', () => {
    const { kernel, device, model } = bench({ resettable: true });
    const { group, fd } = openThroughGroup(kernel, device);
    const second = getDeviceFd(kernel, group);
    expect(device.openCount).toBe(2);
    expect(model.resets).toBe(1);
    kernel.close(fd);
    expect(model.resets).toBe(1);
    kernel.close(second);
    expect(model.resets).toBe(2);
  });

  it('is held open by its devices', () => {
    const { kernel, device } = bench();
    const { container, group, fd } = openThroughGroup(kernel, device);
    closeAll(kernel, group, container);
    expect(openPath(kernel, device.groupPath ?? '')).toBe(-EBUSY);
    expect(kernel.ioctl(fd, VFIO_DEVICE_GET_INFO, struct(20))).toBe(0);
    kernel.close(fd);
    expect(openPath(kernel, device.groupPath ?? '')).toBeGreaterThan(0);
  });

  it('leaves nothing behind whatever the order of closing', () => {
    for (const order of ['cgd', 'cdg', 'gcd', 'gdc', 'dcg', 'dgc']) {
      const { kernel, device } = bench();
      const fds = openThroughGroup(kernel, device);
      const byLetter = new Map(Object.entries({ c: fds.container, g: fds.group, d: fds.fd }));
      for (const letter of order) expect(kernel.close(byLetter.get(letter) ?? -1)).toBe(0);
      expect(kernel.resources()).toEqual(NOTHING_OPEN);
      expect(() => openThroughGroup(kernel, device)).not.toThrow();
    }
  });

  it('knows no other requests and cannot be read, written or mapped', () => {
    const { kernel, group, container, call } = setup();
    const bytes = new Uint8Array(8);
    const memory = new WebAssembly.Memory({ initial: 1 });
    expect(call(group, 0x3bff)).toBe(-ENOTTY);
    for (const fd of [group, container]) {
      expect(kernel.read(fd, bytes, 0, 8)).toBe(-EINVAL);
      expect(kernel.write(fd, bytes, 0, 8)).toBe(-EINVAL);
      expect(kernel.pread(fd, bytes, 0, 8, 0, 0)).toBe(-EINVAL);
      expect(kernel.pwrite(fd, bytes, 0, 8, 0, 0)).toBe(-EINVAL);
      expect(kernel.mmap(memory, 0, 4096, 1, fd, 0, 0)).toBe(-ENODEV);
    }
  });
});

describe('a noiommu group', () => {
  it('works with its own IOMMU type only', () => {
    const { kernel, container, group, call } = setup(
      {},
      { noiommu: true },
      { unsafeNoiommu: true },
    );
    setContainer(kernel, group, container);
    expect(call(container, VFIO_SET_IOMMU, VFIO_TYPE1V2_IOMMU)).toBe(-ENODEV);
    expect(call(container, VFIO_SET_IOMMU, VFIO_NOIOMMU_IOMMU)).toBe(0);
    expect(getDeviceFd(kernel, group)).toBeGreaterThan(0);
  });

  it('has no DMA requests', () => {
    const { kernel, device } = bench({}, { noiommu: true }, { unsafeNoiommu: true });
    const { container } = openThroughGroup(kernel, device, VFIO_NOIOMMU_IOMMU);
    expect(kernel.ioctl(container, VFIO_IOMMU_GET_INFO, struct(24))).toBe(-ENOTTY);
    expect(kernel.ioctl(container, VFIO_IOMMU_MAP_DMA, struct(32))).toBe(-ENOTTY);
    expect(kernel.ioctl(container, VFIO_CHECK_EXTENSION, integer(VFIO_NOIOMMU_IOMMU))).toBe(1);
    expect(kernel.ioctl(container, VFIO_CHECK_EXTENSION, integer(VFIO_TYPE1_IOMMU))).toBe(0);
  });
});
