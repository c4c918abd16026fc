import { ABI_VERSION } from './boundary/version';

/**
 * The exports of the core: everything that a host can ask for. TypeScript
 * takes their signatures from the declarations that the compiler writes.
 * Results are those of boundary/status.ts unless said otherwise. After each
 * call the host applies the effects (boundary/effects.ts).
 */

export { performed, read, write } from './access/access';
export { directRead, directWrite } from './access/direct';
export { dmaMap, dmaUnmap } from './attach/dma';
export { addRule, configure, setEoi } from './device/configure';
export {
  armIrqfd,
  armLine,
  beginRestore,
  completeLine,
  disarmLine,
  endRestore,
  gatherSignals,
  maskLine,
  pause,
  reset,
  resume,
  safePoint,
  unmaskLine,
  unmaskResult,
} from './device/control';
export { attach, close, openDevice } from './device/lifecycle';
export { signal, timerFired } from './irq/machine';
export { completeShort, signalShort } from './irq/short-path';

/** The version of this boundary. */
export function abiVersion(): u32 {
  return ABI_VERSION;
}
