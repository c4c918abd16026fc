import fc from 'fast-check';
import type { EoiRule } from '../../../host/profiles/profile';
import type { LineOptions } from '../../reference/model';
import type { GuestAccess, Setup, Stimulus } from './setup';

/** What random devices and random lives are made of. */

const MAX_LINES = 6;

const lineOptions: fc.Arbitrary<LineOptions> = fc.record({
  trigger: fc.constantFrom('edge', 'level'),
  eoi: fc.constantFrom('irqchip', 'register', 'write', 'access', 'access'),
});

/** Rules lie close together, so that one access often fulfils several of them. */
const rule = fc
  .record({
    region: fc.nat(2),
    word: fc.nat(2),
    width: fc.constantFrom<1 | 2 | 4>(1, 2, 4),
    lane: fc.nat(3),
    access: fc.constantFrom<'read' | 'write'>('read', 'write', 'write'),
    test: fc.constantFrom<Pick<EoiRule, 'mask' | 'value'>>(
      {},
      {},
      { mask: 1 },
      { mask: 2 },
      { mask: 0x0f, value: 1 },
      { mask: 3, value: 0 },
      { mask: 0x10 },
      { mask: 0x0101, value: 0x0101 },
      { mask: 0xff000000 },
    ),
    line: fc.nat(MAX_LINES - 1),
  })
  .map(
    ({ word, lane, width, test, ...rest }): EoiRule => ({
      ...rest,
      // Bits that the register does not have are refused.
      ...((test.mask ?? 0) < 2 ** (8 * width) && test),
      width,
      offset: 0x10 + word * 4 + Math.trunc(lane / width) * width,
    }),
  );

const access: fc.Arbitrary<GuestAccess> = fc.record({
  write: fc.boolean(),
  region: fc.oneof(
    { weight: 12, arbitrary: fc.constantFrom(0, 0, 1, 1, 2) },
    { weight: 1, arbitrary: fc.constantFrom(3, 4, 1000) },
  ),
  offset: fc.oneof(
    { weight: 10, arbitrary: fc.integer({ min: 0x0c, max: 0x1f }) },
    // The ends of the regions and of the mapped part of region 2
    { weight: 2, arbitrary: fc.integer({ min: 0xf8, max: 0x100 }) },
    { weight: 2, arbitrary: fc.integer({ min: 0xff8, max: 0x1004 }) },
  ),
  width: fc.oneof(
    { weight: 20, arbitrary: fc.constantFrom(4, 4, 1, 2, 8) },
    { weight: 1, arbitrary: fc.constantFrom(0, 3, 16, 5) },
  ),
  byte: fc.constantFrom(0, 1, 2, 3, 0x10, 0xff),
  failing: fc.oneof(
    { weight: 8, arbitrary: fc.constant(undefined) },
    {
      weight: 1,
      arbitrary: fc.record({ transfer: fc.nat(1), short: fc.boolean() }),
    },
  ),
});

const timeoutMs = fc.constantFrom<Setup['timeoutMs']>(100, 100, 10, 'never', 'on-idle');

/** Every register line has a rule, or it would never end. */
function basicRules(lines: readonly LineOptions[]): EoiRule[] {
  return lines.flatMap(({ eoi }, line): EoiRule[] =>
    eoi === 'register' ? [{ region: 0, offset: 0x10, access: 'write', mask: 1 << line, line }] : [],
  );
}

export const setups: fc.Arbitrary<Setup> = fc
  .record({
    policy: fc.constantFrom<Setup['policy']>('strict', 'strict', 'strict', 'qemu'),
    lines: fc.array(lineOptions, { minLength: 1, maxLength: MAX_LINES }),
    edgeCount: fc.constantFrom<Setup['edgeCount']>('coalesce', 'replay'),
    directMapping: fc.boolean(),
    timeoutMs,
    maxUnmaskAttempts: fc.integer({ min: 1, max: 4 }),
    rules: fc.array(rule, { maxLength: 8 }),
    xNoMmap: fc.constantFrom(false, false, true),
    accessWidths: fc.constantFrom([1, 2, 4, 8], [1, 2, 4, 8], [4], [1, 2, 4]),
    resettable: fc.boolean(),
    prompt: fc.boolean(),
  })
  .map((setup) => ({
    ...setup,
    // QEMU has no 'on-idle' (S1), and openDevice() says so.
    timeoutMs: setup.policy === 'qemu' && setup.timeoutMs === 'on-idle' ? 100 : setup.timeoutMs,
    rules: [
      ...basicRules(setup.lines),
      ...setup.rules.map((each) => ({ ...each, line: each.line % setup.lines.length })),
    ],
  }));

