import { describe, expect, it } from 'vitest';
import { allocGuestRam } from '../../host/boundary/alloc-guest-ram';
import type { VfioHost } from '../../host/boundary/host';
import type { VfioPlatformDevice } from '../../host/device/device';
import { openDevice } from '../../host/device/open';
import type { DeviceOptions } from '../../host/options/options';
import {
  type DeviceModel,
  DmaEngine,
  MemoryDevice,
  SimulatedHost,
  VirtualClock,
} from '../../host/sim';
import {
  dumpTrace,
  MemorySink,
  type Recording,
  type RecordOptions,
  record,
  replayCore,
  replayHost,
  Trace,
  type TraceSink,
} from '../../host/trace';
import { ProbeDevice } from '../core/device/models';

const RAM_BASE = 0x2000_0000;

interface Setup {
  readonly clock: VirtualClock;
  readonly host: SimulatedHost;
  readonly sink: MemorySink;
}

function setUp(model: DeviceModel): Setup {
  const clock = new VirtualClock();
  const host = new SimulatedHost({ clock });
  host.addDevice({ name: 'dev', model });
  return { clock, host, sink: new MemorySink() };
}

/** The same kernel, which does not show what devices write to guest RAM: as a real one. */
function blind(host: VfioHost): VfioHost {
  const kernel = new Proxy(host.kernel, {
    get(target, name) {
      if (name === 'watchDma') return undefined;
      const value = Reflect.get(target, name, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
  return { kernel, sysfs: host.sysfs };
}

async function open(
  host: VfioHost,
  clock: VirtualClock,
  options: DeviceOptions = {},
): Promise<{ device: VfioPlatformDevice; ram: Uint8Array }> {
  const ram = allocGuestRam(0x10000);
  const device = await openDevice(
    host,
    { host: 'dev', memoryBytes: 0x200000, ...options },
    { clock, guestRam: [{ ...ram, guestAddress: RAM_BASE, writable: true }] },
  );
  return { device, ram: ram.bytes };
}

/** Has the DMA engine fill 64 bytes of guest RAM from its buffer. */
function transfer(device: VfioPlatformDevice, clock: VirtualClock): void {
  for (let i = 0; i < 64; i += 4) device.write(1, i, 4, 0x01010101 * (i + 1));
  device.write(0, 0x0c, 4, 2);
  device.write(0, 0x18, 4, RAM_BASE + 0x100);
  device.write(0, 0x20, 4, 64);
  device.write(0, 0x04, 4, 1);
  clock.advance(1e6);
  device.safePoint();
}

function names(trace: Trace): string[] {
  const lines = [...dumpTrace(trace, { format: 'json' })].slice(1);
  return lines.map((line) => JSON.parse(line).name);
}

describe('recording DMA', () => {
  it('has each write of the device, and a replay does it again', async () => {
    const { clock, host, sink } = setUp(new DmaEngine());
    const { device, ram } = await open(record(host, { uuid: 'dma', sink }), clock, { dma: true });
    transfer(device, clock);
    device.close();
    expect(ram.subarray(0x100, 0x140).every((byte) => byte !== 0)).toBe(true);

    const trace = Trace.open(sink.bytes());
    expect(trace.header.dma).toBe('exact');
    expect(names(trace)).toContain('dmaWrite');
    expect(await replayCore(trace)).toMatchObject({ ok: true });
    const again = new VirtualClock();
    const replayed = replayHost(trace);
    const second = await open(replayed, again, { dma: true });
    transfer(second.device, again);
    second.device.close();
    replayed.finish();
    expect(second.ram).toEqual(ram);
  });

  it('is refused on a host that cannot see it, with the way out', async () => {
    const { clock, host, sink } = setUp(new DmaEngine());
    const recording = record(blind(host), { uuid: 'dma', sink });
    await expect(open(recording, clock, { dma: true })).rejects.toMatchObject({
      code: 'DMA_NOT_RECORDABLE',
      message: expect.stringContaining("dma: 'at-sync'"),
    });
    expect(host.kernel.resources().fds).toBe(0);
    const trace = Trace.open(sink.bytes());
    expect(trace.header.dma).toBe('none');
    expect(trace.finalised).toBe(true);
  });

  it('at sync points has the pages that changed, and says that it is not exact', async () => {
    const { clock, host, sink } = setUp(new DmaEngine());
    const recording = record(blind(host), { uuid: 'dma', sink, dma: 'at-sync' });
    const { device } = await open(recording, clock, { dma: true });
    recording.sync('before');
    transfer(device, clock);
    recording.sync('after');
    device.close();
    const trace = Trace.open(sink.bytes());
    expect(trace.header.dma).toBe('at-sync');
    expect(names(trace).filter((name) => name === 'sync' || name === 'dmaWrite')).toEqual([
      'sync',
      'sync',
      'dmaWrite',
    ]);
    expect(() => replayHost(trace)).toThrow('sync points only');
    expect(await replayCore(trace)).toMatchObject({ ok: true });
  });
});

describe('recording', () => {
  it('makes accesses of memory that is really mapped visible, and changes nothing else', async () => {
    const run = async (wrap: (host: VfioHost) => VfioHost) => {
      const { clock, host, sink } = setUp(new MemoryDevice({ regions: [{ size: 4096 }] }));
      const { device } = await open(wrap(host), clock);
      const values: number[] = [];
      for (const width of [1, 2, 4]) {
        device.write(0, 8 * width, width, 0x89abcdef);
        values.push(device.read(0, 8 * width, width), device.read(0, 8 * width, 1));
      }
      values.push(Number(device.read64(0, 8)));
      const byHost = device.regions[0]?.mapped[0]?.byHost;
      device.close();
      return { values, byHost, sink };
    };
    const plain = await run((host) => host);
    const sink = new MemorySink();
    const recorded = await run((host) => record(host, { uuid: 'window', sink }));
    expect(plain.byHost).toBe(false);
    expect(recorded.values).toEqual(plain.values);
    expect(plain.values.slice(0, 2)).toEqual([0xef, 0xef]);
    const stat = names(Trace.open(sink.bytes()));
    expect(stat.filter((name) => name === 'read')).toHaveLength(6);
    expect(stat.filter((name) => name === 'write')).toHaveLength(3);
  });

  it('has an opening that fails, with the reason', async () => {
    const { clock, host, sink } = setUp(new MemoryDevice());
    host.kernel.faults.inject({ call: 'ioctl', errno: 5, skip: 3 });
    const failure = await open(record(host, { uuid: 'fails', sink }), clock).catch((e) => e);
    const trace = Trace.open(sink.bytes());
    expect(trace.finalised).toBe(true);
    expect(trace.device).toBeUndefined();
    const last = [...dumpTrace(trace)].at(-1);
    expect(last).toContain(`end of openDevice !! ${failure.code}`);
    expect(await replayCore(trace)).toMatchObject({ ok: true });
    await expect(open(replayHost(trace), new VirtualClock())).rejects.toMatchObject({
      code: failure.code,
      errno: failure.errno,
    });
  });

  it('that is broken off opens up to what was flushed, and says so', async () => {
    const { clock, host, sink } = setUp(new MemoryDevice());
    const recording = record(host, { uuid: 'cut', sink });
    const { device } = await open(recording, clock);
    for (let i = 0; i < 100; i++) device.read(0, i * 4, 4);
    recording.flush();
    const trace = Trace.open(sink.bytes());
    expect(trace.finalised).toBe(false);
    expect(trace.cut?.reason).toContain('not ended');
    expect(trace.totals.accesses).toBe(100);
    expect(trace.totals.events).toBe(recording.events);
    expect(await replayCore(trace)).toMatchObject({ ok: false, divergence: undefined });
    device.close();
    expect(Trace.open(sink.bytes()).finalised).toBe(true);
  });

  it('can be ended while the device works on', async () => {
    const { clock, host, sink } = setUp(new MemoryDevice());
    const recording = record(host, { uuid: 'ended', sink });
    const { device } = await open(recording, clock);
    device.write(0, 0, 4, 7);
    recording.finish();
    expect(device.read(0, 0, 4)).toBe(7);
    device.close();
    const trace = Trace.open(sink.bytes());
    expect(trace.finalised).toBe(true);
    expect(trace.totals.accesses).toBe(1);
    expect(await replayCore(trace)).toMatchObject({ ok: true });
  });

  it('that cannot be written ends, tells why, and leaves the device alone', async () => {
    const { clock, host } = setUp(new MemoryDevice());
    let room = 3000;
    const full: TraceSink = {
      write(bytes) {
        room -= bytes.length;
        if (room < 0) throw new Error('no space left');
      },
    };
    const problems: string[] = [];
    const options: RecordOptions = {
      uuid: 'full',
      sink: full,
      chunkBytes: 500,
      onProblem: (device, { code }) => problems.push(`${device} ${code}`),
    };
    const recording: Recording = record(host, options);
    const { device } = await open(recording, clock);
    for (let i = 0; i < 5000; i++) device.write(0, (i * 4) % 4096, 4, Math.imul(i, 2654435761));
    device.write(0, 0, 4, 77);
    expect(device.read(0, 0, 4)).toBe(77);
    device.close();
    expect(problems).toEqual(['dev TRACE_SINK']);
    expect(() => recording.finish()).toThrow('cannot be written');
  });
});

describe('replaying', () => {
  async function recorded(options: DeviceOptions = {}): Promise<Trace> {
    const { clock, host, sink } = setUp(new MemoryDevice());
    const { device } = await open(record(host, { uuid: 'one', sink }), clock, options);
    device.write(0, 0, 4, 7);
    device.read(0, 0, 4);
    device.close();
    return Trace.open(sink.bytes());
  }

  it('with another option names it', async () => {
    const trace = await recorded();
    const opening = open(replayHost(trace), new VirtualClock(), { policy: 'qemu' });
    await expect(opening).rejects.toMatchObject({
      code: 'TRACE_MISMATCH',
      message: expect.stringContaining('option policy'),
    });
  });

  it.each([0x60000, 0x4000000])(
    'with other memory (%s bytes), which no guest can tell, is the same',
    async (memoryBytes) => {
      const trace = await recorded({ memoryBytes: 0x200000 });
      const { device } = await open(replayHost(trace), new VirtualClock(), { memoryBytes });
      device.write(0, 0, 4, 7);
      expect(device.read(0, 0, 4)).toBe(7);
      device.close();
    },
  );

  it('a guest that does something else is told what was recorded', async () => {
    const { device } = await open(replayHost(await recorded()), new VirtualClock());
    expect(() => device.write(0, 0, 4, 8)).toThrow(
      expect.objectContaining({
        code: 'TRACE_DIVERGED',
        divergence: expect.objectContaining({
          expected: expect.stringContaining('write region=0 offset=0 width=4 value=7'),
          actual: expect.stringContaining('write region=0 offset=0 width=4 value=8'),
        }),
      }),
    );
  });

  it('a guest that stops early is told so', async () => {
    const host = replayHost(await recorded());
    const { device } = await open(host, new VirtualClock());
    device.write(0, 0, 4, 7);
    expect(host.ended).toBe(false);
    expect(() => host.finish()).toThrow('the end of the run');
  });

  it('a device of which there is no recording is not found', async () => {
    const host = replayHost(await recorded());
    await expect(
      openDevice(host, { host: 'other' }, { clock: new VirtualClock() }),
    ).rejects.toMatchObject({ code: 'DEVICE_NOT_FOUND' });
  });
});

it('traps what a machine that maps the device would trap: what cannot be mapped', async () => {
  const clock = new VirtualClock();
  const host = new SimulatedHost({ clock });
  const regions = [
    { size: 0x1000, mappable: true },
    { size: 0x1000, mappable: false },
  ];
  host.addDevice({ name: 'dev', model: new ProbeDevice({ regions }) });
  const sink = new MemorySink();
  const device = await openDevice(
    record(host, { uuid: 'it', sink }),
    { host: 'dev' },
    { clock, setDirectMapping() {} },
  );
  for (const region of [0, 1]) {
    expect(device.read(region, 0, 4)).toBe(0x03020100);
    device.write(region, 0, 4, 1);
  }
  expect(device.statistics).toMatchObject({ reads: 1, writes: 1 });
  device.close();
  expect(await replayCore(Trace.open(sink.bytes()))).toMatchObject({ ok: true });
});
