import { describe, expect, it } from 'vitest';
import { mix } from './mix';
import { type Output, ReferenceModel, type ReferenceOptions } from './model';

function model(lines: string, options: Partial<ReferenceOptions> = {}): ReferenceModel {
  return new ReferenceModel({
    policy: 'strict',
    edgeCount: 'coalesce',
    directMapping: false,
    timeoutMs: 100,
    ...options,
    lines: mix(lines),
  });
}

/** 'up 1', 'unmask 0', 'mapping off', 'timer 100': easier to read in a diff. */
function words(outputs: Output[]): string[] {
  return outputs.map((output) => {
    switch (output.kind) {
      case 'mapping':
        return `mapping ${output.on ? 'on' : 'off'}`;
      case 'timer':
        return `timer ${output.ms}`;
      default:
        return `${output.kind} ${output.line}`;
    }
  });
}

const READ = { write: false, failed: false, completes: [], chunks: 1 };
const WRITE = { ...READ, write: true };

describe('strict signals', () => {
  it('an edge while ACTIVE is remembered once and comes after the others', () => {
    const m = model('Ea Ea');
    expect(words(m.signal(0))).toEqual(['up 0']);
    expect(words(m.signal(0, 2))).toEqual([]);
    expect(words(m.signal(1))).toEqual([]);
    expect([m.again(0), m.coalesced(0), m.fifo]).toEqual([1, 1, [1]]);
    expect(words(m.access(READ))).toEqual(['down 0', 'up 1']);
    expect(m.fifo).toEqual([0]);
    expect(words(m.access(READ))).toEqual(['down 1', 'up 0']);
    expect(words(m.access(READ))).toEqual(['down 0']);
  });

  it.each(['Ea', 'Ei'])('replay injects as often as the eventfd counted: %s', (line) => {
    const m = model(line, { edgeCount: 'replay' });
    const complete = (): Output[] => (line === 'Ea' ? m.access(READ) : m.eoi(0));
    expect(words(m.signal(0, 3))).toEqual(['up 0']);
    m.signal(0);
    const log = [complete(), complete(), complete(), complete(), complete()].flat();
    expect(words(log).filter((word) => word === 'up 0')).toHaveLength(3);
    expect(words(log).at(-1)).toBe('down 0');
    expect(m.coalesced()).toBe(0);
  });

  it('replay counts on while PENDING', () => {
    const m = model('Ea Ea', { edgeCount: 'replay' });
    m.signal(0);
    m.signal(1, 2);
    m.signal(1);
    expect([m.stateOf(1), m.again(1), m.fifo]).toEqual(['PENDING', 2, [1]]);
  });

  it('a level line that is signalled while ACTIVE is unexpected', () => {
    const m = model('La');
    m.signal(0);
    expect(m.signal(0)).toEqual([]);
    expect([m.unexpected(0), m.again(0), m.coalesced(0)]).toEqual([1, 0, 0]);
  });
});

describe('strict EOI sources', () => {
  it('a write line waits for a write, and a failed access completes nothing', () => {
    const m = model('Lw La');
    m.signal(0);
    m.signal(1);
    expect(words(m.access(READ))).toEqual([]);
    expect(words(m.access({ ...WRITE, failed: true }))).toEqual([]);
    expect(words(m.access({ ...WRITE, chunks: 4 }))).toEqual(['down 0', 'unmask 0', 'up 1']);
  });

  it('one access may complete several register lines and one serialised line', () => {
    const m = model('Ea Er Lr Er');
    for (const line of [0, 1, 2, 3]) {
      m.signal(line);
    }
    m.signal(1);
    expect(words(m.access({ ...READ, completes: [2, 1] }))).toEqual([
      'down 1',
      'up 1',
      'down 2',
      'unmask 2',
      'down 0',
    ]);
    expect(m.stateOf(3)).toBe('ACTIVE');
  });

  it('rules of lines with another source mean nothing', () => {
    const m = model('Ei Ew');
    m.signal(0);
    m.signal(1);
    expect(words(m.access({ ...READ, completes: [0, 1] }))).toEqual([]);
    expect(words(m.eoi(1))).toEqual([]);
    expect(words(m.eoi(0))).toEqual(['down 0']);
    expect(words(m.eoi(0))).toEqual([]);
  });
});

describe('strict direct mapping', () => {
  it('goes off with the first line, comes back with the timer', () => {
    const m = model('Ea Ea', { directMapping: true });
    expect(m.accessIsTrapped).toBe(false);
    expect(words(m.signal(0))).toEqual(['mapping off', 'timer 100', 'up 0']);
    expect(m.accessIsTrapped).toBe(true);
    expect(words(m.signal(1))).toEqual(['timer 100']);
    expect(words(m.timer())).toEqual(['timer 100']);
    expect(words(m.access(READ))).toEqual(['down 0', 'up 1']);
    expect(words(m.access(READ))).toEqual(['down 1']);
    expect(words(m.timer())).toEqual(['mapping on']);
    expect(words(m.timer())).toEqual([]);
  });

  it("'on-idle' has no timer", () => {
    const m = model('La Ea', { directMapping: true, timeoutMs: 'on-idle' });
    expect(words(m.signal(0))).toEqual(['mapping off', 'up 0']);
    m.signal(1);
    expect(words(m.access(READ))).toEqual(['down 0', 'unmask 0', 'up 1']);
    expect(words(m.access(READ))).toEqual(['down 1', 'mapping on']);
  });

  it('stays on for independent lines, and is no subject without the capability', () => {
    const independent = model('Ei Er', { directMapping: true });
    expect(words([...independent.signal(0), ...independent.signal(1)])).toEqual(['up 0', 'up 1']);
    expect(words(model('Ea').signal(0))).toEqual(['up 0']);
  });
});

