// npm run test:browser: the built dist/trace.js replays the committed recordings
// without anything of Node, and in a real browser (Chromium, headless) where
// there is one: on the page and in a worker. There, v86 also runs the firmware's
// stories with devices of a simulated host. BROWSER names another program.
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { extname, join, normalize } from 'node:path';
import ts from 'typescript';
import { fail, root } from './setup.mjs';

const RECORDINGS = 'test/trace/recordings';
const PATIENCE_MS = 120_000;
/** How long a browser may take to end. */
const LAST_WORDS_MS = 10_000;
const TYPES = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.mjs': 'text/javascript',
  '.ts': 'text/javascript',
  '.wasm': 'application/wasm',
};
/** Where the files of a page are, by the first folder of their path; the rest are scripts/browser. */
const FOLDERS = {
  dist: 'dist',
  firmware: 'firmware',
  recordings: RECORDINGS,
  test: 'test',
  v86: 'node_modules/v86/build',
};
const PROGRAMS = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];

/** @typedef {{ file: string, ok: boolean, same: boolean, events: number, steppedBack: boolean, damaged?: unknown }} Result */

/** @param {string} where @param {Result[]} results @param {number} wanted */
function check(where, results, wanted) {
  if (results.length !== wanted)
    throw new Error(`${where}: ${results.length} of ${wanted} results`);
  for (const result of results) {
    const { file, ok, same, events, steppedBack, damaged } = result;
    if (!ok || !same || !steppedBack || damaged !== undefined) {
      throw new Error(`${where}: ${file} did not replay: ${JSON.stringify(result)}`);
    }
    console.log(`${where}: ${file}: the same, ${events} events`);
  }
}

function browserProgram() {
  const asked = process.env.BROWSER;
  const programs = asked ? [asked] : PROGRAMS;
  const runs = (/** @type {string} */ name) =>
    spawnSync(name, ['--version'], { stdio: 'ignore' }).status === 0;
  const found = programs.find(runs);
  if (asked && found === undefined) throw new Error(`BROWSER=${asked} cannot be run`);
  return found;
}

/** A module in TypeScript, as the JavaScript that it is. @param {string} file */
function withoutTypes(file) {
  const compilerOptions = { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022 };
  return ts.transpileModule(readFileSync(file, 'utf8'), { compilerOptions }).outputText;
}

/** @param {any} stories what scripts/browser/v86.mjs tells */
function checkStories(stories) {
  const { over, failures, spurious, handled, signals, completions, events, left, said } = stories;
  const [rtc, gpio, uart] = handled;
  const done = `DONE rtc=${rtc} gpio=${gpio} uart=${uart} spurious=0 failures=0`;
  const right =
    over &&
    failures === 0 &&
    spurious === 0 &&
    left === 0 &&
    events.length === 0 &&
    rtc === 5 &&
    gpio === 11 &&
    uart > 10 &&
    String(signals) === String(completions) &&
    said.at(-1) === done;
  if (!right) throw new Error(`the stories in v86 failed: ${JSON.stringify(stories, null, 1)}`);
  console.log(`in v86: ${done}, ${stories.ms} ms`);
}

/** @param {readonly string[]} files @param {(result: any) => void} tell */
function serve(files, tell) {
  return createServer((request, response) => {
    // An isolated page has a clock with steps of 5 us; those of any other are 100 us long.
    response.setHeader('cross-origin-opener-policy', 'same-origin');
    response.setHeader('cross-origin-embedder-policy', 'require-corp');
    const path = normalize(new URL(request.url ?? '/', 'http://localhost').pathname);
    if (path === '/result') {
      let body = '';
      request.on('data', (part) => {
        body += part;
      });
      request.on('end', () => {
        response.end();
        tell(JSON.parse(body));
      });
      return;
    }
    if (path === '/recordings') {
      response.end(JSON.stringify(files));
      return;
    }
    const [, first = '', ...rest] = path.split('/');
    const folder = FOLDERS[/** @type {'dist'} */ (first)];
    const file =
      folder === undefined ? join(root, 'scripts/browser', path) : join(root, folder, ...rest);
    try {
      const bytes = extname(file) === '.ts' ? withoutTypes(file) : readFileSync(file);
      const type = TYPES[/** @type {'.js'} */ (extname(file))] ?? 'application/octet-stream';
      response.setHeader('content-type', type);
      response.end(bytes);
    } catch {
      response.statusCode = 404;
      response.end();
    }
  });
}

/**
 * Opens a page of scripts/browser. @returns what it tells
 * @param {string} program @param {string} page @param {readonly string[]} files
 */
async function inBrowser(program, page, files) {
  const profile = mkdtempSync(join(tmpdir(), 'vfio-browser-'));
  /** @type {(result: any) => void} */
  let tell = () => {};
  /** @type {Promise<any>} */
  const told = new Promise((resolve) => {
    tell = resolve;
  });
  const server = serve(files, tell);
  await new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(undefined)));
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
  // As root, which CI often is, its sandbox does not work; it sees pages of this project only.
  const browser = spawn(
    program,
    [
      ...['--headless=new', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'],
      ...['--no-first-run', '--disable-background-networking', `--user-data-dir=${profile}`],
      `http://127.0.0.1:${port}/${page}`,
    ],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  );
  let complaints = '';
  browser.stderr.on('data', (part) => {
    complaints = (complaints + part).slice(-4000);
  });
  const ended = new Promise((resolve) => browser.once('exit', resolve));
  let timer;
  try {
    return await Promise.race([
      told,
      ended.then((code) => {
        throw new Error(`the browser ended with ${code}: ${complaints}`);
      }),
      new Promise((_, reject) => {
        timer = setTimeout(
          () => reject(new Error(`no answer from the browser: ${complaints}`)),
          PATIENCE_MS,
        );
      }),
    ]);
  } finally {
    clearTimeout(timer);
    browser.kill();
    const last = setTimeout(() => browser.kill('SIGKILL'), LAST_WORDS_MS);
    await ended.finally(() => clearTimeout(last));
    server.closeAllConnections();
    server.close();
    rmSync(profile, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  }
}

try {
  const { build } = await import('./build.mjs');
  await build();
  const files = readdirSync(RECORDINGS).filter((name) => name.endsWith('.trace'));
  const { withoutNode } = await import('./browser/run-without-node.mjs');
  check('without Node', withoutNode(files.map((name) => join(RECORDINGS, name))), files.length);
  const program = browserProgram();
  if (program === undefined) {
    console.log(`Skipped in a browser: there is none of ${PROGRAMS.join(', ')} (or BROWSER)`);
  } else {
    const { page, worker, error, browser } = await inBrowser(program, 'page.html', files);
    if (error !== undefined) throw new Error(`in the browser: ${error}`);
    console.log(browser);
    check('on a page', page, files.length);
    check('in a worker', worker, files.length);
    // With that word in its address v86 yields without going through a worker each time.
    const v86 = await inBrowser(program, 'v86.html?use-scheduling-api', files);
    if (v86.error !== undefined) throw new Error(`v86 in the browser: ${v86.error}`);
    checkStories(v86.stories);
  }
} catch (error) {
  fail(error);
}
