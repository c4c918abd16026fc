import { expect, it } from 'vitest';
import { allocGuestRam } from '../../host/boundary/alloc-guest-ram';
import type { VfioHost } from '../../host/boundary/host';
import { openDevice } from '../../host/device/open';
import { DmaEngine, SimulatedHost, VirtualClock } from '../../host/sim';
import { MemorySink, record, replayDevice, Trace, trimTrace } from '../../host/trace';
import { deviceSteps } from '../../host/trace/device/steps';
import { OP_DMA_WRITE } from '../../host/trace/format/ops';
import { TraceWriter } from '../../host/trace/format/writer';

const AT_OPENING = 0x2000_0000;
const LATER = 0x3000_0000;
const REUSED = 0x4000_0000;

const MODE = 0x0c;
const DEVICE_TO_MEMORY = 2;
const DESTINATION = 0x18;
const LENGTH = 0x20;
const CONTROL = 0x04;

/** A driver that has the engine write to guest RAM that comes and goes. */
async function drive(host: VfioHost, clock: VirtualClock): Promise<Uint8Array[]> {
  const rams = Array.from({ length: 3 }, () => allocGuestRam(0x1000));
  const [first, second, third] = rams as [(typeof rams)[0], (typeof rams)[0], (typeof rams)[0]];
  const device = await openDevice(
    host,
    { host: 'dev', memoryBytes: 0x200000, dma: true },
    { clock, guestRam: [{ ...first, guestAddress: AT_OPENING, writable: true }] },
  );
  const copyTo = (iova: number) => {
    for (let at = 0; at < 16; at += 4) device.write(1, at, 4, iova + at + 1);
    device.write(0, MODE, 4, DEVICE_TO_MEMORY);
    device.write(0, DESTINATION, 4, iova);
    device.write(0, LENGTH, 4, 16);
    device.write(0, CONTROL, 4, 1);
    clock.advance(1e6);
    device.safePoint();
  };
  copyTo(AT_OPENING + 0x100);
  device.mapGuestRam(second, BigInt(LATER));
  copyTo(LATER + 0x200);
  device.unmapGuestRam(BigInt(LATER));
  // The second one's handle is free again.
  device.mapGuestRam(third, BigInt(REUSED));
  copyTo(REUSED + 0x300);
  copyTo(AT_OPENING + 0x400);
  device.close();
  return rams.map(({ bytes }) => bytes.slice());
}

async function recorded(): Promise<{ readonly trace: Trace; readonly rams: Uint8Array[] }> {
  const clock = new VirtualClock();
  const host = new SimulatedHost({ clock });
  host.addDevice({ name: 'dev', model: new DmaEngine() });
  const sink = new MemorySink();
  const rams = await drive(record(host, { uuid: 'dma', sink }), clock);
  return { trace: Trace.open(sink.bytes()), rams };
}

function writesOf(trace: Trace): number[] {
  return deviceSteps(trace).flatMap((step) => (step.kind === 'dma' ? [step.iova] : []));
}

it('a device made from a recording writes to guest RAM that was mapped later, and to what took its handle', async () => {
  const { trace, rams } = await recorded();
  expect(writesOf(trace)).toEqual([
    AT_OPENING + 0x100,
    LATER + 0x200,
    REUSED + 0x300,
    AT_OPENING + 0x400,
  ]);
  const clock = new VirtualClock();
  const host = new SimulatedHost({ clock });
  host.addDevice({ name: 'dev', model: replayDevice(trace, { matching: 'strict' }) });
  expect(await drive(host, clock)).toEqual(rams);
  expect(rams[1]?.some((byte) => byte !== 0)).toBe(true);
});

it('one made from a window knows the guest RAM that was mapped before it', async () => {
  const { trace } = await recorded();
  const eventOf = (name: string): number => {
    const cursor = trace.cursor();
    while (cursor.next() && cursor.event.name !== name);
    return cursor.event.ordinal;
  };
  const sink = new MemorySink();
  await trimTrace(trace, sink, {
    from: eventOf('mapGuestRam') + 3,
    to: eventOf('unmapGuestRam'),
  });
  expect(writesOf(Trace.open(sink.bytes()))).toEqual([LATER + 0x200]);
});

it('a write to guest RAM of which the trace says nothing is refused, not left out', async () => {
  const { trace } = await recorded();
  const sink = new MemorySink();
  const writer = new TraceWriter(sink, trace.header);
  writer.encoder.whole(OP_DMA_WRITE, 0, [5, 0x10], 0, new TextEncoder().encode('bytes'));
  writer.finish(0);
  expect(() => deviceSteps(Trace.open(sink.bytes()))).toThrow(
    expect.objectContaining({
      code: 'TRACE_UNSUPPORTED',
      message: expect.stringContaining('guest RAM 5'),
    }),
  );
});
