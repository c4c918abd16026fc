import { attachments } from './attach';
import { discoveries } from './discover';
import { edgeLines } from './edge-line';
import { levelLines } from './level-line';
import type { Scenario } from './scenario';
import { irqMatrices } from './set-irqs';
import { transfers } from './transfer';

/** What is done in the same way on the real kernel and on the simulated one, and must come out the same. */
export const scenarios: readonly Scenario[] = [
  ...attachments,
  ...discoveries,
  ...transfers,
  ...irqMatrices,
  ...levelLines,
  ...edgeLines,
];
