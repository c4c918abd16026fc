import { describe, expect, it } from 'vitest';
import { checkInvariants, type LineSnapshot, type Snapshot } from './invariants';

const IDLE: LineSnapshot = {
  trigger: 'edge',
  serialised: true,
  state: 'INACTIVE',
  up: false,
  again: 0,
  masked: false,
  hostMasked: false,
  undrained: false,
  retrying: false,
};
const LEVEL: LineSnapshot = { ...IDLE, trigger: 'level' };
const ACTIVE = { state: 'ACTIVE', up: true } as const;

const check = (lines: LineSnapshot[], rest: Partial<Snapshot> = {}): string[] =>
  checkInvariants({ lines, fifo: [], directMapping: false, mappingOn: true, ...rest }).map(
    ({ id, text }) => `${id} ${text}`,
  );
const pending: LineSnapshot = { ...IDLE, state: 'PENDING' };
const active: LineSnapshot = { ...IDLE, ...ACTIVE };

describe('invariants', () => {
  it('hold for an idle and for a busy device', () => {
    expect(check([IDLE, LEVEL])).toEqual([]);
    expect(
      check([{ ...LEVEL, ...ACTIVE, masked: true }, pending, { ...active, serialised: false }], {
        fifo: [1],
        directMapping: true,
        mappingOn: false,
      }),
    ).toEqual([]);
  });

  it.each<[string, LineSnapshot[], Partial<Snapshot>]>([
    ['I1 lines 0, 1 are ACTIVE at the same time', [active, active], {}],
    ['I2 line 1 is PENDING but not in the FIFO', [active, pending], {}],
    ['I2 line 1 is in the FIFO but not PENDING', [active, IDLE], { fifo: [1] }],
    ['I2 line 1 is in the FIFO more than once', [active, pending], { fifo: [1, 1] }],
    ['I2 line 1 is independent but PENDING', [active, { ...pending, serialised: false }], {}],
    ['I3 no line is ACTIVE but the FIFO holds 0', [pending], { fifo: [0] }],
    ['I4 direct mapping is on while 0 are outstanding', [active], { directMapping: true }],
    [
      'I5 line 0 owes 1 injections but only 0 will come',
      [{ ...active, ledger: { owed: 1, causeless: 0 } }],
      {},
    ],
    [
      'I6 line 0 was injected 2 times for no signal',
      [{ ...IDLE, ledger: { owed: 0, causeless: 2 } }],
      {},
    ],
    [
      'I6 line 0 will be injected 1 times for no signal',
      [{ ...active, again: 1, ledger: { owed: 0, causeless: 0 } }],
      {},
    ],
    ['I7 line 0 is INACTIVE but its virtual line is up', [{ ...IDLE, up: true }], {}],
    ['I7 line 0 is ACTIVE but its virtual line is down', [{ ...active, up: false }], {}],
    ['I8 line 0 is masked in the host for no reason', [{ ...LEVEL, masked: true }], {}],
    ['I8 line 0 is not masked in the host but should be', [{ ...LEVEL, ...ACTIVE }], {}],
  ])('%s', (text, lines, rest) => {
    expect(check(lines, rest)).toEqual([text]);
  });

  it.each<Partial<LineSnapshot>>([
    { undrained: true },
    { retrying: true },
    { hostMasked: true },
    { stuck: true },
  ])('%o explains a mask', (reason) => {
    expect(check([{ ...LEVEL, masked: true, ...reason }])).toEqual([]);
  });
});
