// Measurements of recording and replay; prints one JSON object.
import { RP2040 } from 'rp2040js';
import { openDevice, plug } from 'vfio-platform-wasm';
import { bootFirmware, Rp2040Machine, runFor } from 'vfio-platform-wasm/machines/rp2040js';
import { MemoryDevice, Pl061, SimulatedHost } from 'vfio-platform-wasm/sim';
import { MemorySink, record, replayCore, Trace, TraceDebugger } from 'vfio-platform-wasm/trace';

const GUEST_MS = 60;

/** Milliseconds of processor time so far: what else the computer does must not count. */
function nowMs() {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

const LONG_TRACE_EVENTS = 10_000_000;
const BASE = 0x60008000;

/** A guest that reads a register, and a hundred instructions later writes one, for ever. */
function guest() {
  const code = [
    0x4805, // ldr r0, [pc, #20]
    0xbf00, // nop
    0x2131, // loop: movs r1, #49
    0x3901, // 1: subs r1, #1
    0xd1fd, // bne 1b
    0x6802, // ldr r2, [r0]
    0x2131, // movs r1, #49
    0x3901, // 2: subs r1, #1
    0xd1fd, // bne 2b
    0x6042, // str r2, [r0, #4]
    0xe7f6, // b loop
    0xbf00, // nop
    BASE & 0xffff,
    BASE >>> 16,
  ];
  const image = new Uint8Array(8 + code.length * 2);
  const view = new DataView(image.buffer);
  view.setUint32(0, 0x20040000, true);
  view.setUint32(4, 0x10000009, true);
  for (const [i, half] of code.entries()) view.setUint16(8 + i * 2, half, true);
  return image;
}

/** Runs the guest, recorded or not; gives the ms that it took, and the recording. */
async function run(recorded) {
  const machine = new Rp2040Machine(new RP2040());
  const host = new SimulatedHost({ clock: machine.clock });
  host.addDevice({ name: 'gpio', model: new Pl061(), bus: 'amba' });
  const sink = new MemorySink();
  const { device, unplug } = await plug(
    recorded ? record(host, { uuid: 'bench', sink }) : host,
    { host: 'gpio' },
    machine,
    { regions: { 0: BASE }, lines: { 0: 20 } },
  );
  bootFirmware(machine, guest());
  const start = nowMs();
  runFor(machine, GUEST_MS * 1e6);
  const ms = nowMs() - start;
  const { reads, writes } = device.statistics;
  unplug();
  return { ms, accesses: reads + writes, bytes: recorded ? sink.bytes() : undefined };
}

async function recording() {
  // Both once to warm up, then in turn.
  await run(false);
  await run(true);
  const plain = [];
  const recorded = [];
  let last;
  for (let i = 0; i < 5; i++) {
    plain.push((await run(false)).ms);
    last = await run(true);
    recorded.push(last.ms);
  }
  const trace = Trace.open(last.bytes);
  if (trace.totals.accesses !== last.accesses) throw new Error('bench: accesses are missing');
  const replays = [];
  for (let i = 0; i < 6; i++) {
    const start = nowMs();
    const report = await replayCore(trace);
    if (!report.ok) throw new Error('bench: the replay differs');
    if (i > 0) replays.push(nowMs() - start);
  }
  const { events, accesses } = trace.totals;
  return { plain, recorded, replays, events, accesses, bytes: last.bytes.length };
}

/** Reads, writes and interrupts of a device, ten million events long. */
async function longTrace() {
  const host = new SimulatedHost();
  const model = new MemoryDevice({ lines: ['edge', 'level'] });
  const handle = host.addDevice({ name: 'dev', model });
  const sink = new MemorySink();
  const recordingHost = record(host, { uuid: 'long', sink });
  const device = await openDevice(recordingHost, { host: 'dev' }, { clock: host.clock });
  for (const line of [0, 1]) device.connectLine(line, { up() {}, down() {} });
  for (let i = 0; recordingHost.events < LONG_TRACE_EVENTS; i++) {
    device.write(0, (i & 63) * 4, 4, Math.imul(i, 2654435761));
    device.read(0, ((i * 7) & 63) * 4, 4);
    if ((i & 15) === 0) {
      host.clock.advance(1000);
      handle.pulse(i & 16 ? 1 : 0);
      device.safePoint();
    }
  }
  device.close();
  return sink.bytes();
}

async function seeking() {
  const bytes = await longTrace();
  const opened = [];
  const seeks = [];
  let trace;
  for (let i = 0; i < 5; i++) {
    const start = nowMs();
    trace = Trace.open(bytes);
    opened.push(nowMs() - start);
  }
  const { events } = trace.totals;
  for (let i = 1; i <= 9; i++) {
    const target = Math.floor((events * i) / 10) + 1234;
    const start = nowMs();
    const cursor = trace.cursor(target);
    cursor.next();
    seeks.push(nowMs() - start);
    if (cursor.event.ordinal !== target) throw new Error('bench: the seek went elsewhere');
  }
  const walk = await TraceDebugger.start(trace);
  const states = [];
  // The first goes through cold code, which takes several times as long: it is the maximum.
  for (let i = 9; i >= 1; i--) {
    const start = nowMs();
    await walk.seek(Math.floor((events * i) / 10) + 1234);
    states.push(nowMs() - start);
  }
  const start = nowMs();
  const report = await replayCore(trace);
  const replayMs = nowMs() - start;
  if (!report.ok) throw new Error('bench: the replay differs');
  return { events, bytes: bytes.length, opened, seeks, states, replayMs };
}

const measurements = { recording, seeking };
const what = process.argv[2];
console.log(JSON.stringify(await measurements[what]()));
