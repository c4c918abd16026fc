import { describe, expect, it } from 'vitest';
import { machineCode, touchesMemory } from '../../scripts/machine-code.mjs';

/** The one instruction of each access, whatever the registers. */
const EXPECTED: Readonly<Record<string, RegExp>> = {
  load8: /^movzxbl r\w+,\[/,
  load16: /^movzxwl r\w+,\[/,
  load32: /^movl r\w+,\[/,
  store8: /^movb \[[^\]]+\],/,
  store16: /^movw \[[^\]]+\],/,
  store32: /^movl \[[^\]]+\],/,
};

describe.skipIf(process.arch !== 'x64')(
  `an access to a window${process.arch === 'x64' ? '' : ' (skipped: only x64 was read)'}`,
  () => {
    it('is one plain move of its width in the code of both compilers', { timeout: 180_000 }, () => {
      const listing = machineCode();
      expect(listing).toHaveLength(12);
      for (const [compiler, access, instructions] of listing) {
        const touching = instructions.filter(touchesMemory);
        expect(touching, `${compiler} ${access}`).toHaveLength(1);
        expect(touching[0], `${compiler} ${access}`).toMatch(EXPECTED[access] as RegExp);
        // XCHG and anything with LOCK would also read.
        expect(instructions.join('\n')).not.toMatch(/xchg|lock /);
      }
    });
  },
);
