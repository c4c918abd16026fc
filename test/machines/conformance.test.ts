import { describe, expect, it } from 'vitest';
import {
  ConformanceError,
  type ConformanceSubject,
  conformanceChecks,
} from '../../host/machines/conformance';
import type { Machine } from '../../host/machines/contract';
import { defects } from './broken-machines';
import { rp2040Subject, v86Subject } from './conformance-subjects';

describe.each([
  ['rp2040js', rp2040Subject()],
  ['v86 with its PIC', v86Subject('test-bus-pc')],
  ['v86 with its IOAPIC', v86Subject('test-bus-ioapic')],
])('the conformance suite on %s', (_, subject) => {
  for (const { name, run } of conformanceChecks(subject)) it(name, run);
});

describe('the conformance suite notices that', () => {
  it.each(defects)('%s', async (_, wrap, noticedBy) => {
    const failed: string[] = [];
    const checks = conformanceChecks(rp2040Subject(wrap));
    for (const { name, run } of checks.filter(({ name }) => name.includes(noticedBy))) {
      await run().catch(() => failed.push(name));
    }
    expect(failed).not.toEqual([]);
  });

  it('a machine answers late, by a ConformanceError that names what did not come', async () => {
    const check = conformanceChecks(
      rp2040Subject(defects.find(([name]) => name === 'lines never go up')?.[1]),
    ).find(({ name }) => name.startsWith('a level interrupts'));
    await expect(check?.run()).rejects.toThrow(
      new ConformanceError('interrupt 3 of a level did not come about'),
    );
  });
});

describe('the conformance suite notices that, on a machine that can be reset and saved,', () => {
  /** The v86 machine but for `changes`. */
  const but = (changes: (machine: Machine) => Partial<Machine>) =>
    v86Subject('test-bus-pc', (machine) =>
      Object.assign(
        Object.create(machine, {
          onReset: { value: machine.onReset?.bind(machine), writable: true },
          keepInState: { value: machine.keepInState?.bind(machine), writable: true },
        }) as Machine,
        changes(machine),
      ),
    );
  const failures = async (subject: ConformanceSubject, start: string) => {
    const check = conformanceChecks(subject).find(({ name }) => name.startsWith(start));
    return check?.run().then(
      () => 'nothing',
      (error) => (error instanceof ConformanceError ? error.message : `no: ${error}`),
    );
  };

  it.each<[string, string, (machine: Machine) => Partial<Machine>, string]>([
    ['nothing is wrong', 'a reset', () => ({}), 'nothing'],
    ['nothing is wrong', 'a saved', () => ({}), 'nothing'],
    ['resets are not told', 'a reset', () => ({ onReset: () => () => {} }), 'told of a reset'],
    [
      'listeners stay for ever',
      'a reset',
      (machine) => ({
        onReset: (listener) => {
          machine.onReset?.(listener);
          return () => {};
        },
      }),
      'told of two resets',
    ],
    ['parts are forgotten', 'a saved', () => ({ keepInState: () => () => {} }), 'not refused'],
    [
      'parts get the state of each other',
      'a saved',
      (machine) => {
        let last: Uint8Array = new Uint8Array();
        return {
          keepInState: (name, part) =>
            machine.keepInState?.(name, {
              save: () => {
                last = part.save();
                return last;
              },
              restore: (state) => part.restore(state && last),
            }) ?? (() => {}),
        };
      },
      'calls of a part',
    ],
    [
      'a state without a part is taken for one with it',
      'a saved',
      (machine) => ({
        keepInState: (name, part) =>
          machine.keepInState?.(name, {
            save: () => part.save(),
            restore: (state) => state && part.restore(state),
          }) ?? (() => {}),
      }),
      'calls of a part',
    ],
  ])('%s (%s…)', async (_, start, changes, message) => {
    expect(await failures(but(changes), start)).toContain(message);
  });
});

it('leaves out what a machine does not have', () => {
  const { levelInput, edgeInput, ramAddress, ...least } = rp2040Subject();
  const names = conformanceChecks(least).map(({ name }) => name);
  expect([levelInput, edgeInput, ramAddress]).not.toContain(undefined);
  expect(names.filter((name) => /level|edge|RAM|interrupts/.test(name))).toEqual([]);
  expect(names.length).toBeGreaterThan(8);
});
