import { describe, expect, it } from 'vitest';
import { allocGuestRam } from '../../host/boundary/alloc-guest-ram';
import type { VfioHost } from '../../host/boundary/host';
import { openDevice } from '../../host/device/open';
import { DmaEngine, SimulatedHost, VirtualClock } from '../../host/sim';
import {
  DivergenceError,
  MemorySink,
  record,
  replayCore,
  replayHost,
  Trace,
  TraceWriter,
} from '../../host/trace';
import { OP_DMA_WRITE } from '../../host/trace/format/ops';
import { EventCopier } from '../../host/trace/tools/copy';

const RAM = 0x2000_0000;

/** A driver that has the engine copy 16 bytes of its own memory to guest RAM. */
async function drive(host: VfioHost, clock: VirtualClock): Promise<Uint8Array> {
  const ram = allocGuestRam(0x1000);
  const device = await openDevice(
    host,
    { host: 'dev', memoryBytes: 0x200000, dma: true },
    { clock, guestRam: [{ ...ram, guestAddress: RAM, writable: true }] },
  );
  for (let at = 0; at < 16; at += 4) device.write(1, at, 4, at + 1);
  device.write(0, 0x0c, 4, 2);
  device.write(0, 0x18, 4, RAM + 0x100);
  device.write(0, 0x20, 4, 16);
  device.write(0, 0x04, 4, 1);
  clock.advance(1e6);
  device.safePoint();
  device.close();
  return ram.bytes;
}

async function recorded(): Promise<Trace> {
  const clock = new VirtualClock();
  const host = new SimulatedHost({ clock });
  host.addDevice({ name: 'dev', model: new DmaEngine() });
  const sink = new MemorySink();
  await drive(record(host, { uuid: 'dma', sink }), clock);
  return Trace.open(sink.bytes());
}

/** The same recording, but its DMA goes to guest RAM `handle`. */
function withHandle(trace: Trace, handle: number): { trace: Trace; event: number } {
  const sink = new MemorySink();
  const writer = new TraceWriter(sink, trace.header);
  const copier = new EventCopier(writer);
  const cursor = trace.cursor();
  let event = -1;
  while (cursor.next()) {
    if (cursor.event.op === OP_DMA_WRITE) {
      event = cursor.event.ordinal;
      cursor.event.args[0] = handle;
    }
    copier.copy(cursor.event);
  }
  copier.finish();
  return { trace: Trace.open(sink.bytes()), event };
}

describe('a DMA write to guest RAM that is not mapped', () => {
  it('is none where it is mapped', async () => {
    const trace = await recorded();
    const { trace: same } = withHandle(trace, 0);
    const { ok } = await replayCore(same);
    const cursor = trace.cursor();
    while (cursor.next() && cursor.event.op !== OP_DMA_WRITE);
    expect(cursor.event.args[0]).toBe(0);
    expect(ok).toBe(true);
  });

  it('is the difference that a core replay reports, at the write itself', async () => {
    const { trace, event } = withHandle(await recorded(), 7);
    const { ok, divergence } = await replayCore(trace);
    expect(ok).toBe(false);
    expect(divergence).toMatchObject({
      event,
      expected: expect.stringContaining('dmaWrite ram=7 offset=0x100'),
      actual: 'no guest RAM 7 is mapped that the device could write to',
    });
  });

  it('is thrown out of a machine replay, and changes no memory', async () => {
    const { trace, event } = withHandle(await recorded(), 7);
    const error = await drive(replayHost(trace), new VirtualClock()).catch((thrown) => thrown);
    expect(error).toBeInstanceOf(DivergenceError);
    expect((error as DivergenceError).divergence).toMatchObject({
      event,
      actual: expect.stringContaining('no guest RAM 7 is mapped'),
    });
    expect((await drive(replayHost(await recorded()), new VirtualClock())).some(Boolean)).toBe(
      true,
    );
  });
});
