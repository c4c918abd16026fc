import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import * as root from '../../host';
import { type ConformanceSubject, conformanceChecks } from '../../host/machines/conformance';
import type { Machine } from '../../host/machines/contract';
import { Pl031 } from '../../host/sim/models';
import { SimulatedHost } from '../../host/sim/simulated-host';
import { ToyEmulator } from './toy-emulator';

const guide = readFileSync(new URL('../../docs/embedding.md', import.meta.url), 'utf8');
const blocks = [...guide.matchAll(/```js\n([\s\S]*?)```/g)].map(([, text]) => text as string);
const [adapter, plugging, subject, loop] = blocks as [string, string, string, string];

/** Runs code of the guide with what it imports. */
function evaluate<T>(code: string, scope: Record<string, unknown>, result: string): T {
  const body = code.replace(/^import .*\n/gm, '').replace(/^export /gm, '');
  return new Function(...Object.keys(scope), `${body}; return ${result};`)(
    ...Object.values(scope),
  ) as T;
}

const toyMachine = evaluate<(emulator: ToyEmulator) => Machine>(adapter, root, 'toyMachine');
const toySubject = (machineOf = toyMachine) =>
  evaluate<ConformanceSubject>(
    subject,
    { ToyEmulator, toyMachine: machineOf, conformanceChecks },
    'subject',
  );

it('the guide has its four pieces of code, and an adapter of about 60 lines', () => {
  expect(blocks.length).toBe(4);
  const lines = adapter.split('\n').filter((line) => /\S/.test(line)).length;
  expect(lines).toBeGreaterThan(40);
  expect(lines).toBeLessThanOrEqual(75);
});

describe('the adapter of the guide', () => {
  for (const { name, run } of conformanceChecks(toySubject())) it(name, run);

  it('takes a device in as the guide says', async () => {
    const emulator = new ToyEmulator();
    const machine = toyMachine(emulator);
    const host = new SimulatedHost({ clock: machine.clock });
    host.addDevice({ name: '9010000.pl031', bus: 'amba', model: new Pl031() });
    const call = evaluate<() => Promise<{ device: root.VfioPlatformDevice; unplug(): void }>>(
      `const run = async () => { ${plugging} return { device, unplug }; }`,
      { plug: root.plug, host, toyMachine: () => machine, emulator },
      'run',
    );
    const { device, unplug } = await call();
    expect(emulator.load(0x4000_0fe0, 4)).toBe(0x31);
    unplug();
    expect(device.closed).toBe(true);
  });
});

describe('the loop of the guide', () => {
  const outcome = async (machineOf: (emulator: ToyEmulator) => Machine) => {
    const said: string[] = [];
    const console = { log: (line: string) => said.push(line) };
    const run = evaluate<() => Promise<void>>(
      `const run = async () => { ${loop} }`,
      { conformanceChecks, subject: toySubject(machineOf), console },
      'run',
    );
    await run();
    return said;
  };

  it('says nothing of an adapter that is right', async () => {
    expect(await outcome(toyMachine)).toEqual([]);
  });

  it('says what is wrong with one that is not', async () => {
    const said = await outcome((emulator) => {
      const machine = toyMachine(emulator);
      return {
        ...machine,
        mapMmio: (base, size, handler) => machine.mapMmio(base, size + 4, handler),
      };
    });
    expect(said.some((line) => line.startsWith('not ok: several ranges'))).toBe(true);
  });
});
