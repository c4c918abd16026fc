import type { Output, ReferenceModel } from '../../reference/model';
import type { CoreRig } from './core-rig';
import type { Expectation } from './expectation';
import type { Setup } from './setup';

export function outputText(outputs: readonly Output[]): string {
  const words = outputs.map((output) => {
    if (output.kind === 'mapping') return `mapping ${output.on ? 'on' : 'off'}`;
    return `${output.kind} ${output.kind === 'timer' ? output.ms : output.line}`;
  });
  return words.length === 0 ? '(nothing)' : words.join(', ');
}

/**
 * Outputs in an order in which those of core and model can be compared.
 * "stuck" is an event and no act, so where it stands does not matter. Which
 * register line an access completes first is open in S7 ('anyRuleOrder'); what
 * happens to one line keeps its order, and so do the serialised ones. Under
 * policy qemu the core unmasks between the chunks of an access, while lines move
 * afterwards: as in the golden traces, only the order inside each of
 * the two lists counts there ('unmasksApart').
 */
export function inModelOrder(
  outputs: readonly Output[],
  anyRuleOrder: boolean,
  isSerialised: (line: number) => boolean,
  unmasksApart: boolean,
): Output[] {
  const acts = outputs.filter(
    ({ kind }) => kind !== 'stuck' && !(unmasksApart && kind === 'unmask'),
  );
  if (unmasksApart) acts.push(...outputs.filter(({ kind }) => kind === 'unmask'));
  const stuck = outputs.filter(({ kind }) => kind === 'stuck');
  if (!anyRuleOrder) return [...acts, ...stuck];
  const independent = acts.flatMap((output) =>
    'line' in output && !isSerialised(output.line) ? [output] : [],
  );
  const rest = acts.filter((output) => !('line' in output && !isSerialised(output.line)));
  return [...independent.sort((a, b) => a.line - b.line), ...rest, ...stuck];
}

/** What the core remembers and counts otherwise than the model. */
export function differences(
  setup: Setup,
  rig: CoreRig,
  model: ReferenceModel,
  expected: Expectation,
  waiting: (line: number) => number,
): string[] {
  const found: string[] = [];
  const same = (what: string, want: unknown, have: unknown) => {
    const [a, b] = [JSON.stringify(want), JSON.stringify(have)];
    if (a !== b) found.push(`${what}: expected ${a}, the core has ${b}`);
  };
  const strict = setup.policy === 'strict';
  const inside = rig.inside(setup.lines.length);
  rig.device.lines.forEach((info, line) => {
    const of = (what: string) => `line ${line} ${what}`;
    same(of('state'), model.stateOf(line), info.state.toUpperCase());
    same(of('up'), model.isUp(line), info.up);
    same(of('again'), model.again(line), info.waiting);
    same(of('mask requested'), model.isHostMasked(line), info.maskRequested);
    // A signal that waits ends the retry, the model's at once and the core's when it is handled.
    if (waiting(line) === 0) {
      same(of('retry'), model.retryOf(line), info.retrying ? inside.retries[line] : null);
      same(of('stuck'), model.isStuck(line), info.stuck);
    }
    const { signals, injections, completions, unmaskFailures, uncounted } = expected.lineAt(line);
    const counted = info.statistics;
    same(of('signals'), signals, counted.signals);
    same(of('injections'), injections, counted.injections);
    same(of('completions'), completions, counted.completions);
    same(of('unmask failures'), unmaskFailures, counted.unmaskFailures);
    same(of('spurious'), model.spurious(line), counted.spurious);
    // QEMU drops counts without counting.
    same(of('coalesced'), strict ? model.coalesced(line) - uncounted : 0, counted.coalesced);
    same(of('unexpected'), model.unexpected(line), counted.unexpected);
  });
  same('FIFO', model.fifo, inside.fifo);
  same('mapping', model.mappingOn, rig.device.directMapping);
  same('timer due at', expected.deadlineMs, rig.deadlineMs);
  same('device counters', expected.device, rig.device.statistics);
  return found;
}
