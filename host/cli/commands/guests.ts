/** The commands that run a guest. */

export { record } from './record';
export { run } from './run';
