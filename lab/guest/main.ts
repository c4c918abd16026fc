// Runs the tests in the guest, each file in a process of its own, and reports to the host.
import { readFileSync } from 'node:fs';
import { release } from 'node:os';
import { join } from 'node:path';
import { run } from 'node:test';
import { Reporter } from './ports';

const TESTS = '/lab/tests';
const LIMIT_MS = 240_000;
/** Between two signs of life. */
const ALIVE_MS = 5_000;

const reporter = new Reporter();

function literal(text: string): RegExp {
  return new RegExp(text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&'));
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
const alive = setInterval(() => reporter.report({ type: 'alive' }), ALIVE_MS);
for (let task = reporter.task(); task.file !== undefined; task = reporter.task()) {
  const { file, tests } = task;
  reporter.report({ type: 'file', name: file });
  const stream = run({
    files: [join(TESTS, `${file}.test.js`)],
    concurrency: 1,
    timeout: LIMIT_MS,
    ...(tests !== undefined && { testNamePatterns: [literal(tests)] }),
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
clearInterval(alive);
reporter.report({ type: 'end' });
