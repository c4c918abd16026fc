import { VfioError } from '../../errors';
import {
  type BootGuest,
  type Divergence,
  DivergenceError,
  divergenceText,
  MachineDebugger,
  type ReplayHost,
  replayHost,
  type Trace,
} from '../../trace';
import { isReplayFailure } from '../../trace/error-code';
import type { Invocation, Report } from '../arguments/command';
import { flag } from '../arguments/values';
import { EXIT_BAD_FILE, EXIT_CHECK, EXIT_OK } from '../exit-codes';
import {
  type DeviceSource,
  type GuestPlan,
  guestExit,
  guestPlan,
  guestText,
  plugAll,
  runGuest,
  serialOutput,
  unplugAll,
} from '../guests/run-guest';
import { MAX_IMAGE_BYTES } from '../limits';
import { hang } from '../output/text';
import { placeText, type WalkPlan, walkThrough } from './walk';

/** The guest again, to the end or to a place, with the traces for its devices. */
export async function replayMachine(
  invocation: Invocation,
  imagePath: string,
  traces: readonly Trace[],
  place: WalkPlan | undefined,
): Promise<Report> {
  const image = invocation.terminal.files.read(imagePath, MAX_IMAGE_BYTES);
  const plan = guestPlan(invocation.values);
  return place === undefined
    ? runToEnd(invocation, image, traces, plan)
    : runTo(invocation, image, traces, plan, place);
}

async function runToEnd(
  { terminal, values, json }: Invocation,
  image: Uint8Array,
  traces: readonly Trace[],
  plan: GuestPlan,
): Promise<Report> {
  const guest = await plan.kind.create(image, {});
  const serial = serialOutput(terminal, json, plan);
  let host: ReplayHost | undefined;
  try {
    host = replayHost(traces, { force: flag(values, 'force') });
    const outcome = await runGuest(guest, sourceOf(host, traces), plan, terminal, serial);
    if (guestExit(outcome) === EXIT_OK) host.finish();
    return {
      exitCode: guestExit(outcome),
      data: { ok: true, mode: 'machine', divergence: undefined, ...outcome },
      text: (paint, columns) => [
        ...guestText(outcome, paint, columns),
        paint('green', 'the guest did the same'),
      ],
    };
  } catch (error) {
    const cause = missedIn(host, traceErrorOf(error));
    if (cause instanceof DivergenceError) {
      const divergence = (await host?.locate(cause.divergence)) ?? cause.divergence;
      return differs(divergence, { serial: serial.text });
    }
    if (cause?.code !== 'TRACE_ENDED') throw error;
    return ends(cause.message, { serial: serial.text });
  } finally {
    guest.detach();
  }
}

async function runTo(
  { terminal, values }: Invocation,
  image: Uint8Array,
  traces: readonly Trace[],
  plan: GuestPlan,
  place: WalkPlan,
): Promise<Report> {
  const boot: BootGuest = async (host) => {
    const guest = await plan.kind.create(image, {});
    const plugged: Parameters<typeof unplugAll>[0][number][] = [];
    const dispose = () => {
      try {
        unplugAll(plugged);
      } finally {
        guest.detach();
      }
    };
    try {
      await plugAll(guest, sourceOf(host, traces), plan.specs, plugged, () => {});
    } catch (error) {
      dispose();
      throw error;
    }
    return {
      machine: guest.machine,
      run: (stop, limitNs) => guest.runThrough(stop, limitNs),
      unplug(name) {
        plugged.find(({ device }) => device.name === name)?.unplug();
      },
      dispose,
    };
  };
  let walk: MachineDebugger | undefined;
  try {
    walk = await MachineDebugger.start(traces, boot, { force: flag(values, 'force') });
    const there = await walkThrough(walk, place, terminal);
    // The closing is none of the guest's.
    const over = walk.ended || there.next?.name === 'close';
    const ending = walk.endedBy ?? (over ? walk.trace : undefined);
    const cut = ending?.cut && `${ending.header.device.name}: ${ending.cut.reason}`;
    return {
      exitCode: cut === undefined ? EXIT_OK : EXIT_BAD_FILE,
      data: { ok: cut === undefined, mode: 'machine', divergence: undefined, cut, ...there },
      text: (paint, columns) => [
        ...placeText(there),
        ...(cut === undefined
          ? []
          : hang('', paint('yellow', `it ends here, with ${cut}`), columns)),
      ],
    };
  } catch (error) {
    if (!(error instanceof DivergenceError)) throw error;
    return differs((await walk?.locate(error))?.divergence ?? error.divergence, {});
  } finally {
    walk?.dispose();
  }
}

function differs(divergence: Divergence, more: object): Report {
  return {
    exitCode: EXIT_CHECK,
    data: { ok: false, mode: 'machine', divergence, ...more },
    text: (paint) => [paint('red', 'the guest does something else'), divergenceText(divergence)],
  };
}

function ends(cut: string, more: object): Report {
  return {
    exitCode: EXIT_BAD_FILE,
    data: { ok: false, mode: 'machine', divergence: undefined, cut, ...more },
    text: (paint, columns) => [
      paint('green', 'the guest did the same, as far as is recorded'),
      ...hang('', cut, columns),
    ],
  };
}

/** Behind the end of a recording: what the guest had left out before; the error itself otherwise. */
function missedIn(host: ReplayHost | undefined, error: VfioError | undefined) {
  if (error?.code !== 'TRACE_ENDED') return error;
  try {
    host?.finish();
  } catch (missed) {
    return traceErrorOf(missed);
  }
  return error;
}

/** The replay's own error somewhere behind another: an emulator may wrap what a device throws. */
function traceErrorOf(error: unknown): VfioError | undefined {
  for (let each = error; each instanceof Error; each = each.cause) {
    if (each instanceof VfioError && isReplayFailure(each)) return each;
  }
  return undefined;
}

function sourceOf(host: ReplayHost, traces: readonly Trace[]): DeviceSource {
  return {
    host,
    paced: false,
    locate: (name) => ({ host: fullName(name, traces) }),
    explain: (_, error) => error,
  };
}

/** As on a host, a part of a device's name will do. */
function fullName(name: string, traces: readonly Trace[]): string {
  const names = traces.map(({ header }) => header.device.name);
  const similar = names.filter((each) => each.includes(name));
  return names.includes(name) || similar.length !== 1 ? name : (similar[0] as string);
}
