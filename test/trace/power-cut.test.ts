import { createHash } from 'node:crypto';
import type { RP2040 } from 'rp2040js';
import { beforeAll, describe, expect, it } from 'vitest';
import type { VfioError } from '../../host/errors';
import {
  type BootGuest,
  MachineDebugger,
  type MemorySink,
  replayHost,
  Trace,
} from '../../host/trace';
import type { PlacedChunk } from '../../host/trace/format/chunk';
import { bootFirmwareOn, recordingInto, simulatedBoard } from './firmware-world';

const MS = 1e6;
let chip: RP2040;
/** As the files are found after a power cut: each device's up to its last whole chunk. */
let found: Trace[];

const boot: BootGuest = async (host) => {
  const guest = await bootFirmwareOn(() => host);
  chip = guest.chip;
  return guest;
};

/** What has reached the sinks after so much of the run. */
async function powerCut(afterNs: number, chunkBytes = 300): Promise<Trace[]> {
  const sinks = new Map<string, MemorySink>();
  const guest = await bootFirmwareOn((machine) =>
    recordingInto(sinks, simulatedBoard(machine), { chunkBytes }),
  );
  guest.run(() => false, afterNs);
  const traces = [...sinks.values()].map((sink) => Trace.open(sink.bytes().slice()));
  guest.dispose();
  return traces;
}

/** A whole run, a chunk for each event: the first recording's bytes, to cut, and the others'. */
async function recordedInSmallChunks() {
  const sinks = new Map<string, MemorySink>();
  const guest = await bootFirmwareOn((machine) =>
    recordingInto(sinks, simulatedBoard(machine), { chunkBytes: 1 }),
  );
  guest.run(() => false, 8 * MS);
  guest.dispose();
  const [bytes, ...others] = [...sinks.values()].map((sink) => sink.bytes().slice());
  return { bytes: bytes as Uint8Array, others };
}

function lastTimeNs(trace: Trace): number {
  let timeNs = 0;
  for (const cursor = trace.cursor(); cursor.next(); ) timeNs = cursor.event.timeNs;
  return timeNs;
}

function firstCut(traces: readonly Trace[]): Trace {
  return [...traces].sort((a, b) => lastTimeNs(a) - lastTimeNs(b))[0] as Trace;
}

/**
 * Chunks that begin inside what one instruction does, where each call is a chunk: a handler makes
 * two, the second to see whether the line is still high.
 */
function lostInside(trace: Trace): PlacedChunk[] {
  return trace.chunks.filter(({ firstEvent }) => {
    const cursor = trace.cursor(firstEvent - 1);
    const before = cursor.next() ? cursor.event.timeNs : -1;
    return firstEvent > 60 && cursor.next() && cursor.event.timeNs === before;
  });
}

function view(at: MachineDebugger): string {
  const sram = createHash('sha256').update(chip.sram).digest('hex');
  return JSON.stringify([at.position, at.timeNs, at.step, chip.core.PC, sram, at.device?.lines]);
}

beforeAll(async () => {
  found = await powerCut(20 * MS);
});

