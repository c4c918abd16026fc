/** The commands that find devices and give them to VFIO, which need no device core. */

export { bind } from './bind';
export { doctor } from './doctor';
export { list } from './list';
export { unbind } from './unbind';
