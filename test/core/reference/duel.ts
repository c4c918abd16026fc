import { EIO } from '../../../assembly/abi/linux';
import { checkInvariants, type Snapshot } from '../../reference/invariants';
import { Ledger } from '../../reference/ledger';
import { type Output, ReferenceModel } from '../../reference/model';
import { piecesOf } from '../../support/direct-machine';
import { differences, inModelOrder, outputText } from './compare';
import { CoreRig } from './core-rig';
import { Expectation } from './expectation';
import { chunksOf, fulfils, isMapped, isRefused } from './match';
import { type GuestAccess, type Setup, type Stimulus, setupText, textOf } from './setup';

/**
 * Core and reference model live the same life. The simulated kernel is the
 * core's; the model is told what that kernel did.
 */
export class Duel {
  readonly #setup: Setup;
  readonly #rig: CoreRig;
  readonly #model: ReferenceModel;
  readonly #expected: Expectation;
  /** One for each line, so that disconnecting a line closes its account. */
  readonly #ledgers: Ledger[];
  readonly #log: string[] = [];
  /** Signals that the doorbell holds, and those that are still in their eventfds. */
  readonly #rung: number[];
  readonly #held: number[];
  readonly #armed: boolean[];
  /** Level lines that somebody else meddled with: I8 says nothing about them. */
  readonly #forged: boolean[];
  #holding = false;
  #paused = false;
  /** False once something happened that the model does not know; then only the invariants count. */
  #following = true;

  /** @param ofCore how the core is set up, to show that a difference is noticed */
  static async play(setup: Setup, life: readonly Stimulus[], ofCore = setup): Promise<void> {
    const rig = await CoreRig.open(ofCore);
    const duel = new Duel(setup, rig);
    for (const stimulus of life) duel.#step(stimulus);
    rig.device.close();
  }

  private constructor(setup: Setup, rig: CoreRig) {
    this.#setup = setup;
    this.#rig = rig;
    const options = { ...setup, timeoutMs: setup.timeoutMs === 'never' ? 0 : setup.timeoutMs };
    this.#model = new ReferenceModel(options);
    this.#expected = new Expectation(setup, this.#model);
    this.#ledgers = setup.lines.map(() => new Ledger(options));
    this.#rung = setup.lines.map(() => 0);
    this.#held = setup.lines.map(() => 0);
    this.#armed = setup.lines.map(() => true);
    this.#forged = setup.lines.map(() => false);
  }

