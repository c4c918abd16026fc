import { type Duty, must, refused, same } from './subject';

/** A part of a state that tells what was asked of it. */
class NotingPart {
  readonly seen: string[] = [];
  constructor(readonly content: number) {}
  save(): Uint8Array {
    this.seen.push('save');
    return Uint8Array.of(this.content, 2, 3);
  }
  restore(state: Uint8Array | undefined): void {
    this.seen.push(`restore ${state === undefined ? 'nothing' : [...state].join(' ')}`);
  }
}

/** What happens to the machine as a whole, where it can be reset or saved. */
export const wholeMachineDuties: readonly Duty[] = [
  {
    name: 'a reset is told once to each listener, until it is taken away',
    async check(target) {
      const { machine } = target;
      if (!machine.onReset || !target.reset) return;
      const told: string[] = [];
      const stop = machine.onReset(() => told.push('one'));
      const stopOther = machine.onReset(() => told.push('other'));
      await target.reset();
      same(told.sort(), ['one', 'other'], 'listeners told of a reset');
      stop();
      stop();
      await target.reset();
      same(told.sort(), ['one', 'other', 'other'], 'listeners told of two resets');
      stopOther();
      await target.reset();
      same(told.length, 3, 'listeners told, with one reset after they were taken away');
    },
  },
  {
    name: 'a saved state has its parts; one without a part says so; names are unique',
    async check(target) {
      const { machine } = target;
      if (!machine.keepInState || !target.save || !target.restore) return;
      const without = await target.save();
      const [one, other] = [new NotingPart(1), new NotingPart(9)];
      const drop = machine.keepInState('one', one);
      machine.keepInState('other', other);
      await refused(() => machine.keepInState?.('one', other), 'a second part of the same name');
      const state = await target.save();
      await target.restore(state);
      await target.restore(without);
      same(one.seen, ['save', 'restore 1 2 3', 'restore nothing'], 'calls of a part');
      same(other.seen, ['save', 'restore 9 2 3', 'restore nothing'], 'calls of another part');
      drop();
      drop();
      await target.save();
      same(one.seen.length, 3, 'calls of a part, with a save after it was taken away');
      must(other.seen.length === 4, 'the part that stayed was not saved again');
      machine.keepInState('one', one);
    },
  },
];
