import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';

const dist = new URL('../../dist/', import.meta.url);

/** The files of dist/ that are loaded with one of them. */
function loadedWith(url: URL, seen = new Set<string>()): Set<string> {
  if (seen.has(url.href)) return seen;
  seen.add(url.href);
  const text = readFileSync(url, 'utf8');
  for (const [, path = ''] of text.matchAll(/\b(?:from|import) ?"(\.[^"]*)"/g)) {
    loadedWith(new URL(path, url), seen);
  }
  return seen;
}

const DEVICE = new URL('chunks/device.js', dist).href;

// Otherwise a bundler could put it into a file that waits for one which waits for it.
it.each(['sim', 'native', 'trace'])('the host in %s.js brings the code of devices', (entry) => {
  expect([...loadedWith(new URL(`${entry}.js`, dist))]).toContain(DEVICE);
});

it('what imports the package alone does not have it', () => {
  const loaded = [...loadedWith(new URL('index.js', dist))];
  expect(loaded).toHaveLength(2);
  expect(loaded).not.toContain(DEVICE);
});
