import type { VfioHost } from '../../boundary/host';
import type { VfioPlatformDevice } from '../../device/device';
import { type PluggedDevice, plug } from '../../machines/plug';
import type { OptionSpec, Values } from '../arguments/command';
import { oneOf, seconds, text as textOption, texts } from '../arguments/values';
import { type DeviceSpec, parseDeviceSpec } from '../arguments/wiring';
import type { HostSystem, Terminal } from '../environment';
import { EXIT_INTERRUPTED, EXIT_OK, EXIT_TIMEOUT } from '../exit-codes';
import { CommandError } from '../failure';
import { DEFAULT_RUN_LIMIT_S, MAX_RUN_DEVICES } from '../limits';
import type { Paint } from '../output/paint';
import { hang } from '../output/text';
import type { Guest, GuestKind, StretchEnd } from './guest';
import { guestKinds } from './kinds';
import { SerialOutput } from './serial';

/** Guest time between two turns of the event loop, in which Ctrl-C is heard. */
const STRETCH_NS = 5_000_000;

/** Options of the commands that run a guest. */
export const guestOptions = {
  machine: {
    type: 'string',
    value: guestKinds.map(({ name }) => name).join('|'),
    help: `the emulator (${guestKinds[0]?.name})`,
  },
  device: {
    type: 'string',
    short: 'd',
    multiple: true,
    value: 'DEVICE,…',
    help: 'a device, where the guest sees it, and options; may be repeated',
  },
  limit: {
    type: 'string',
    value: 'SECONDS',
    help: `guest time after which it ends (${DEFAULT_RUN_LIMIT_S})`,
  },
  until: { type: 'string', value: 'TEXT', help: 'end when a serial port has sent this' },
} as const satisfies Readonly<Record<string, OptionSpec>>;

/** What is to be run, and for how long. */
export interface GuestPlan {
  readonly kind: GuestKind;
  readonly specs: readonly DeviceSpec[];
  readonly limitNs: number;
  readonly until: string | undefined;
}

/** @throws CommandError USAGE */
export function guestPlan(values: Values): GuestPlan {
  const names = guestKinds.map(({ name }) => name);
  const chosen = oneOf(values, 'machine', names, names[0] as string);
  const specs = texts(values, 'device').map(parseDeviceSpec);
  if (specs.length > MAX_RUN_DEVICES) {
    throw new CommandError('USAGE', `a machine takes ${MAX_RUN_DEVICES} devices at most`);
  }
  return {
    kind: guestKinds.find(({ name }) => name === chosen) as GuestKind,
    specs,
    limitNs: (seconds(values, 'limit') ?? DEFAULT_RUN_LIMIT_S * 1000) * 1e6,
    until: textOption(values, 'until'),
  };
}

/** Where the devices of a run come from. */
export interface DeviceSource {
  /** The host to plug them from. */
  readonly host: VfioHost;
  /** Keeps the guest's time in step with the host's, because devices are real. */
  readonly paced: boolean;
  /** What the options must say to open the device of that name. @throws when it cannot be opened */
  locate(name: string): { readonly sysfsdev: string } | { readonly host: string };
  /** Gives an error the remedy that the host knows. */
  explain(name: string, error: unknown): unknown;
  /** Called between two stretches of the run. */
  betweenStretches?(): void;
}

export type GuestEnd = StretchEnd | 'interrupted';

/** What came of a run. */
export interface GuestOutcome {
  readonly machine: string;
  readonly end: GuestEnd;
  readonly guestNs: number;
  readonly untilFound: boolean | undefined;
  readonly devices: readonly DeviceSummary[];
  readonly serial: string;
}

type DeviceSummary = ReturnType<typeof summary>;

function summary(device: VfioPlatformDevice) {
  const { reads, writes, failed, refused } = device.statistics;
  return {
    name: device.name,
    reads,
    writes,
    failed,
    refused,
    lines: device.lines.map(({ index, statistics }) => ({ line: index, ...statistics })),
  };
}

/** Takes devices out of their machine, the last one first, all of them also when one throws. */
export function unplugAll(plugged: readonly PluggedDevice[]): void {
  const failures: unknown[] = [];
  for (const { unplug } of [...plugged].reverse()) {
    try {
      unplug();
    } catch (error) {
      failures.push(error);
    }
  }
  if (failures.length > 0) throw failures[0];
}

