import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { EFFECT_MORE } from '../../../assembly/boundary/effects';
import * as options from '../../../assembly/boundary/options';
import { MAX_EFFECTS, MAX_LINES } from '../../../assembly/limits';
import * as layout from '../../../assembly/state/layout';
import { HostPort } from '../../../host/boundary/port';
import { instantiateCore, WINDOW_START } from '../../../host/core/core';
import type { CoreMemory } from '../../../host/core/core-memory';
import { recordFields, stateBlocks } from '../../../host/core/fields';
import { EffectPump } from '../../../host/device/effect-pump';
import { LineTargets } from '../../../host/device/line-targets';
import { locate } from '../../../host/locate/locate';
import { parseOptions } from '../../../host/options/parse-options';
import { MemoryDevice } from '../../../host/sim/models/memory';
import { coreModule } from '../../support/core';
import { edges, ProbeDevice } from '../device/models';
import { Rig, SMALL_MEMORY } from '../device/rig';

const records = readFileSync(
  new URL('../../../assembly/state/records.ts', import.meta.url),
  'utf8',
);

/** Fields of each record class, with their types. */
const classes = new Map(
  [...records.matchAll(/^export class (\w+) \{([^}]*)\}/gm)].map(([, name = '', body = '']) => [
    name,
    [...body.matchAll(/^ {2}(\w+): (\w+);/gm)].map(([, field = '', type = '']) => ({
      field,
      type,
    })),
  ]),
);

describe('the fields that the host reads by name', () => {
  test.each(Object.entries(recordFields))(
    'of %s are those of the record, in order',
    (name, fields) => {
      const record = classes.get(name);
      expect(record?.map(({ field }) => field)).toEqual(fields);
      expect(record?.filter(({ type }) => type !== 'u32' && type !== 'i32')).toEqual([]);
    },
  );

  test('leave out only records that the host reads otherwise', () => {
    const left = [...classes.keys()].filter((name) => !(name in recordFields));
    expect(left.sort()).toEqual([
      'AccessReport',
      'ConfigRecord',
      'DmaRecord',
      'LineTiming',
      'RuleRecord',
      'VolatileRecord',
    ]);
  });

  test('fill whole strides where records follow one another', () => {
    expect(recordFields.LineRecord.length * 4).toBe(layout.LINE_STRIDE);
    expect(recordFields.LineStatistics.length * 4).toBe(layout.LINE_STATISTICS_STRIDE);
    expect(recordFields.AreaRecord.length * 4).toBe(layout.AREA_STRIDE);
    expect(recordFields.LineBinding.length * 4).toBeLessThanOrEqual(layout.LINE_BINDING_STRIDE);
    expect(recordFields.RegionRecord.length * 4).toBeLessThanOrEqual(layout.REGION_STRIDE);
  });
});

describe('the state blocks', () => {
  test('cover the state without gaps and overlaps', () => {
    let at: number = layout.STATE_START;
    for (const { address, bytes } of stateBlocks) {
      expect(address).toBe(at);
      expect(bytes).toBeGreaterThan(0);
      at = address + bytes;
    }
    expect(at).toBe(layout.STATE_END);
    expect(new Set(stateBlocks.map(({ name }) => name)).size).toBe(stateBlocks.length);
  });

  test('of the interrupt machine are what a snapshot takes', () => {
    const machine = stateBlocks.filter((block) => block.machine);
    expect(machine[0]?.address).toBe(layout.MACHINE);
    const bytes = machine.reduce((sum, block) => sum + block.bytes, 0);
    expect(bytes).toBe(layout.LINES + MAX_LINES * layout.LINE_STRIDE - layout.MACHINE);
  });

  test('end before the windows and before what the compiler puts into memory', () => {
    expect(layout.STATE_END).toBeLessThanOrEqual(WINDOW_START);
    const { options: compiler } = JSON.parse(
      readFileSync(new URL('../../../asconfig.json', import.meta.url), 'utf8'),
    );
    if (compiler.memoryBase !== undefined) {
      expect(compiler.memoryBase).toBeGreaterThanOrEqual(layout.STATE_END);
    }
  });
});

describe('snapshots', () => {
  test('never touch a window that the host performs', async () => {
    const rig = new Rig();
    const { model } = rig.add(new ProbeDevice({ lines: edges(2) }));
    const { device } = await rig.start();
    expect(device.regions[0]?.mapped[0]?.byHost).toBe(true);
    model.take();
    device.restore(device.snapshot());
    void [device.lines, device.regions, device.statistics];
    expect(model.take()).toEqual([]);
  });

  test('do not depend on what lies in mapped memory', async () => {
    const rig = new Rig();
    const { model } = rig.add(new MemoryDevice());
    const { device } = await rig.start();
    expect(device.regions[0]?.mapped[0]?.byHost).toBe(false);
    const before = device.snapshot();
    model.bytes(0).fill(0xa5);
    expect(device.snapshot()).toEqual(before);
    device.restore(before);
    expect(model.bytes(0).every((byte) => byte === 0xa5)).toBe(true);
  });
});

