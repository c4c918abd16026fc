import { lineAt, type Output, type ReferenceState } from './state';

const DEFAULT_ATTEMPTS = 16;
const LONGEST_WAIT = 64;

/** Unmasks a level line unless somebody wants it masked; 'qemu' never looks at the result (D18). */
export function unmaskIfDue(state: ReferenceState, out: Output[], line: number): void {
  const { trigger, hostMasked } = lineAt(state, line);
  if (trigger === 'level' && !hostMasked) {
    attempt(state, out, line);
  }
}

/** One line, the next in the round, has its turn. */
export function serveRetry(state: ReferenceState, out: Output[]): void {
  const count = state.lines.length;
  for (let step = 1; step <= count; step++) {
    const line = (state.lastServed + step) % count;
    const { retry } = lineAt(state, line);
    if (retry !== null) {
      state.lastServed = line;
      retry.wait -= 1;
      if (retry.wait === 0) {
        attempt(state, out, line);
      }
      return;
    }
  }
}

export function cancelRetry(state: ReferenceState, line: number): void {
  lineAt(state, line).retry = null;
  lineAt(state, line).stuck = false;
}

function attempt(state: ReferenceState, out: Output[], line: number): void {
  const target = lineAt(state, line);
  const failedBefore = target.retry?.attempts ?? 0;
  cancelRetry(state, line);
  out.push({ kind: 'unmask', line });
  if (!target.unmaskFails || state.options.policy === 'qemu') {
    return;
  }
  const attempts = failedBefore + 1;
  if (attempts >= (state.options.maxUnmaskAttempts ?? DEFAULT_ATTEMPTS)) {
    target.stuck = true;
    out.push({ kind: 'stuck', line });
  } else {
    target.retry = { attempts, wait: Math.min(2 ** (attempts - 1), LONGEST_WAIT) };
  }
}
