// Replays recordings with the built dist/trace.js, chunk by chunk as it is, in a
// context that has what every browser has and nothing of Node. Run with
// --experimental-vm-modules; arguments are trace files; prints JSON.
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import vm from 'node:vm';

const context = vm.createContext({ TextEncoder, TextDecoder, atob });
const names = ['process', 'require', 'Buffer', 'global', 'setImmediate', 'setTimeout', 'fetch'];
const found = names.filter((name) => vm.runInContext(`typeof ${name}`, context) !== 'undefined');
if (found.length > 0) throw new Error(`the context has ${found.join(', ')}`);

/** @type {Map<string, import('node:vm').SourceTextModule>} */
const modules = new Map();

/** @param {string} url */
function load(url) {
  let module = modules.get(url);
  if (module === undefined) {
    module = new vm.SourceTextModule(readFileSync(fileURLToPath(url), 'utf8'), {
      context,
      identifier: url,
      importModuleDynamically: (specifier, from) => start(loadFor(specifier, from)),
    });
    modules.set(url, module);
  }
  return module;
}

/** @param {string} specifier @param {import('node:vm').Module} from */
function loadFor(specifier, from) {
  if (!specifier.startsWith('.')) throw new Error(`${from.identifier} imports '${specifier}'`);
  return load(new URL(specifier, from.identifier).href);
}

/** @param {import('node:vm').SourceTextModule} module */
async function start(module) {
  if (module.status === 'unlinked') await module.link(loadFor);
  await module.evaluate();
  return module;
}

const entry = await start(load(new URL('../../dist/trace.js', import.meta.url).href));

const { replayRecording } = await import('./replay-recording.mjs');
// As text, so that it runs in there and not out here.
const replay = vm.runInContext(`(${replayRecording})`, context);
const results = [];
for (const path of process.argv.slice(2)) {
  const base64 = readFileSync(path, 'base64');
  const bytes = vm.runInContext(
    `Uint8Array.from(atob(${JSON.stringify(base64)}), (letter) => letter.charCodeAt(0))`,
    context,
  );
  results.push({ file: basename(path), ...JSON.parse(await replay(entry.namespace, bytes)) });
}
console.log(JSON.stringify(results));
