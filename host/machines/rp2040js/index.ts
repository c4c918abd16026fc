export type { KeptState } from '../contract';
export type { Rp2040Chip, Rp2040Target } from './internals';
export { Rp2040Machine, type Rp2040MachineOptions } from './machine';
export {
  bootFirmware,
  FLASH_BASE,
  GuestRunError,
  type GuestRunProblem,
  runFor,
  runToLimit,
  runUntil,
  runUntilPaced,
} from './run';
