/**
 * A simulated Linux host with VFIO, and simulated devices behind it.
 *
 * @module
 */
export { VirtualClock } from '../time/virtual-clock';
export * from './models';
export * from './random';
export * from './simulated-host';
