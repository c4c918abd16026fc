import * as layout from '../../assembly/state/layout';
import type { CoreMemory } from './core-memory';

/**
 * Fields of the state block that the host reads, by name. The order is that of
 * the records in assembly/state/records.ts; a test compares both.
 */
export const recordFields = {
  DeviceRecord: [
    'phase',
    'busy',
    'backend',
    'regionCount',
    'lineCount',
    'flags',
    'group',
    'container',
    'device',
    'iommufd',
    'ioas',
    'kvm',
    'pageSizesLow',
    'pageSizesHigh',
    'iovaRangeCount',
    'windowNext',
    'dmaCount',
    'ruleCount',
    'mappedAreas',
    'failureStep',
    'failureErrno',
    'failureDetail',
  ],
  MachineRecord: [
    'serialActive',
    'fifoHead',
    'fifoTail',
    'outstanding',
    'mappingOn',
    'timerRunning',
    'paused',
    'retryCursor',
  ],
  LineRecord: ['state', 'flags', 'eoi', 'again', 'next', 'previous', 'unmaskFailures', 'retryWait'],
  DeviceStatistics: [
    'reads',
    'writes',
    'failed',
    'refused',
    'safePoints',
    'resets',
    'mappingSwitches',
    'unmaskRetries',
  ],
  LineStatistics: [
    'signals',
    'abandoned',
    'completions',
    'coalesced',
    'spurious',
    'unexpected',
    'unmaskFailures',
    'stalls',
  ],
  LineBinding: ['irqFlags', 'irqCount', 'armed', 'everArmed', 'trigger', 'resample', 'gsi'],
  RegionRecord: [
    'flags',
    'limit',
    'sizeLow',
    'sizeHigh',
    'offsetLow',
    'offsetHigh',
    'areaCount',
    'mmapErrno',
    'shortReadEnd',
    'shortWriteEnd',
    'shortPointer',
    'hostReadEnd',
    'hostWriteEnd',
  ],
  AreaRecord: ['start', 'end', 'pointer', 'byHost'],
} as const;

type Records = typeof recordFields;

/** The unsigned words of the record at `address`, by field name. */
export function readRecord<Name extends keyof Records>(
  memory: CoreMemory,
  name: Name,
  address: number,
): Record<Records[Name][number], number> {
  const record: Record<string, number> = {};
  recordFields[name].forEach((field, index) => {
    record[field] = memory.word(address + index * 4);
  });
  return record as Record<Records[Name][number], number>;
}

/** A named part of the state block. */
export interface StateBlock {
  readonly name: string;
  readonly address: number;
  readonly bytes: number;
  /** What the interrupt machine remembers: part of snapshots. */
  readonly machine: boolean;
}

/** The state block, part by part; windows are not among them. */
export const stateBlocks: readonly StateBlock[] = [
  block('config', layout.CONFIG, layout.DEVICE),
  block('device', layout.DEVICE, layout.VOLATILE),
  block('volatile', layout.VOLATILE, layout.MACHINE),
  block('machine', layout.MACHINE, layout.ACTIVE_SET, true),
  block('active set', layout.ACTIVE_SET, layout.RETRY_SET, true),
  block('retry set', layout.RETRY_SET, layout.LINES, true),
  block('lines', layout.LINES, layout.DEVICE_STATISTICS, true),
  block('device statistics', layout.DEVICE_STATISTICS, layout.LINE_STATISTICS),
  block('line statistics', layout.LINE_STATISTICS, layout.LINE_TIMING),
  block('line timing', layout.LINE_TIMING, layout.LINE_BINDINGS),
  block('line bindings', layout.LINE_BINDINGS, layout.REGIONS),
  block('regions', layout.REGIONS, layout.AREAS),
  block('areas', layout.AREAS, layout.RULES),
  block('rules', layout.RULES, layout.RULE_BUCKETS),
  block('rule buckets', layout.RULE_BUCKETS, layout.DMA_MAPPINGS),
  block('dma mappings', layout.DMA_MAPPINGS, layout.IOVA_RANGES),
  block('iova ranges', layout.IOVA_RANGES, layout.DOORBELL),
  block('doorbell', layout.DOORBELL, layout.EFFECTS),
  block('effects', layout.EFFECTS, layout.ACCESS_REPORTS),
  block('access reports', layout.ACCESS_REPORTS, layout.SCRATCH),
  block('scratch', layout.SCRATCH, layout.STATE_END),
];

function block(name: string, address: number, end: number, machine = false): StateBlock {
  return { name, address, bytes: end - address, machine };
}