/** Plugs devices in, in order. @param plugged gets those that are in, also when one fails */
export async function plugAll(
  guest: Guest,
  source: DeviceSource,
  specs: readonly DeviceSpec[],
  plugged: PluggedDevice[],
  warn: (text: string) => void,
): Promise<void> {
  for (const { name, wiring, options } of specs) {
    try {
      const place = source.locate(name);
      plugged.push(
        await plug(source.host, { ...options, ...place }, guest.machine, {
          ...wiring,
          listener: (event) => {
            if (event.type === 'warning') warn(event.message);
            else if (event.type === 'line-stuck') warn(`${name}: line ${event.line} is stuck`);
            else if (event.type === 'device-gone') {
              warn(`${name}: the device is gone: line ${event.line} fires no more`);
            } else if (event.type === 'bus-error') {
              const place = `region ${event.region} at 0x${event.offset.toString(16)}`;
              warn(
                `${name}: the bus refused an access to ${place}, which reads as ones from now on`,
              );
            }
          },
        }),
      );
    } catch (error) {
      throw source.explain(name, error);
    }
  }
}

async function stretches(
  guest: Guest,
  source: DeviceSource,
  interrupted: AbortSignal,
  limitNs: number,
  done: () => boolean,
): Promise<GuestEnd> {
  const { clock } = guest.machine;
  const startNs = clock.nowNs();
  const stop = () => done() || interrupted.aborted;
  for (;;) {
    const leftNs = limitNs - (clock.nowNs() - startNs);
    if (leftNs <= 0) return 'limit';
    const stretchNs = Math.min(leftNs, STRETCH_NS);
    const end = source.paced ? await guest.runPaced(stop, stretchNs) : guest.run(stop, stretchNs);
    source.betweenStretches?.();
    if (interrupted.aborted) return 'interrupted';
    if (end !== 'limit' || done()) return end;
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/**
 * Plugs the devices into the guest, runs it, and takes them out again.
 *
 * @param guest has not run yet; the caller detaches it
 * @param serial hears what the machine's own serial ports send
 */
export async function runGuest(
  guest: Guest,
  source: DeviceSource,
  plan: GuestPlan,
  terminal: Terminal,
  serial: SerialOutput,
): Promise<GuestOutcome> {
  const plugged: PluggedDevice[] = [];
  const { clock } = guest.machine;
  let outcome: GuestOutcome;
  try {
    guest.onSerial((byte) => serial.receive(byte));
    await plugAll(guest, source, plan.specs, plugged, (text) =>
      terminal.error(`vfio-wasm: ${text}\n`),
    );
    const end = await stretches(
      guest,
      source,
      terminal.interrupted,
      plan.limitNs,
      () => serial.found,
    );
    outcome = {
      machine: plan.kind.name,
      end,
      guestNs: Math.round(clock.nowNs()),
      untilFound: plan.until === undefined ? undefined : serial.found,
      devices: plugged.map(({ device }) => summary(device)),
      serial: serial.text,
    };
  } catch (error) {
    try {
      unplugAll(plugged);
    } catch {
      // The first error is the one that tells what happened.
    }
    throw error;
  }
  unplugAll(plugged);
  return outcome;
}

/** Prints what serial ports send as it comes, unless the output is for programs. */
export function serialOutput(terminal: Terminal, json: boolean, plan: GuestPlan): SerialOutput {
  return new SerialOutput((text) => {
    if (!json) terminal.out(text);
  }, plan.until);
}

/** The guest's RAM is made for DMA only where a device does it. */
export function allocator(system: HostSystem, { specs }: GuestPlan) {
  return specs.some(({ options }) => options.dma === true)
    ? (size: number) => system.allocGuestRam(size)
    : undefined;
}

const endings: Readonly<Record<GuestEnd, string>> = {
  stopped: 'the text came',
  limit: 'the limit of time was reached',
  asleep: 'the guest sleeps and nothing is due that could wake it',
  interrupted: 'interrupted',
};

export function guestExit({ end, untilFound }: GuestOutcome): number {
  if (end === 'interrupted') return EXIT_INTERRUPTED;
  return untilFound === false ? EXIT_TIMEOUT : EXIT_OK;
}

export function guestText(outcome: GuestOutcome, paint: Paint, columns: number): string[] {
  const { machine, guestNs, end, devices, serial } = outcome;
  const first = `${machine}: ${(guestNs / 1e6).toFixed(3)} ms of guest time; ${endings[end]}`;
  return [
    ...(serial === '' || serial.endsWith('\n') ? [] : ['']),
    ...hang('', first, columns).map((line) => paint('bold', line)),
    ...devices.flatMap(({ name, reads, writes, failed, refused, lines }) => [
      `  ${name}: ${reads} reads, ${writes} writes` +
        (failed + refused > 0 ? `, ${failed} failed, ${refused} refused` : ''),
      ...lines.map(
        ({ line, signals, injections, completions }) =>
          `    line ${line}: ${signals} signals, ${injections} injections, ${completions} completions`,
      ),
    ]),
  ];
}
