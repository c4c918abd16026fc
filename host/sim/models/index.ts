export { AlteraPs2, type AlteraPs2Options, type Ps2Peripheral } from './altera-ps2';
export { DmaEngine, type DmaEngineOptions } from './dma-engine';
export {
  DwApbUart,
  type DwApbUartCondition,
  type DwApbUartModemInputs,
  type DwApbUartOptions,
} from './dw-apb-uart';
export {
  MemoryDevice,
  type MemoryDeviceOptions,
  type MemoryRegionOptions,
  memoryRegion,
} from './memory';
export type {
  DeviceModel,
  ModelDma,
  ModelEnvironment,
  ModelIrq,
  ModelRegion,
  ModelWidth,
} from './model';
export {
  Ns16550,
  type Ns16550Condition,
  type Ns16550ModemInputs,
  type Ns16550Options,
} from './ns16550';
export { Pl011, type Pl011Condition, type Pl011ModemInputs, type Pl011Options } from './pl011';
export { Pl031, type Pl031Options } from './pl031';
export { Pl061, type Pl061Options } from './pl061';
export { Ps2Keyboard } from './ps2-keyboard';
export { primeCellId, WordRegisterModel } from './registers';
export type { FunctionEnvironment, VirtioFunction } from './virtio/function';
export { VirtioMmio, type VirtioMmioOptions } from './virtio/mmio';
export { VirtioRng } from './virtio/rng';
export type { Request as VirtioRequest, Segment as VirtioSegment } from './virtio/virtqueue';