/** A core on a simulated host of which nobody applies the effects. */
function rawCore(lines: number, trace: boolean) {
  const rig = new Rig();
  const placed = rig.add(new ProbeDevice({ lines: edges(lines) }));
  const location = locate(rig.host.sysfs, parseOptions({ host: 'dev' }));
  const port = new HostPort(rig.host, location);
  const core = instantiateCore(coreModule, port.imports(), SMALL_MEMORY);
  port.setMemory(core.memory);
  const settings: readonly [key: number, value: number][] = [
    [options.OPTION_UNMASK_ATTEMPTS, 16],
    [options.OPTION_ACCESS_WIDTHS, 0x116],
    [options.OPTION_DEFAULT_EOI, options.EOI_ACCESS],
    [options.OPTION_TRACE, trace ? 1 : 0],
    [options.OPTION_WINDOW_START, WINDOW_START],
    [options.OPTION_WINDOW_END, core.memory.bytes.length],
  ];
  for (const [key, value] of settings) expect(core.exports.configure(key, value)).toBe(0);
  expect(core.exports.attach(options.BACKEND_GROUP)).toBe(0);
  expect(core.exports.openDevice(0)).toBe(0);
  for (let line = 0; line < lines; line++) expect(core.exports.armLine(line)).toBe(0);
  return { ...core, placed };
}

/** Where a field of VolatileRecord lies, by the sizes of those before it. */
function volatileField(name: string): number {
  let at: number = layout.VOLATILE;
  for (const { field, type } of classes.get('VolatileRecord') ?? []) {
    if (type === 'f64') at = Math.ceil(at / 8) * 8;
    if (field === name) return at;
    at += type === 'f64' ? 8 : 4;
  }
  throw new Error(`VolatileRecord has no ${name}`);
}

const EFFECTS_LOST = volatileField('effectsLost');

/** Applies what waits, and tells how many effects that were. */
function applyAll(memory: CoreMemory, lines: number): { up: number[]; numbered: number } {
  const seen = { up: [] as number[], numbered: 0 };
  const handler = {
    port: { unmask: () => 0 },
    unmaskFailed() {},
    mayUnmask: () => true,
    numbered: () => void seen.numbered++,
    drained() {},
  };
  const targets = new LineTargets(lines);
  const pump = new EffectPump(memory.signedWords, handler, targets);
  for (let line = 0; line < lines; line++) {
    targets.connect(line, { up: () => void seen.up.push(line), down() {} });
  }
  pump.run();
  return seen;
}

/** The blocks that a full ring must not change. */
function still(memory: CoreMemory): Record<string, number[]> {
  const busy = ['volatile', 'effects', 'device statistics', 'scratch'];
  return Object.fromEntries(
    stateBlocks
      .filter(({ name }) => !busy.includes(name))
      .map(({ name, address, bytes }) => [
        name,
        [...memory.bytes.subarray(address, address + bytes)],
      ]),
  );
}

describe('a host that never applies effects', () => {
  test('loses the newest, which are counted, and nothing else changes', () => {
    const { exports, memory } = rawCore(2, true);
    const before = still(memory);
    for (let i = 0; memory.word(EFFECTS_LOST) === 0; i++) {
      expect(i).toBeLessThanOrEqual(MAX_EFFECTS + 1);
      exports.read(0, 0, 4);
    }
    const ring = memory.bytes.slice(layout.EFFECTS, layout.EFFECTS + MAX_EFFECTS * 4);
    for (let i = 0; i < 1000; i++) exports.read(0, 0, 4);
    expect(memory.word(EFFECTS_LOST)).toBe(1001);
    expect(memory.bytes.slice(layout.EFFECTS, layout.EFFECTS + MAX_EFFECTS * 4)).toEqual(ring);
    expect(still(memory)).toEqual(before);
    expect(exports.close()).toBe(0);
  });

  test('finds all that were not lost when it applies them at last, and a core that serves it', () => {
    const { exports, memory } = rawCore(1, true);
    applyAll(memory, 1);
    for (let i = 0; i < MAX_EFFECTS + 100; i++) exports.read(0, 0, 4);
    const lost = memory.word(EFFECTS_LOST);
    expect(lost).toBeGreaterThan(0);
    expect(applyAll(memory, 1).numbered).toBe(MAX_EFFECTS + 100 - lost);
    // With tracing on no effect is returned by itself.
    expect(exports.signal(0, 1)).toBe(EFFECT_MORE);
    expect(applyAll(memory, 1).up).toEqual([0]);
    expect(exports.close()).toBe(0);
  });

  test('completes no line that it has not seen go up', () => {
    const { exports, memory } = rawCore(1, false);
    // A refused access, of which it is told first.
    exports.read(1, 0, 4);
    expect(exports.signal(0, 1)).toBe(EFFECT_MORE);
    for (let i = 0; i < 100; i++) exports.read(0, 0, 4);
    expect(memory.word(layout.LINES)).toBe(options.LINE_ACTIVE);
    expect(applyAll(memory, 1).up).toEqual([0]);
    exports.read(0, 0, 4);
    expect(memory.word(layout.LINES)).toBe(options.LINE_INACTIVE);
    expect(exports.close()).toBe(0);
  });
});

describe('the exports of the core', () => {
  test('answer any number in any phase without a trap', () => {
    const { exports } = rawCore(1, false);
    const odd = [0, 1, -1, 7, 0x7fffffff, -0x80000000, Number.NaN];
    const calls = Object.entries(exports).filter(
      ([name, value]) => typeof value === 'function' && !/^(close|attach|configure|__)/.test(name),
    ) as [string, (...numbers: number[]) => unknown][];
    expect(calls.length).toBeGreaterThan(20);
    const everything = () => {
      for (const [name, call] of calls) {
        for (const a of odd) {
          for (const b of odd) {
            expect(() => call(a, b, b, a, b, a, b, a), `${name}(${a}, ${b}, …)`).not.toThrow();
          }
        }
      }
    };
    everything();
    expect(exports.close()).toBe(0);
    everything();
    expect(exports.close()).toBe(0);
  });
});
