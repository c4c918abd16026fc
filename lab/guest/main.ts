// Runs the tests in the guest, each file in a process of its own, and reports to the host.
import { readdirSync, readFileSync } from 'node:fs';
import { release } from 'node:os';
import { basename, join } from 'node:path';
import { run } from 'node:test';
import { Reporter } from './ports';

const TESTS = '/lab/tests';
const LIMIT_MS = 240_000;

const reporter = new Reporter();

/** What to run: part of a file's name, or else of a test's; from the kernel's command line. */
function wanted(): string {
  const encoded = /(?:^| )lab\.only=(\S+)/.exec(readFileSync('/proc/cmdline', 'utf8'))?.[1];
  return encoded === undefined ? '' : Buffer.from(encoded, 'base64url').toString();
}

function errorText(error: unknown): string {
  const { cause } = error as { cause?: unknown };
  const origin = cause instanceof Error ? cause : error;
  return origin instanceof Error ? (origin.stack ?? origin.message) : String(cause ?? error);
}

function failureType(error: unknown): { readonly failureType?: string } {
  const { failureType } = error as { failureType?: unknown };
  return typeof failureType === 'string' ? { failureType } : {};
}

reporter.report({
  type: 'start',
  kernel: release(),
  node: process.version,
  uptimeS: Number(readFileSync('/proc/uptime', 'utf8').split(' ')[0]),
});
const only = wanted();
const all = readdirSync(TESTS).filter((name) => name.endsWith('.test.js'));
const named = all.filter((name) =>
  only.split(',').some((part) => basename(name, '.test.js').includes(part)),
);
const chosen = named.length > 0 ? named : all;
const pattern = only.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');
for (const name of chosen) {
  reporter.report({ type: 'file', name: basename(name, '.test.js') });
  const stream = run({
    files: [join(TESTS, name)],
    concurrency: 1,
    timeout: LIMIT_MS,
    ...(named.length > 0 || only === '' ? {} : { testNamePatterns: [new RegExp(pattern)] }),
  });
  const tell = (
    passed: boolean,
    data: {
      name: string;
      nesting: number;
      skip?: string | boolean | undefined;
      details: { duration_ms: number; type?: string | undefined; error?: unknown };
    },
  ) => {
    // The file itself counts as a test too, which only matters when it fails as a whole.
    if (data.name.startsWith(TESTS) && passed) return;
    const { skip, details } = data;
    reporter.report({
      type: 'test',
      name: data.name,
      nesting: data.nesting,
      suite: details.type === 'suite',
      ms: details.duration_ms,
      passed,
      ...(skip !== undefined && { skipped: String(skip) }),
      ...(passed ? {} : { error: errorText(details.error), ...failureType(details.error) }),
    });
  };
  stream.on('test:start', ({ name, nesting }) => {
    if (!name.startsWith(TESTS)) reporter.report({ type: 'begin', name, nesting });
  });
  stream.on('test:pass', (data) => tell(true, data));
  stream.on('test:fail', (data) => tell(false, data));
  stream.on('test:diagnostic', ({ message }) => {
    if (!/^(tests|suites|pass|fail|cancelled|skipped|todo|duration_ms) /.test(message)) {
      reporter.report({ type: 'note', text: message });
    }
  });
  stream.on('test:stdout', ({ message }) => {
    reporter.report({ type: 'note', text: message.trimEnd() });
  });
  stream.on('test:stderr', ({ message }) => {
    reporter.report({ type: 'note', text: message.trimEnd() });
  });
  stream.resume();
  await new Promise((resolve) => stream.on('end', resolve));
}
reporter.report({ type: 'end' });
