export type { V86Target } from './internals';
export { V86Machine } from './machine';
