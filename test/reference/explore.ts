import { checkInvariants } from './invariants';
import type { ReferenceOptions } from './model';
import { ReferenceRig } from './rig';

/** Which stimuli besides signals, accesses, EOIs and the timer the exploration knows. */
export type Feature = 'request' | 'unmask-failure' | 'pause' | 'reset' | 'loop-back';

/** A violated invariant, or whatever else a visitor objects to. */
export interface Finding {
  id: string;
  text: string;
}

export interface Exploration {
  states: number;
  /** A shortest way to a state that breaks something. */
  broken?: { path: string[]; violations: Finding[] };
}

interface Stimulus {
  name: string;
  apply(rig: ReferenceRig): unknown;
}

/** Signals that one line may have waiting or remembered, so that the state space ends. */
const MOST_SIGNALS = 2;

/**
 * Every state of the model on its kernel, breadth first. The stimuli come one
 * at a time, so whatever order a real run has is among the paths.
 */
export function explore(
  options: ReferenceOptions,
  features: readonly Feature[],
  visit: (rig: ReferenceRig) => Finding[] = (rig) => checkInvariants(rig.snapshot()),
): Exploration {
  const start = new ReferenceRig(options);
  const seen = new Set([start.fingerprint]);
  let layer: { rig: ReferenceRig; path: string[] }[] = [{ rig: start, path: [] }];
  while (layer.length > 0) {
    const next: typeof layer = [];
    for (const { rig, path } of layer) {
      const violations = visit(rig);
      if (violations.length > 0) {
        return { states: seen.size, broken: { path, violations } };
      }
      for (const { name, apply } of stimuliOf(rig, features)) {
        const reached = rig.clone();
        apply(reached);
        if (!seen.has(reached.fingerprint)) {
          seen.add(reached.fingerprint);
          next.push({ rig: reached, path: [...path, name] });
        }
      }
    }
    layer = next;
  }
  return { states: seen.size };
}

/**
 * Whether the device gets idle once the host and the guest do their part: what
 * D06 loses.
 * @returns what is left over in the end
 */
export function leftOver(from: ReferenceRig): string[] {
  const rig = from.clone();
  const lines = rig.model.options.lines;
  rig.resume();
  for (const [line, { trigger }] of lines.entries()) {
    rig.failUnmasks(line, false);
    if (trigger === 'level') {
      rig.low(line);
      rig.unmaskOnRequest(line);
    }
  }
  const turns = 8 * lines.length * (MOST_SIGNALS + 2);
  for (let turn = 0; turn < turns; turn++) {
    rig.serveAll();
    for (const line of lines.keys()) {
      rig.eoi(line);
    }
    rig.access({ write: true, completes: [...lines.keys()] });
    rig.timer();
    rig.safePoint();
  }
  const { lines: now, mappingOn, fifo } = rig.snapshot();
  const found = now.flatMap(({ state, masked, stuck, ledger }, line) => [
    ...(state === 'INACTIVE' ? [] : [`line ${line} is ${state}`]),
    ...(masked && stuck !== true ? [`line ${line} is masked`] : []),
    ...((ledger?.owed ?? 0) > 0 ? [`line ${line} owes an injection`] : []),
  ]);
  if (fifo.length > 0) {
    found.push(`the FIFO holds ${fifo.join(', ')}`);
  }
  if (!mappingOn && rig.model.options.timeoutMs !== 0) {
    found.push('the direct mapping is off');
  }
  return found;
}

function stimuliOf(rig: ReferenceRig, features: readonly Feature[]): Stimulus[] {
  const { model, kernel } = rig;
  const lines = model.options.lines;
  const has = (feature: Feature): boolean => features.includes(feature);
  const found: Stimulus[] = [
    { name: 'read', apply: (on) => on.access() },
    { name: 'write', apply: (on) => on.access({ write: true }) },
    { name: 'failed write', apply: (on) => on.access({ write: true, failed: true }) },
  ];
  const ruled = lines.flatMap(({ eoi }, line) => (eoi === 'register' ? [line] : []));
  if (ruled.length > 1) {
    found.push({ name: 'clear all', apply: (on) => on.access({ write: true, completes: ruled }) });
  }
  if (model.timerArmed) {
    found.push({ name: 'timer', apply: (on) => on.timer() });
  }
  if (has('unmask-failure')) {
    found.push({ name: 'safe point', apply: (on) => on.safePoint() });
  }
  if (has('reset')) {
    found.push({ name: 'reset', apply: (on) => on.reset() });
  }
  if (has('pause')) {
    found.push(
      model.isPaused
        ? { name: 'resume', apply: (on) => on.resume() }
        : { name: 'pause', apply: (on) => on.pause() },
    );
  }
  for (const [line, { trigger, eoi }] of lines.entries()) {
    const waiting = kernel.undrained(line);
    const remembered = model.again(line) + model.queued(line);
    if (waiting > 0 && waiting + remembered <= MOST_SIGNALS) {
      found.push({ name: `serve ${line}`, apply: (on) => on.serve(line) });
    }
    if (waiting < MOST_SIGNALS && (trigger === 'edge' || has('loop-back'))) {
      found.push({ name: `fire ${line}`, apply: (on) => on.fire(line) });
    }
    if (eoi === 'register') {
      found.push({ name: `clear ${line}`, apply: (on) => on.access({ completes: [line] }) });
    }
    if (eoi === 'irqchip') {
      found.push({ name: `eoi ${line}`, apply: (on) => on.eoi(line) });
    }
    if (trigger === 'level') {
      found.push(
        kernel.isHigh(line)
          ? { name: `low ${line}`, apply: (on) => on.low(line) }
          : { name: `high ${line}`, apply: (on) => on.high(line) },
      );
    }
    if (trigger === 'level' && has('request')) {
      found.push(
        model.isHostMasked(line)
          ? { name: `unmask ${line}`, apply: (on) => on.unmaskOnRequest(line) }
          : { name: `mask ${line}`, apply: (on) => on.maskOnRequest(line) },
      );
    }
    if (trigger === 'level' && has('unmask-failure')) {
      const fail = !model.unmaskFails(line);
      found.push({
        name: fail ? `break ${line}` : `mend ${line}`,
        apply: (on) => on.failUnmasks(line, fail),
      });
    }
  }
  return found;
}
