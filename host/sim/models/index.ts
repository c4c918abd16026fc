export { DmaEngine, type DmaEngineOptions } from './dma-engine';
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
export { primeCellId, WordRegisterModel } from './registers';
