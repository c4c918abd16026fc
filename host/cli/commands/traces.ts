/** The commands that work on recordings. */

export { diff } from './diff';
export { dump } from './dump';
export { exportCommand } from './export';
export { minimize } from './minimize';
export { replay } from './replay';
export { stat } from './stat';
export { trim } from './trim';