describe('recordings of several devices that a power cut has ended', () => {
  it('end at different times', () => {
    expect(found.map(({ finalised }) => finalised)).toEqual([false, false, false]);
    expect(new Set(found.map(lastTimeNs)).size).toBe(3);
  });

  it('replay in the machine up to where the first of them ends, which the error names', async () => {
    const first = firstCut(found);
    const host = replayHost(found);
    const guest = await bootFirmwareOn(() => host);
    let ended: VfioError | undefined;
    try {
      guest.run(() => false, 30 * MS);
    } catch (error) {
      ended = error as VfioError;
    }
    const { name } = first.header.device;
    expect(ended).toMatchObject({
      code: 'TRACE_ENDED',
      device: name,
      message: expect.stringMatching(
        `^${name}: the recording ends here, at ${lastTimeNs(first)} ns`,
      ),
    });
    expect(guest.machine.clock.nowNs()).toBeGreaterThanOrEqual(lastTimeNs(first));
    // Every device has a safe point 20 us later at most.
    expect(guest.machine.clock.nowNs()).toBeLessThan(lastTimeNs(first) + 40_000);
    expect(host.ended).toBe(true);
    expect(host.endedBy).toBe(first);
    host.finish();
    guest.dispose();
  });

  it('end for the other devices as well: what the guest does next may come from what is lost', async () => {
    const first = firstCut(found);
    const host = replayHost(found);
    const guest = await bootFirmwareOn(() => host);
    guest.run(() => host.ended, 30 * MS);
    expect(host.endedBy).toBe(first);
    const other = guest.devices.find(({ name }) => name !== first.header.device.name);
    const reading = new Promise((_, reject) => {
      guest.machine.clock.setTimer(1, () => {
        try {
          other?.read(0, 0, 4);
        } catch (error) {
          reject(error);
        }
      });
    });
    expect(() => guest.run(() => false, MS)).toThrow('the recording ends here');
    await expect(reading).rejects.toMatchObject({
      code: 'TRACE_ENDED',
      device: first.header.device.name,
    });
    guest.dispose();
  });

  it.each([0, 1, 2])('are walked to the first end, whichever is looked at (%i)', async (index) => {
    const walk = found[index] as Trace;
    const first = firstCut(found);
    const at = await MachineDebugger.start(found, boot, { walk, interval: 100 });
    expect(at.endedBy).toBeUndefined();
    const views = new Map([[at.position, view(at)]]);
    while (at.stepForward()) views.set(at.position, view(at));
    expect(at.ended).toBe(true);
    expect(at.endedBy).toBe(first);
    expect(at.timeNs).toBeLessThan(lastTimeNs(first) + 40_000);
    const [middle, end] = [Math.floor(at.position / 2), at.position];
    await at.seek(middle);
    expect(at.ended).toBe(false);
    expect(at.endedBy).toBeUndefined();
    expect(view(at)).toBe(views.get(at.position));
    await at.seek(Number.POSITIVE_INFINITY);
    expect(at.position).toBe(end);
    expect(at.endedBy).toBe(first);
    expect(at.stepForward()).toBe(false);
    expect(await at.stepBack()).toBe(true);
    expect(at.position).toBeLessThan(end);
    at.dispose();
  });

  it('end well wherever the power goes, also inside what one instruction does', async () => {
    for (let us = 1; us < 400; us += 19) {
      const traces = await powerCut(3 * MS + us * 1000, 1 + (us % 5) * 40);
      const [walk] = traces as [Trace];
      const at = await MachineDebugger.start(traces, boot, { walk });
      await at.seek(Number.POSITIVE_INFINITY);
      expect(at.ended).toBe(true);
      expect(at.endedBy).toBe(firstCut(traces));
      const end = view(at);
      expect(at.stepForward()).toBe(false);
      expect(view(at)).toBe(end);
      at.dispose();
    }
  });

  it('end before the instruction of which a part is lost', async () => {
    const { bytes, others } = await recordedInSmallChunks();
    const whole = Trace.open(bytes);
    const inside = lostInside(whole);
    expect(inside.length).toBeGreaterThan(5);
    for (const { at: end, firstEvent } of inside.slice(0, 12)) {
      const cut = Trace.open(bytes.subarray(0, end));
      const traces = [cut, ...others.map((other) => Trace.open(other))];
      const at = await MachineDebugger.start(traces, boot, { interval: 30 });
      while (at.stepForward());
      expect(at.endedBy).toBe(cut);
      expect(at.position).toBeLessThanOrEqual(firstEvent);
      const stepped = view(at);
      await at.seek(0);
      expect(at.endedBy).toBeUndefined();
      await at.seek(Number.POSITIVE_INFINITY);
      expect(view(at)).toBe(stepped);
      expect(at.endedBy).toBe(cut);
      at.dispose();
    }
  });

  it('are an error to step into where the machine cannot go back at once, and a seek stands before it', async () => {
    const { bytes, others } = await recordedInSmallChunks();
    let errors = 0;
    for (const { at: end, firstEvent } of lostInside(Trace.open(bytes)).slice(0, 4)) {
      const cut = Trace.open(bytes.subarray(0, end));
      const traces = [cut, ...others.map((other) => Trace.open(other))];
      const at = await MachineDebugger.start(traces, async (host) => {
        const forgetful = await boot(host);
        // As of a machine whose PIO runs.
        (chip.pio[0] as { stopped: boolean }).stopped = false;
        return forgetful;
      });
      try {
        while (at.stepForward());
      } catch (error) {
        expect(error).toMatchObject({ code: 'TRACE_ENDED', device: cut.header.device.name });
        errors++;
      }
      await at.seek(Number.POSITIVE_INFINITY);
      expect(at.endedBy).toBe(cut);
      expect(at.position).toBeLessThanOrEqual(firstEvent);
      expect(at.stepForward()).toBe(false);
      at.dispose();
    }
    expect(errors).toBeGreaterThan(0);
  });

  describe('are whole where a device was closed before, though its file lacks its end', () => {
    /** One device's file is without its end chunk; it was closed at the end, or a millisecond in. */
    async function endless(index: number, unplugged: boolean): Promise<Trace[]> {
      const sinks = new Map<string, MemorySink>();
      const guest = await bootFirmwareOn((machine) =>
        recordingInto(sinks, simulatedBoard(machine)),
      );
      guest.run(() => false, MS);
      if (unplugged) guest.plugged[index]?.unplug();
      guest.run(() => false, MS);
      guest.dispose();
      const traces = [...sinks.values()].map((sink, at) =>
        Trace.open(sink.bytes().slice(0, at === index ? -1 : undefined)),
      );
      expect(traces.map(({ finalised }) => finalised)).toEqual([0, 1, 2].map((at) => at !== index));
      return traces;
    }

    it.each([
      [0, false],
      [1, false],
      [2, false],
      [0, true],
      [1, true],
      [2, true],
    ])('in the machine (%i, unplugged in mid-run: %s)', async (index, unplugged) => {
      const host = replayHost(await endless(index, unplugged));
      const guest = await bootFirmwareOn(() => host);
      guest.run(() => false, MS);
      if (unplugged) guest.plugged[index]?.unplug();
      guest.run(() => false, MS);
      expect(host.ended).toBe(false);
      guest.dispose();
      host.finish();
      expect(host.ended).toBe(true);
      expect(host.endedBy).toBeUndefined();
    });

    it('for a debugger', async () => {
      const at = await MachineDebugger.start(await endless(1, true), boot);
      await at.seek(Number.POSITIVE_INFINITY);
      expect(at.endedBy).toBeUndefined();
      expect(at.next?.name).toBe('close');
      expect(at.timeNs).toBeGreaterThan(1.9 * MS);
      at.dispose();
    });
  });
});
