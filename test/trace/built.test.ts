import { readdirSync } from 'node:fs';
import { expect, it } from 'vitest';
import { withoutNode } from '../../scripts/browser/run-without-node.mjs';
import { distIsFresh } from '../../scripts/build.mjs';

const FOLDER = 'test/trace/recordings';
const fresh = distIsFresh();

it.skipIf(!fresh)(
  `dist/trace.js replays the committed recordings where there is nothing of Node${fresh ? '' : ' (skipped: dist/ is not up to date; npm run build, or npm run test:browser)'}`,
  () => {
    const files = readdirSync(FOLDER).filter((name) => name.endsWith('.trace'));
    const results = withoutNode(files.map((name) => `${FOLDER}/${name}`));
    expect(results).toHaveLength(3);
    for (const result of results) {
      expect(result).toMatchObject({ ok: true, finalised: true, same: true, steppedBack: true });
      expect(result.events).toBeGreaterThan(1000);
    }
  },
);