const line = fc.nat(MAX_LINES - 1);

function about<What extends Stimulus['what']>(what: What) {
  return fc.record({ what: fc.constant(what), line });
}

const weighted: [weight: number, arbitrary: fc.Arbitrary<Stimulus>][] = [
  [12, fc.record({ what: fc.constant('pulse'), line, count: fc.integer({ min: 1, max: 3 }) })],
  [5, about('low')],
  [1, about('loop-back')],
  [1, about('foreign unmask')],
  [4, fc.record({ what: fc.constant('signal'), line, count: fc.nat(3) })],
  [16, fc.record({ what: fc.constant('access'), access })],
  [6, about('eoi')],
  [3, fc.record({ what: fc.constant('time'), ms: fc.integer({ min: 1, max: 250 }) })],
  [10, fc.constant<Stimulus>({ what: 'safe point' })],
  [3, fc.record({ what: fc.constant('fail unmasks'), line, on: fc.boolean() })],
  [2, about('mask')],
  [2, about('unmask')],
  [2, about('disconnect')],
  [2, about('reconnect')],
  [2, about('replug')],
  [1, fc.constantFrom<Stimulus>({ what: 'reset' }, { what: 'pause' })],
  [1, fc.constant<Stimulus>({ what: 'resume' })],
  [1, fc.constantFrom<Stimulus>({ what: 'hold' }, { what: 'release' }, { what: 'release' })],
];

function livesOf(stimuli: typeof weighted): fc.Arbitrary<Stimulus[]> {
  const one = fc.oneof(...stimuli.map(([weight, arbitrary]) => ({ weight, arbitrary })));
  // Long lives: fast-check's own choice would end most of them after ten steps.
  return fc.array(one, { minLength: 1, maxLength: 60, size: 'max' });
}

export const lives = livesOf(weighted);

/** Devices with level lines only, whose unmasks fail more often than not. */
export const troubledSetups = setups.map(
  (setup): Setup => ({
    ...setup,
    policy: 'strict',
    lines: setup.lines.map(() => ({ trigger: 'level', eoi: 'irqchip' })),
    rules: [],
  }),
);

export const troubledLives = livesOf([
  [
    4,
    fc.record({ what: fc.constant('fail unmasks'), line, on: fc.constantFrom(true, true, false) }),
  ],
  [4, fc.record({ what: fc.constant('pulse'), line, count: fc.constant(1) })],
  [4, about('eoi')],
  [2, about('low')],
  [8, fc.constant<Stimulus>({ what: 'safe point' })],
  [1, about('mask')],
  [2, about('unmask')],
  [1, fc.constantFrom<Stimulus>({ what: 'reset' }, { what: 'pause' }, { what: 'resume' })],
]);

/** Strict devices with register lines only. */
export const ruledSetups = setups.map((setup): Setup => {
  const lines = setup.lines.map(({ trigger }): LineOptions => ({ trigger, eoi: 'register' }));
  const rules = [...basicRules(lines), ...setup.rules];
  return { ...setup, policy: 'strict', directMapping: false, lines, rules };
});

export const ruledLives = livesOf([
  [4, fc.record({ what: fc.constant('pulse'), line, count: fc.integer({ min: 1, max: 2 }) })],
  [2, about('low')],
  [8, fc.record({ what: fc.constant('access'), access })],
  [4, fc.constant<Stimulus>({ what: 'safe point' })],
]);
