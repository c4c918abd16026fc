import { attachments } from './attach';
import { cdevs } from './cdev';
import { discoveries } from './discover';
import { dmaMappings } from './dma';
import { edgeLines } from './edge-line';
import { ioAddressSpaces } from './ioas';
import { levelLines } from './level-line';
import { registerValues } from './registers';
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
  ...registerValues,
  ...dmaMappings,
];

/** The same for kernels with iommufd and cdevs. */
export const iommufdScenarios: readonly Scenario[] = [...cdevs, ...ioAddressSpaces];
