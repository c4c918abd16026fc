import { setTimeout as sleep } from 'node:timers/promises';
import type { Bench } from '../scenarios/scenario';
import { askBoard } from './ports';

/** Within this an interrupt or a work item of the kernel has certainly arrived. */
const SETTLE_MS = 4;

/** The lab's board with the kernel that this runs on. */
export async function kernelBench(): Promise<Bench> {
  const shim = '/lab/shim.mjs';
  const { kernel, sysfs } = await import(shim);
  return {
    kernel,
    sysfs,
    pass: (milliseconds) => sleep(milliseconds),
    settle: () => sleep(SETTLE_MS),
    setPin: (pin, high) => {
      askBoard({ do: 'pin', pin, high });
    },
  };
}