  #step(stimulus: Stimulus): void {
    const lines = this.#setup.lines.length;
    const own = 'line' in stimulus ? { ...stimulus, line: stimulus.line % lines } : stimulus;
    this.#log.push(textOf(own));
    try {
      this.#perform(own);
    } catch (error) {
      throw this.#failure([`${error}`], error);
    }
    this.#check(own.what === 'access');
    if (this.#setup.prompt && own.what !== 'safe point') {
      this.#log.push('  safe point');
      this.#safePoint();
      this.#check(false);
    }
  }

  #perform(stimulus: Stimulus): void {
    const { device, machine } = this.#rig;
    switch (stimulus.what) {
      case 'pulse':
        if (this.#isLevel(stimulus.line)) machine.placed.setLine(stimulus.line, true);
        else for (let i = 0; i < stimulus.count; i++) machine.placed.pulse(stimulus.line);
        break;
      case 'low':
        if (this.#isLevel(stimulus.line)) machine.placed.setLine(stimulus.line, false);
        break;
      case 'loop-back':
        if (this.#armed[stimulus.line]) this.#rig.loopBack(stimulus.line);
        break;
      case 'foreign unmask':
        this.#foreignUnmask(stimulus.line);
        break;
      case 'signal':
        this.#signal(stimulus.line, stimulus.count);
        break;
      case 'access':
        this.#access(stimulus.access);
        break;
      case 'eoi':
        device.completeLine(stimulus.line);
        this.#expected.add(this.#model.eoi(stimulus.line));
        break;
      case 'time':
        machine.clock.advance(stimulus.ms * 1e6);
        this.#expected.advance(stimulus.ms);
        break;
      case 'safe point':
        this.#safePoint();
        break;
      case 'fail unmasks':
        this.#rig.failUnmasks(stimulus.line, stimulus.on);
        this.#model.failUnmasks(stimulus.line, stimulus.on);
        break;
      case 'mask':
        if (!this.#isLevel(stimulus.line)) this.#mustThrow(() => device.maskLine(stimulus.line));
        else {
          device.maskLine(stimulus.line);
          this.#model.maskOnRequest(stimulus.line);
        }
        break;
      case 'unmask':
        this.#unmask(stimulus.line);
        break;
      case 'disconnect':
        if (this.#armed[stimulus.line]) this.#disconnect(stimulus.line);
        break;
      case 'reconnect':
        if (!this.#armed[stimulus.line]) this.#reconnect(stimulus.line);
        break;
      case 'replug':
        if (this.#armed[stimulus.line]) this.#disconnect(stimulus.line);
        if (!this.#armed[stimulus.line]) this.#reconnect(stimulus.line);
        break;
      case 'reset':
        this.#reset();
        break;
      case 'pause':
        device.pause();
        this.#model.pause();
        this.#paused = true;
        break;
      case 'resume':
        this.#paused = false;
        this.#model.resume();
        this.#safePoint(() => device.resume());
        break;
      case 'hold':
        machine.host.kernel.holdSignals();
        this.#holding = true;
        break;
      case 'release':
        this.#release();
        break;
    }
    this.#collect();
  }

  /** Notes what the kernel signalled in the meantime. */
  #collect(): void {
    const waits = this.#holding ? this.#held : this.#rung;
    for (const line of this.#rig.takeSignals()) waits[line] = (waits[line] ?? 0) + 1;
  }

  #release(): void {
    this.#rig.machine.host.kernel.releaseSignals();
    this.#holding = false;
    for (const line of this.#held.keys()) {
      this.#rung[line] = this.#waiting(line);
      this.#held[line] = 0;
    }
  }

  #safePoint(reach = () => this.#rig.machine.safePoint()): void {
    this.#expected.device.safePoints++;
    if (this.#paused) {
      reach();
      return;
    }
    // A retry asks the eventfd first, and then leaves the mask alone; the model knows no eventfd.
    const lines = this.#rig.device.lines;
    if (this.#held.some((count, line) => count > 0 && lines[line]?.retrying)) this.#release();
    for (let line = this.#rung.length - 1; line >= 0; line--) {
      const count = this.#rung[line] ?? 0;
      if (count === 0) continue;
      this.#rung[line] = 0;
      this.#ledgers[line]?.signal(line, count);
      this.#expected.signal(line, count);
    }
    const retried = this.#model.safePoint();
    if (retried.length > 0) this.#expected.device.unmaskRetries++;
    this.#expected.add(retried);
    reach();
    this.#collect();
  }

  #signal(line: number, count: number): void {
    // Nobody asks an eventfd of a line that is out of service, nor handles an empty one while paused.
    if (!this.#armed[line] || (this.#paused && count === 0)) return;
    this.#rig.device.signal(line, count);
    if (this.#isLevel(line) && count > 0) this.#forged[line] = true;
    if (this.#paused) {
      this.#rung[line] = (this.#rung[line] ?? 0) + count;
    } else {
      this.#ledgers[line]?.signal(line, count);
      this.#expected.signal(line, count);
    }
  }

  #access(access: GuestAccess): void {
    const { write, region, offset, width, byte, failing } = access;
    const { device, machine } = this.#rig;
    if (isRefused(access)) {
      if (write) device.write(region, offset, width, 0);
      else device.read(region, offset, width);
      this.#expected.device.refused++;
      return;
    }
    const fault =
      failing &&
      machine.placed.faults.inject({
        call: write ? 'pwrite' : 'pread',
        skip: failing.transfer,
        ...(failing.short ? { bytes: 0 } : { errno: EIO }),
      });
    const data = write ? BigInt(byte) * 0x0101010101010101n : machine.read(region, offset, width);
    if (write) machine.write(region, offset, width, data);
    fault?.remove();
    const direct = this.#setup.directMapping && this.#expected.mapping;
    let transfers = 0;
    const isFailing = () => failing?.transfer === transfers++;
    for (const piece of direct ? piecesOf(offset, width) : [{ offset, bytes: width }]) {
      if (direct && isMapped(this.#setup, region, piece.offset, piece.bytes)) continue;
      const bytes = new Map<number, number>();
      for (let at = piece.offset; at < piece.offset + piece.bytes; at++) {
        bytes.set(at, Number((data >> BigInt(8 * (at - offset))) & 0xffn));
      }
      this.#trapped({ write, region, bytes }, piece.offset, piece.bytes, isFailing);
    }
  }

  /** What one trapped access means to the model. */
  #trapped(
    carried: Parameters<typeof fulfils>[1],
    offset: number,
    width: number,
    isFailing: () => boolean,
  ): void {
    const { write, region } = carried;
    const counts = this.#expected.device;
    counts[write ? 'writes' : 'reads']++;
    const chunks = chunksOf(this.#setup, region, offset, width);
    if (chunks.length === 0) {
      counts.refused++;
      return;
    }
    const add = (failed: boolean, completes: number[]) => {
      if (failed) counts.failed++;
      this.#expected.add(this.#model.access({ write, failed, completes, chunks: 1 }));
    };
    if (this.#setup.policy === 'strict') {
      // The first transfer that fails ends the access.
      const failed = chunks.some((chunk) => !chunk.mapped && isFailing());
      const { rules } = this.#setup;
      add(failed, failed ? [] : rules.filter((rule) => fulfils(rule, carried)).map((r) => r.line));
      return;
    }
    // On a machine without direct mapping the core plays QEMU's fast path itself: what QEMU
    // would not have trapped completes nothing.
    const fast = this.#expected.mapping;
    for (const chunk of chunks) if (!(fast && chunk.mapped)) add(isFailing(), []);
  }

  #foreignUnmask(line: number): void {
    const { high, masked, armed } = this.#rig.machine.placed.line(line);
    // While the line is low the other one would break I8, and the core could not know.
    if (!high || !masked || !armed || this.#model.unmaskFails(line)) return;
    this.#rig.foreignUnmask(line);
    this.#forged[line] = true;
  }

  #unmask(line: number): void {
    const { device } = this.#rig;
    if (!this.#isLevel(line)) {
      this.#mustThrow(() => device.unmaskLine(line));
      return;
    }
    const model = this.#model;
    const fails = model.unmaskFails(line);
    const idle = device.lines[line]?.state === 'inactive';
    if (idle && this.#waiting(line) === 0) {
      if (fails) {
        // The caller learns it and the request stands, so there is nothing to retry.
        this.#mustThrow(() => device.unmaskLine(line));
        this.#expected.add([{ kind: 'unmask', line }]);
        this.#expected.lineAt(line).unmaskFailures--;
        return;
      }
      // Without a request it is one more try for a line that is stuck.
      model.maskOnRequest(line);
      this.#expected.add(model.unmaskOnRequest(line));
    } else {
      // A line whose signal waits will be unmasked at its EOI, only the model does not know
      // that; of a line that is not idle it does.
      model.failUnmasks(line, false);
      const outputs = model.unmaskOnRequest(line);
      model.failUnmasks(line, fails);
      if (!idle) this.#expected.add(outputs);
      if (idle) {
        // The eventfd was asked, and what it held waits for the next safe point.
        this.#rung[line] = this.#waiting(line);
        this.#held[line] = 0;
      }
    }
    device.unmaskLine(line);
  }

  #disconnect(line: number): void {
    const model = this.#model;
    const known =
      model.stateOf(line) === 'INACTIVE' &&
      this.#waiting(line) === 0 &&
      model.retryOf(line) === null &&
      !model.isStuck(line) &&
      !model.isHostMasked(line);
    if (this.#setup.policy === 'qemu' && (!known || model.fifo.includes(line))) {
      // QEMU cannot do it, and its machine has no invariants that would say what is right.
      return;
    }
    if (!known) this.#following = false;
    this.#ledgers[line] = new Ledger(this.#model.options);
    this.#rig.device.disconnectLine(line);
    this.#collect();
    this.#armed[line] = false;
    this.#rung[line] = 0;
    this.#held[line] = 0;
    model.setArmed(line, false);
  }

  #reconnect(line: number): void {
    if (this.#model.unmaskFails(line)) return;
    const { high, masked } = this.#rig.machine.placed.line(line);
    this.#rig.reconnect(line);
    this.#armed[line] = true;
    this.#model.setArmed(line, true);
    this.#collect();
    // A requested mask outlives the trigger, too.
    if (!this.#isLevel(line) || this.#model.isHostMasked(line)) return;
    if (high && !masked) {
      // It signalled at once and is masked for that. The eventfd was asked, and what it held
      // waits for the next safe point.
      this.#rung[line] = this.#waiting(line);
      this.#held[line] = 0;
    } else {
      // Its mask outlives a trigger.
      this.#expected.add([{ kind: 'unmask', line }]);
    }
  }

  #reset(): void {
    for (const line of this.#rung.keys()) {
      this.#rung[line] = 0;
      this.#held[line] = 0;
      this.#forged[line] = false;
      this.#ledgers[line]?.reset();
    }
    this.#expected.reset();
    this.#rig.device.reset();
  }

  #check(anyRuleOrder: boolean): void {
    const actual = this.#rig.takeOutputs();
    const expected = this.#expected.take();
    for (const output of actual) {
      if ('line' in output) this.#ledgers[output.line]?.outputs([output]);
    }
    this.#log.push(`    ${outputText(actual)}`);
    const found = this.#following ? this.#compare(expected, actual, anyRuleOrder) : [];
    const relevant = this.#setup.policy === 'strict' ? undefined : 'I7';
    for (const { id, text } of checkInvariants(this.#snapshot())) {
      if (relevant === undefined || id === relevant) found.push(`${id}: ${text}`);
    }
    if (found.length > 0) throw this.#failure(found);
  }

  /** The whole life so far, for reading. */
  #failure(found: readonly string[], cause?: unknown): Error {
    const lines = [setupText(this.#setup), ...this.#log, 'and then'];
    return new Error([...lines, ...found.map((text) => `! ${text}`)].join('\n'), { cause });
  }

  #compare(expected: Output[], actual: Output[], anyRuleOrder: boolean): string[] {
    const isSerialised = (line: number) => this.#model.isSerialised(line);
    const same = (outputs: Output[]) =>
      inModelOrder(outputs, anyRuleOrder, isSerialised, this.#setup.policy === 'qemu');
    const [want, have] = [outputText(same(expected)), outputText(same(actual))];
    return [
      ...(want === have ? [] : [`outputs: expected ${want}, the core did ${have}`]),
      ...differences(this.#setup, this.#rig, this.#model, this.#expected, (line) =>
        this.#waiting(line),
      ),
    ];
  }

  #snapshot(): Snapshot {
    const { device, machine, up } = this.#rig;
    const { fifo } = this.#rig.inside(this.#setup.lines.length);
    return {
      lines: device.lines.map((info, line) => {
        const { masked, pending } = machine.placed.line(line);
        const state = info.state.toUpperCase() as 'INACTIVE' | 'PENDING' | 'ACTIVE';
        const silent = this.#forged[line] || !this.#armed[line];
        const ledger = this.#ledgers[line];
        return {
          trigger: silent ? 'edge' : info.trigger,
          serialised: this.#model.isSerialised(line),
          state,
          up: up[line] ?? false,
          again: info.waiting,
          masked,
          hostMasked: info.maskRequested,
          undrained: pending > 0 || this.#waiting(line) > 0,
          retrying: info.retrying,
          stuck: info.stuck,
          ...(ledger !== undefined &&
            !(silent && info.trigger === 'level') && {
              ledger: { owed: ledger.owed(line), causeless: ledger.causeless(line) },
            }),
        };
      }),
      fifo,
      directMapping: this.#setup.directMapping,
      mappingOn: machine.mapped,
    };
  }

  /** Signals of the line that nobody has handled. */
  #waiting(line: number): number {
    return (this.#rung[line] ?? 0) + (this.#held[line] ?? 0);
  }

  #isLevel(line: number): boolean {
    return this.#setup.lines[line]?.trigger === 'level';
  }

  #mustThrow(call: () => void): void {
    try {
      call();
    } catch {
      return;
    }
    throw new Error('a call that must be refused went through');
  }
}
