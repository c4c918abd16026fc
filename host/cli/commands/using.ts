/** The commands that open a device. */

export { describe } from './describe';
export { info } from './info';
export { irq } from './irq';
export { peek } from './peek';
export { poke } from './poke';
