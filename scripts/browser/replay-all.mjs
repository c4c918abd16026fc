import * as library from '/dist/trace.js';
import { replayRecording } from './replay-recording.mjs';

/** Replays all recordings that the server has. */
export async function replayAll() {
  const results = [];
  for (const file of await (await fetch('/recordings')).json()) {
    const bytes = new Uint8Array(await (await fetch(`/recordings/${file}`)).arrayBuffer());
    results.push({ file, ...JSON.parse(await replayRecording(library, bytes)) });
  }
  return results;
}
