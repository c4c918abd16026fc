/**
 * Checks that an adapter keeps the contract of {@link Machine}, for any test
 * runner: run each check, and what throws has failed.
 *
 * @module
 */
import { accessDuties } from './accesses';
import { deviceDuties } from './device';
import { interruptDuties } from './interrupts';
import { runLoopDuties } from './run-loop';
import type { ConformanceCheck, ConformanceSubject, Duty } from './subject';
import { wholeMachineDuties } from './whole-machine';

const duties: readonly Duty[] = [
  ...runLoopDuties,
  ...accessDuties,
  ...interruptDuties,
  ...deviceDuties,
  ...wholeMachineDuties,
];

/**
 * All checks that apply to `subject`. Each makes a machine of its own, and may
 * run in any order; those that need what the subject has not are left out.
 */
export function conformanceChecks(subject: ConformanceSubject): readonly ConformanceCheck[] {
  return duties
    .filter(({ needs }) => needs === undefined || subject[needs] !== undefined)
    .map(({ name, check }) => ({
      name,
      async run() {
        const target = await subject.create();
        try {
          await check(target, subject);
        } finally {
          await target.dispose?.();
        }
      },
    }));
}

export {
  type ConformanceCheck,
  ConformanceError,
  type ConformanceSubject,
  type ConformanceTarget,
  type GuestAccess,
  type GuestInput,
  type GuestProgram,
} from './subject';
