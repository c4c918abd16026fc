import {
  VFIO_DEVICE_GET_INFO,
  VFIO_DEVICE_GET_IRQ_INFO,
  VFIO_DEVICE_GET_REGION_INFO,
  VFIO_DEVICE_INFO_FLAGS,
  VFIO_DEVICE_INFO_NUM_IRQS,
  VFIO_DEVICE_INFO_NUM_REGIONS,
  VFIO_IRQ_INFO_COUNT,
  VFIO_IRQ_INFO_FLAGS,
  VFIO_IRQ_INFO_INDEX,
  VFIO_REGION_INFO_CAP_OFFSET,
  VFIO_REGION_INFO_FLAGS,
  VFIO_REGION_INFO_INDEX,
  VFIO_REGION_INFO_OFFSET_LO64,
  VFIO_REGION_INFO_SIZE_LO64,
} from '../../assembly/abi/vfio';
import { struct, u32, u64 } from '../../test/sim/fixture';
import { openDevice } from './calls';
import { board, outcome, type Scenario } from './scenario';

/** What the kernel tells of every device, asked rightly and wrongly. */
export const discoveries: readonly Scenario[] = Object.values(board).map((device) => ({
  name: `discover ${device}`,
  run: async (bench, log) => {
    const { kernel } = bench;
    const { fd, close } = openDevice(bench, device);
    for (const argsz of [0, 15, 16, 20, 24, 64]) {
      const info = struct(64, [], argsz);
      const result = kernel.ioctl(fd, VFIO_DEVICE_GET_INFO, info);
      log.note(`device info, ${argsz} bytes`, [
        outcome(result),
        ...[VFIO_DEVICE_INFO_FLAGS, VFIO_DEVICE_INFO_NUM_REGIONS, VFIO_DEVICE_INFO_NUM_IRQS].map(
          (field) => u32(info, field),
        ),
      ]);
    }
    for (const [index, argsz] of [
      [0, 32],
      [0, 64],
      [0, 31],
      [0, 0],
      [1, 32],
      [0xffffffff, 32],
    ] as const) {
      const info = struct(64, [[VFIO_REGION_INFO_INDEX, index]], argsz);
      const result = kernel.ioctl(fd, VFIO_DEVICE_GET_REGION_INFO, info);
      log.note(`region ${index}, ${argsz} bytes`, [
        outcome(result),
        u32(info, 0),
        u32(info, VFIO_REGION_INFO_FLAGS),
        u32(info, VFIO_REGION_INFO_CAP_OFFSET),
        `size ${u64(info, VFIO_REGION_INFO_SIZE_LO64)}`,
        `offset ${u64(info, VFIO_REGION_INFO_OFFSET_LO64)}`,
      ]);
    }
    for (const [index, argsz] of [
      [0, 16],
      [0, 64],
      [0, 15],
      [0, 0],
      [1, 16],
      [0xffffffff, 16],
    ] as const) {
      const info = struct(64, [[VFIO_IRQ_INFO_INDEX, index]], argsz);
      const result = kernel.ioctl(fd, VFIO_DEVICE_GET_IRQ_INFO, info);
      log.note(`line ${index}, ${argsz} bytes`, [
        outcome(result),
        u32(info, VFIO_IRQ_INFO_FLAGS),
        u32(info, VFIO_IRQ_INFO_COUNT),
      ]);
    }
    close();
  },
}));
