import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { EXIT_INTERRUPTED, EXIT_OK } from '../../host/cli/exit-codes';
import { Trace } from '../../host/trace/index';
import { start, until } from '../guest/command-line';
import { askBoard } from '../guest/ports';
import { prepareDevices } from '../guest/rig';
import type { Replayed, UartTaken } from '../protocol';
import { board } from '../scenarios/scenario';

const FIRMWARE = '/lab/firmware/stories.bin';
/** Where the firmware looks for them (firmware/README.md). */
const DEVICES = [
  `${board.rtc},region0=0x60000000,line0=20`,
  `${board.gpio},region0=0x60004000,line0=21`,
  `${board.uart},region0=0x60008000,line0=22,noiommu`,
].flatMap((device) => ['--device', device]);
/** What the firmware says first: its UART is the board's own. */
const FIRST_LINE = /^id pl031=00141031 pl061=00041061 pl011=[0-9a-f]{8}$/m;

const folder = mkdtempSync(join(tmpdir(), 'traces-'));
after(() => rmSync(folder, { recursive: true }));

/** What has come out of the board's UART, since the last test. */
function listen(): () => string {
  askBoard({ do: 'uart-taken' });
  let heard = '';
  return () => {
    heard += (askBoard({ do: 'uart-taken' }) as UartTaken).text;
    return heard;
  };
}

before(prepareDevices);

describe('vfio-wasm with a guest on real devices', () => {
  it('runs it, and tells what it did with them', async () => {
    const heard = listen();
    const limit = ['--limit', '0.02', '--json'];
    const { code, out, error } = await start('run', FIRMWARE, ...DEVICES, ...limit).ended;
    assert.equal(code, EXIT_OK, error);
    const { end, guestNs, devices } = JSON.parse(out);
    assert.equal(end, 'limit');
    assert.equal(guestNs, 20e6);
    assert.match(heard(), FIRST_LINE);
    const [rtc, gpio, uart] = devices;
    assert.deepEqual([rtc.name, gpio.name, uart.name], [board.rtc, board.gpio, board.uart]);
    assert.ok(rtc.reads > 8, `${rtc.reads} reads`);
    assert.ok(uart.writes > 50, `${uart.writes} writes`);
    for (const { failed, refused } of devices) assert.deepEqual([failed, refused], [0, 0]);
  });

  it('records it, and Ctrl-C leaves whole recordings, which replay elsewhere', async () => {
    const heard = listen();
    const files = ['--output', join(folder, '%.vfiotrace'), '--limit', '1000'];
    const { child, ended } = start('record', FIRMWARE, ...DEVICES, ...files);
    await until('a guest that runs', () => FIRST_LINE.test(heard()));
    child.kill('SIGINT');
    const { code, error } = await ended;
    assert.equal(code, EXIT_INTERRUPTED, error);
    const names = readdirSync(folder).sort();
    assert.deepEqual(
      names,
      [board.rtc, board.gpio, board.uart].map((name) => `${name}.vfiotrace`).sort(),
    );
    for (const name of names) {
      const bytes = readFileSync(join(folder, name));
      const trace = Trace.open(bytes);
      assert.equal(trace.finalised, true);
      assert.equal(trace.cut, undefined);
      const trace64 = bytes.toString('base64');
      const replayed = askBoard({ do: 'replay', trace: trace64 }) as Replayed;
      assert.equal(replayed.divergence, undefined);
      assert.equal(replayed.events, trace.totals.events);
      assert.ok(replayed.identical);
      console.log(`${name}: ${replayed.events} events, ${bytes.length} bytes`);
    }
  });
});
