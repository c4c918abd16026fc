import type { LineState, Trigger } from './state';

/** One line between two stimuli. */
export interface LineSnapshot {
  trigger: Trigger;
  /** EOI source 'write' or 'access', or policy 'qemu'. */
  serialised: boolean;
  state: LineState;
  /** The level of the virtual line, as the machine was last told. */
  up: boolean;
  /** Remembered signals: injections owed after the one that is PENDING or ACTIVE. */
  again: number;
  /** The host kernel masks the line. */
  masked: boolean;
  /** Somebody asked for the mask. */
  hostMasked: boolean;
  /** The trigger eventfd holds something. */
  undrained: boolean;
  /** A failed unmask is being retried. */
  retrying: boolean;
  /** Unmasking was given up: what `line-stuck` reports. */
  stuck?: boolean;
  /** From a `Ledger`; without it I5 and I6 are not checked for the line. */
  ledger?: { owed: number; causeless: number };
}

export interface Snapshot {
  lines: readonly LineSnapshot[];
  /** Head first. */
  fifo: readonly number[];
  directMapping: boolean;
  mappingOn: boolean;
}

export type InvariantId = 'I1' | 'I2' | 'I3' | 'I4' | 'I5' | 'I6' | 'I7' | 'I8';

export interface Violation {
  id: InvariantId;
  text: string;
}

/** @returns which of I1 to I8 (S7) the snapshot breaks, in that order */
export function checkInvariants(snapshot: Snapshot): Violation[] {
  return [
    ...oneActive(snapshot),
    ...fifoIsPending(snapshot),
    ...idleMeansEmpty(snapshot),
    ...mappedMeansIdle(snapshot),
    ...everySignalCounts(snapshot),
    ...everyInjectionHasACause(snapshot),
    ...upMeansActive(snapshot),
    ...maskedForAReason(snapshot),
  ];
}

function oneActive(snapshot: Snapshot): Violation[] {
  const active = serialisedIn(snapshot, 'ACTIVE');
  return active.length > 1
    ? [{ id: 'I1', text: `lines ${active.join(', ')} are ACTIVE at the same time` }]
    : [];
}

function fifoIsPending(snapshot: Snapshot): Violation[] {
  const { fifo } = snapshot;
  const pending = serialisedIn(snapshot, 'PENDING');
  const found: Violation[] = [];
  for (const line of pending) {
    if (!fifo.includes(line)) {
      found.push({ id: 'I2', text: `line ${line} is PENDING but not in the FIFO` });
    }
  }
  for (const line of new Set(fifo)) {
    if (!pending.includes(line)) {
      found.push({ id: 'I2', text: `line ${line} is in the FIFO but not PENDING` });
    }
    if (fifo.indexOf(line) !== fifo.lastIndexOf(line)) {
      found.push({ id: 'I2', text: `line ${line} is in the FIFO more than once` });
    }
  }
  for (const [line, { serialised, state }] of snapshot.lines.entries()) {
    if (!serialised && state === 'PENDING') {
      found.push({ id: 'I2', text: `line ${line} is independent but PENDING` });
    }
  }
  return found;
}

function idleMeansEmpty(snapshot: Snapshot): Violation[] {
  return serialisedIn(snapshot, 'ACTIVE').length === 0 && snapshot.fifo.length > 0
    ? [{ id: 'I3', text: `no line is ACTIVE but the FIFO holds ${snapshot.fifo.join(', ')}` }]
    : [];
}

function mappedMeansIdle(snapshot: Snapshot): Violation[] {
  const outstanding = [...serialisedIn(snapshot, 'ACTIVE'), ...serialisedIn(snapshot, 'PENDING')];
  return snapshot.directMapping && snapshot.mappingOn && outstanding.length > 0
    ? [{ id: 'I4', text: `direct mapping is on while ${outstanding.join(', ')} are outstanding` }]
    : [];
}

function everySignalCounts(snapshot: Snapshot): Violation[] {
  return snapshot.lines.flatMap((line, index): Violation[] => {
    // A level signal that nobody expected is not lost: the level itself remains (S7).
    const excused = line.trigger === 'level' && line.state === 'ACTIVE';
    const owed = line.ledger?.owed ?? 0;
    const promised = promisedInjections(snapshot, line, index);
    return owed > promised && !excused
      ? [{ id: 'I5', text: `line ${index} owes ${owed} injections but only ${promised} will come` }]
      : [];
  });
}

function everyInjectionHasACause(snapshot: Snapshot): Violation[] {
  return snapshot.lines.flatMap((line, index): Violation[] => {
    if (line.ledger === undefined) {
      return [];
    }
    const { owed, causeless } = line.ledger;
    const promised = promisedInjections(snapshot, line, index);
    const found: Violation[] = [];
    if (causeless > 0) {
      found.push({ id: 'I6', text: `line ${index} was injected ${causeless} times for no signal` });
    }
    if (promised > owed) {
      found.push({
        id: 'I6',
        text: `line ${index} will be injected ${promised - owed} times for no signal`,
      });
    }
    return found;
  });
}

function upMeansActive(snapshot: Snapshot): Violation[] {
  return snapshot.lines.flatMap(({ up, state }, index): Violation[] =>
    up !== (state === 'ACTIVE')
      ? [
          {
            id: 'I7',
            text: `line ${index} is ${state} but its virtual line is ${up ? 'up' : 'down'}`,
          },
        ]
      : [],
  );
}

function maskedForAReason(snapshot: Snapshot): Violation[] {
  return snapshot.lines.flatMap((line, index): Violation[] => {
    if (line.trigger !== 'level') {
      return [];
    }
    const due = line.state !== 'INACTIVE' || line.undrained || line.hostMasked;
    // A reset unmasks lines that may not be masked at all. Should that fail, the
    // retry is harmless: it explains a mask, but does not ask for one.
    const excused = due || line.retrying || line.stuck === true;
    if (line.masked && !excused) {
      return [{ id: 'I8', text: `line ${index} is masked in the host for no reason` }];
    }
    if (!line.masked && due) {
      return [{ id: 'I8', text: `line ${index} is not masked in the host but should be` }];
    }
    return [];
  });
}

/** Injections that will come without a further signal. A PENDING line outside the FIFO never is. */
function promisedInjections(snapshot: Snapshot, line: LineSnapshot, index: number): number {
  switch (line.state) {
    case 'INACTIVE':
      return 0;
    case 'PENDING':
      return snapshot.fifo.includes(index) ? 1 + line.again : 0;
    case 'ACTIVE':
      return line.again;
  }
}

function serialisedIn(snapshot: Snapshot, state: LineState): number[] {
  return snapshot.lines.flatMap((line, index) =>
    line.serialised && line.state === state ? [index] : [],
  );
}
