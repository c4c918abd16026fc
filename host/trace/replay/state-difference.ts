import {
  AREA_STRIDE,
  LINE_BINDING_STRIDE,
  LINE_STATISTICS_STRIDE,
  LINE_STRIDE,
  LINE_TIMING_STRIDE,
  REGION_STRIDE,
  STATE_START,
} from '../../../assembly/state/layout';
import { recordFields, type StateBlock, stateBlocks } from '../../core/fields';
import { REPORTED_STATE_WORDS } from '../limits';

/** A word of the core's state that is not the recorded one. */
export interface StateDifference {
  /** Part of the state block, such as 'lines'. */
  readonly block: string;
  /** Number of the line, region or the like; undefined in a part that is one record. */
  readonly index: number | undefined;
  /** Name of the field, or its offset in the record where it has none. */
  readonly field: string;
  readonly expected: number;
  readonly actual: number;
}

interface Records {
  readonly fields: readonly string[];
  /** Bytes of one record; undefined where the part is one. */
  readonly stride?: number;
}

const records: Readonly<Record<string, Records>> = {
  device: { fields: recordFields.DeviceRecord },
  machine: { fields: recordFields.MachineRecord },
  lines: { fields: recordFields.LineRecord, stride: LINE_STRIDE },
  'device statistics': { fields: recordFields.DeviceStatistics },
  'line statistics': { fields: recordFields.LineStatistics, stride: LINE_STATISTICS_STRIDE },
  'line timing': { fields: [], stride: LINE_TIMING_STRIDE },
  'line bindings': { fields: recordFields.LineBinding, stride: LINE_BINDING_STRIDE },
  regions: { fields: recordFields.RegionRecord, stride: REGION_STRIDE },
  areas: { fields: recordFields.AreaRecord, stride: AREA_STRIDE },
};

/** Parts that say nothing of the device: what is left there from earlier calls differs between builds. */
const LEFTOVERS: ReadonlySet<string> = new Set(['scratch']);

/** What differs between two state blocks, at most so many words of it. */
export function stateDifferences(
  expected: Uint32Array,
  actual: Uint32Array,
  most = REPORTED_STATE_WORDS,
): readonly StateDifference[] {
  const found: StateDifference[] = [];
  for (const block of stateBlocks) {
    if (LEFTOVERS.has(block.name)) continue;
    const first = (block.address - STATE_START) >>> 2;
    const end = first + (block.bytes >>> 2);
    for (let at = first; at < end; at++) {
      if (expected[at] === actual[at]) continue;
      if (found.length === most) return found;
      found.push({
        block: block.name,
        ...place(block, (at - first) * 4),
        expected: expected[at] ?? 0,
        actual: actual[at] ?? 0,
      });
    }
  }
  return found;
}

function place({ name }: StateBlock, offset: number): Pick<StateDifference, 'index' | 'field'> {
  const { fields = [], stride } = records[name] ?? {};
  const inside = stride === undefined ? offset : offset % stride;
  return {
    index: stride === undefined ? undefined : Math.floor(offset / stride),
    field: fields[inside >>> 2] ?? `+0x${inside.toString(16)}`,
  };
}

/** As text, such as "lines 3 state: 1, not 0". */
export function differenceText({ block, index, field, expected, actual }: StateDifference): string {
  const where = index === undefined ? block : `${block} ${index}`;
  return `${where} ${field}: ${actual}, not ${expected}`;
}
