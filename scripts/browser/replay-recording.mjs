/**
 * Opens, verifies, walks through and replays a recording. It must stand alone:
 * it is also run as text, in places that have nothing of Node.
 *
 * @param {typeof import('../../host/trace/index')} library
 * @param {Uint8Array} bytes
 * @returns {Promise<string>} JSON, because the places share no objects
 */
export async function replayRecording(library, bytes) {
  const trace = library.Trace.open(bytes);
  const { ok, events, divergence } = await library.replayCore(trace);
  const sink = new library.MemorySink();
  await library.replayCore(trace, {
    through: (host) => library.record(host, { uuid: trace.header.uuid, sink }),
  });
  const again = sink.bytes();
  const walk = await library.TraceDebugger.start(trace);
  await walk.seek(Math.floor(trace.totals.events / 2));
  const there = walk.position;
  await walk.stepBack();
  const back = walk.position;
  walk.dispose();
  return JSON.stringify({
    ok,
    events,
    divergence,
    finalised: trace.finalised,
    damaged: trace.verify(),
    same: again.length === bytes.length && again.every((byte, i) => byte === bytes[i]),
    steppedBack: back < there,
  });
}
