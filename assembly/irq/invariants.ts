import {
  LINE_ACTIVE,
  LINE_INACTIVE,
  LINE_INDEPENDENT,
  LINE_PENDING,
  POLICY_STRICT,
} from '../boundary/options';
import { NO_LINE } from '../state/layout';
import { config, device, lineAt, machine } from '../state/records';
import { isNextEoiPublished } from './next-eoi';

/**
 * Checks I1-I4 of spec S7 where the core alone can: in the debug build after
 * each signal and access, nowhere else, because it looks at every line.
 */
export function checkInvariants(): void {
  if (config.policy != POLICY_STRICT) return;
  let active: u32 = 0;
  let pending: u32 = 0;
  for (let line: u32 = 0; line < device.lineCount; line++) {
    const record = lineAt(line);
    if ((record.flags & LINE_INDEPENDENT) != 0) continue;
    // What waits for an EOI makes the line PENDING.
    if (record.state == LINE_INACTIVE && record.again != 0) unreachable();
    if (record.state == LINE_ACTIVE) active++;
    if (record.state == LINE_PENDING) pending++;
  }
  let queued: u32 = 0;
  for (let line = machine.fifoHead; line != NO_LINE; line = lineAt(line).next) {
    // A longer walk than there are lines goes in a circle.
    if (lineAt(line).state != LINE_PENDING || ++queued > device.lineCount) unreachable();
  }
  if (active > 1 || queued != pending) unreachable();
  if ((machine.serialActive != NO_LINE) != (active == 1)) unreachable();
  if (active == 0 && queued != 0) unreachable();
  if (!isNextEoiPublished()) unreachable();
  if (config.directMapping != 0 && machine.mappingOn != 0 && active != 0) unreachable();
}