describe('unmask retries', () => {
  const turnsUntilNextAttempt = (m: ReferenceModel): number => {
    for (let turn = 1; ; turn++) {
      if (m.safePoint().length > 0) {
        return turn;
      }
    }
  };

  it('back off 1, 2, 4 … 64 turns and end as stuck after 16 attempts', () => {
    const m = model('La');
    m.failUnmasks(0, true);
    m.signal(0);
    expect(words(m.access(READ))).toEqual(['down 0', 'unmask 0']);
    const waits = Array.from({ length: 14 }, () => turnsUntilNextAttempt(m));
    expect(waits).toEqual([1, 2, 4, 8, 16, 32, 64, 64, 64, 64, 64, 64, 64, 64]);
    expect(m.retryOf(0)).toEqual({ attempts: 15, wait: 64 });
    for (let turn = 1; turn < 64; turn++) {
      expect(m.safePoint()).toEqual([]);
    }
    expect(words(m.safePoint())).toEqual(['unmask 0', 'stuck 0']);
    expect([m.retryOf(0), m.isStuck(0), m.safePoint()]).toEqual([null, true, []]);
  });

  it('take turns', () => {
    const m = model('Lr Lr Lr');
    for (const line of [0, 1, 2]) {
      m.failUnmasks(line, true);
      m.signal(line);
    }
    m.access({ ...READ, completes: [0, 1, 2] });
    const served = Array.from({ length: 9 }, () => words(m.safePoint()).join());
    expect(served).toEqual([
      'unmask 0',
      'unmask 1',
      'unmask 2',
      '',
      '',
      '',
      'unmask 0',
      'unmask 1',
      'unmask 2',
    ]);
  });

  it('are cancelled by a fresh signal and by a mask on request', () => {
    const m = model('Li Li');
    for (const line of [0, 1]) {
      m.failUnmasks(line, true);
      m.signal(line);
      m.eoi(line);
    }
    expect(words(m.signal(0))).toEqual(['up 0']);
    m.maskOnRequest(1);
    expect([m.retryOf(0), m.retryOf(1), m.safePoint()]).toEqual([null, null, []]);
    m.failUnmasks(1, false);
    expect(words(m.unmaskOnRequest(1))).toEqual(['unmask 1']);
  });

  it('a line masked on request is not unmasked by its EOI', () => {
    const m = model('La');
    m.signal(0);
    m.maskOnRequest(0);
    expect(words(m.access(READ))).toEqual(['down 0']);
    expect(words(m.unmaskOnRequest(0))).toEqual(['unmask 0']);
    expect(words(m.unmaskOnRequest(0))).toEqual([]);
  });
});

describe('reset and pause', () => {
  it('reset: downs, unmasks of the armed level lines, timer, mapping', () => {
    const m = model('Li La Ea La', { directMapping: true });
    m.signal(0);
    m.signal(1);
    m.signal(2);
    m.setArmed(3, false);
    expect(words(m.reset())).toEqual([
      'down 0',
      'down 1',
      'unmask 0',
      'unmask 1',
      'timer off',
      'mapping on',
    ]);
    expect([m.fifo, m.stateOf(2), m.timerArmed]).toEqual([[], 'INACTIVE', false]);
    expect(words(m.reset())).toEqual(['unmask 0', 'unmask 1']);
  });

  it.each(['strict', 'qemu'] as const)(
    'signals wait, then come in descending order: %s',
    (policy) => {
      const m = model('Ea Ea Ea', { policy, directMapping: true });
      m.pause();
      expect([m.signal(0), m.signal(2), m.signal(2), m.queued(2)]).toEqual([[], [], [], 2]);
      expect(words(m.resume())).toContain('up 2');
      expect([m.stateOf(2), m.stateOf(0), m.coalesced(2)]).toEqual(['ACTIVE', 'PENDING', 1]);
    },
  );
});

describe('qemu', () => {
  it('repeats mapping, timer and up on a line that is ACTIVE', () => {
    const m = model('Ea', { policy: 'qemu', directMapping: true });
    expect(words(m.signal(0))).toEqual(['mapping off', 'timer 100', 'up 0']);
    expect(words(m.signal(0))).toEqual(['mapping off', 'timer 100', 'up 0']);
  });

  it('chunks are EOIs: all at once is the same as one by one', () => {
    const [whole, pieces] = [
      model('La Ea La', { policy: 'qemu' }),
      model('La Ea La', { policy: 'qemu' }),
    ];
    for (const line of [2, 1, 0]) {
      whole.signal(line);
      pieces.signal(line);
    }
    const one = words(whole.access({ ...WRITE, failed: true, chunks: 2 }));
    expect(one).toEqual(words([...pieces.access(WRITE), ...pieces.access(WRITE)]));
    expect(one).toEqual(['down 2', 'unmask 2', 'up 1', 'down 1', 'up 0']);
    expect(whole.access({ ...READ, failed: true })).toEqual([]);
  });

  it("has no 'on-idle'", () => {
    expect(() => model('Ea', { policy: 'qemu', timeoutMs: 'on-idle' })).toThrow('on-idle');
  });
});

it('a clone goes its own way', () => {
  const m = model('Ea');
  const copy = m.clone();
  expect(copy.fingerprint).toBe(m.fingerprint);
  copy.signal(0);
  expect([m.stateOf(0), copy.stateOf(0)]).toEqual(['INACTIVE', 'ACTIVE']);
});
