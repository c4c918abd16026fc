import { replayAll } from './replay-all.mjs';

postMessage(await replayAll());
