// npm run test:browser: the built dist/trace.js replays the committed recordings
// without anything of Node, and in a real browser (Chromium, headless) where
// there is one: on the page and in a worker. BROWSER names another program.
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { extname, join, normalize } from 'node:path';
import { fail, root } from './setup.mjs';

const RECORDINGS = 'test/trace/recordings';
const PATIENCE_MS = 120_000;
const TYPES = { '.html': 'text/html', '.js': 'text/javascript', '.mjs': 'text/javascript' };
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

/** @param {readonly string[]} files @param {(result: any) => void} tell */
function serve(files, tell) {
  return createServer((request, response) => {
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
    const [, folder] = path.split('/');
    const file =
      folder === 'dist'
        ? join(root, path)
        : folder === 'recordings'
          ? join(root, RECORDINGS, path.slice('/recordings/'.length))
          : join(root, 'scripts/browser', path);
    try {
      const bytes = readFileSync(file);
      const type = TYPES[/** @type {'.js'} */ (extname(file))] ?? 'application/octet-stream';
      response.setHeader('content-type', type);
      response.end(bytes);
    } catch {
      response.statusCode = 404;
      response.end();
    }
  });
}

/** @param {string} program @param {readonly string[]} files */
async function inBrowser(program, files) {
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
      `http://127.0.0.1:${port}/page.html`,
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
    await ended;
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
    const { page, worker, error, browser } = await inBrowser(program, files);
    if (error !== undefined) throw new Error(`in the browser: ${error}`);
    console.log(browser);
    check('on a page', page, files.length);
    check('in a worker', worker, files.length);
  }
} catch (error) {
  fail(error);
}
