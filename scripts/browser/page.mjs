// What a browser runs: the recordings, on the page and in a worker. Tells the server what came of it.
import { replayAll } from './replay-all.mjs';

async function inWorker() {
  const worker = new Worker(new URL('worker.mjs', import.meta.url), { type: 'module' });
  return new Promise((resolve, reject) => {
    worker.onmessage = ({ data }) => resolve(data);
    worker.onerror = (event) => reject(new Error(`in the worker: ${event.message}`));
  });
}

let body;
try {
  body = { page: await replayAll(), worker: await inWorker(), browser: navigator.userAgent };
} catch (error) {
  body = { error: String(error?.stack ?? error) };
}
await fetch('/result', { method: 'POST', body: JSON.stringify(body) });
