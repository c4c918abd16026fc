import { describe, it } from 'vitest';
import { conformanceChecks } from '../../host/machines/conformance';
import { rp2040Subject, v86Subject } from './conformance-subjects';

describe.each([
  ['rp2040js', rp2040Subject()],
  ['v86 with its PIC', v86Subject('test-bus-pc')],
  ['v86 with its IOAPIC', v86Subject('test-bus-ioapic')],
])('the conformance suite on %s', (_, subject) => {
  for (const { name, run } of conformanceChecks(subject)) it(name, run);
});
