import type { Command } from '../arguments/command';
import { parseWrites, type RegisterWrite } from '../arguments/registers';
import { numberOption, oneOf, seconds, texts, wholeNumber } from '../arguments/values';
import { writeRegister } from '../connect/access';
import {
  attachOptions,
  OPEN_NOTE,
  type OpenedDevice,
  openForCommand,
  openOptions,
} from '../connect/open';
import { findDevice } from '../devices/find-device';
import type { Terminal } from '../environment';
import { EXIT_INTERRUPTED, EXIT_OK, EXIT_TIMEOUT } from '../exit-codes';
import { CommandError } from '../failure';
import { DEFAULT_IRQ_TIMEOUT_S, MAX_IRQ_COUNT, MAX_IRQ_TIMES, MAX_LINE } from '../limits';
import { count as counted } from '../output/text';

/** Milliseconds of one wait; a stalled line and Ctrl-C are seen at its end. */
const WAIT_MS = 100;
/** Interrupts after which the event loop gets a turn: a line that is stuck up never pauses. */
const BURST = 1000;

interface Watch {
  readonly line: number;
  /** Interrupts to wait for; 0 for no end. */
  readonly wanted: number;
  readonly timeoutMs: number;
  readonly width: number;
  /** Made once the line is armed. */
  readonly set: readonly RegisterWrite[];
  readonly acknowledge: readonly RegisterWrite[];
}

interface Seen {
  readonly interrupts: number;
  /** Of the first ones, in nanoseconds of the host's clock since the start. */
  readonly timesNs: readonly number[];
  readonly elapsedNs: number;
  readonly end: 'count' | 'timeout' | 'interrupted' | 'idle';
}

/** Waits for interrupts, and completes each as a guest's handler would. */
async function watch(opened: OpenedDevice, terminal: Terminal, plan: Watch): Promise<Seen> {
  const { device, connection } = opened;
  const { clock } = connection;
  const startNs = clock.nowNs();
  const timesNs: number[] = [];
  let interrupts = 0;
  let up = false;
  device.connectLine(plan.line, {
    up: () => {
      up = true;
      interrupts++;
      if (timesNs.length < MAX_IRQ_TIMES) timesNs.push(clock.nowNs() - startNs);
    },
    down: () => {},
  });
  for (const { place, value } of plan.set) {
    writeRegister(opened, place, plan.width, BigInt(value));
  }
  const enough = () => plan.wanted > 0 && interrupts >= plan.wanted;
  const complete = () => {
    for (let burst = 0; up && burst < BURST; burst++) {
      up = false;
      for (const { place, value } of plan.acknowledge) {
        writeRegister(opened, place, plan.width, BigInt(value));
      }
      if (enough()) return;
      device.completeLine(plan.line);
      device.safePoint();
    }
  };
  const leftMs = () => plan.timeoutMs - (clock.nowNs() - startNs) / 1e6;
  const finish = (end: Seen['end']): Seen => ({
    interrupts,
    timesNs,
    elapsedNs: clock.nowNs() - startNs,
    end,
  });
  for (;;) {
    device.safePoint();
    complete();
    if (enough()) return finish('count');
    if (terminal.interrupted.aborted) return finish('interrupted');
    if (plan.timeoutMs > 0 && leftMs() <= 0) return finish('timeout');
    const waitMs = plan.timeoutMs > 0 ? Math.min(leftMs(), WAIT_MS) : WAIT_MS;
    const goesOn = await connection.wait(up ? 0 : waitMs, terminal.interrupted);
    if (!goesOn && !up && plan.timeoutMs === 0 && !device.signalsWaiting) return finish('idle');
  }
}

function intervals(timesNs: readonly number[]) {
  const gaps = timesNs
    .slice(1)
    .map((time, index) => time - (timesNs[index] as number))
    .sort((a, b) => a - b);
  if (gaps.length === 0) return undefined;
  const at = (index: number) => Math.round(gaps[index] as number);
  return { min: at(0), median: at(gaps.length >> 1), max: at(gaps.length - 1) };
}

function exitOf(end: Seen['end'], wanted: number): number {
  if (end === 'count') return EXIT_OK;
  // Without a count Ctrl-C is how it ends.
  if (end === 'interrupted') return wanted === 0 ? EXIT_OK : EXIT_INTERRUPTED;
  return wanted === 0 ? EXIT_OK : EXIT_TIMEOUT;
}

const milliseconds = (ns: number) => (ns / 1e6).toFixed(3);

function render(device: string, line: number, seen: Seen, wanted: number): string[] {
  const { interrupts, elapsedNs, end, timesNs } = seen;
  const first = timesNs[0];
  const gaps = intervals(timesNs);
  const reason = {
    count: '',
    timeout: wanted > 0 ? `; ${wanted} were wanted when time ran out` : '',
    interrupted: '; interrupted',
    idle: '; nothing more can happen',
  }[end];
  const lines = [
    `${device} line ${line}: ${counted(interrupts, 'interrupt')} in ${milliseconds(elapsedNs)} ms${reason}`,
  ];
  if (first !== undefined) lines.push(`  first after ${milliseconds(first)} ms`);
  if (gaps !== undefined) {
    lines.push(
      `  interval min ${milliseconds(gaps.min)}, median ${milliseconds(gaps.median)}, max ${milliseconds(gaps.max)} ms`,
    );
  }
  return lines;
}

export const irq: Command = {
  name: 'irq',
  summary: 'wait for interrupts of a line and count them',
  usage: 'DEVICE LINE',
  positionals: [2, 2],
  options: {
    count: { type: 'string', short: 'n', value: 'N', help: 'end after so many; 0: no end (1)' },
    timeout: {
      type: 'string',
      short: 't',
      value: 'SECONDS',
      help: `end after so long; 0: no limit (${DEFAULT_IRQ_TIMEOUT_S})`,
    },
    set: {
      type: 'string',
      multiple: true,
      value: 'REGISTER=VALUE',
      help: 'write this first, to make the device interrupt; may be repeated',
    },
    ack: {
      type: 'string',
      multiple: true,
      value: 'REGISTER=VALUE',
      help: 'write this at each interrupt, to make the device stop; may be repeated',
    },
    width: { type: 'string', short: 'w', value: '1|2|4', help: 'bytes of these writes (4)' },
    ...openOptions,
  },
  description: `
Arms an interrupt line, waits for interrupts, completes and counts them. A level
line that nothing acknowledges (--ack) interrupts again as soon as it is
unmasked: that is counted, too. Ends with exit code 7 when the count was not
reached in time. REGISTER is [REGION:]OFFSET or a name.

${OPEN_NOTE}

  vfio-wasm irq 9010000.pl031 0 --set RTCMR=2 --set RTCLR=0 --set RTCCR=1 \\
      --set RTCIMSC=1 --ack RTCICR=1
`,
  async run({ positionals, values, terminal, system }) {
    const found = findDevice(system.files, positionals[0] as string);
    const line = wholeNumber(positionals[1] as string, 'LINE', 0, MAX_LINE);
    const wanted = numberOption(values, 'count', { most: MAX_IRQ_COUNT, otherwise: 1 });
    const timeoutMs = seconds(values, 'timeout') ?? DEFAULT_IRQ_TIMEOUT_S * 1000;
    const width = Number(oneOf(values, 'width', ['1', '2', '4'], '4'));
    const opened = await openForCommand(system, found, attachOptions(values));
    try {
      const { device } = opened;
      const lines = device.lines.length;
      if (line >= lines) {
        throw new CommandError('USAGE', `${device.name} has no line ${line}; it has ${lines}`, {
          device: device.name,
        });
      }
      const set = parseWrites(texts(values, 'set'), width, device);
      const acknowledge = parseWrites(texts(values, 'ack'), width, device);
      device.setEoiSource(line, 'irqchip');
      const plan = { line, wanted, timeoutMs, width, set, acknowledge };
      const seen = await watch(opened, terminal, plan);
      const { interrupts, elapsedNs, end, timesNs } = seen;
      return {
        exitCode: exitOf(end, wanted),
        data: {
          device: device.name,
          line,
          trigger: device.lines[line]?.trigger,
          interrupts,
          elapsedNs: Math.round(elapsedNs),
          firstNs: timesNs[0] === undefined ? undefined : Math.round(timesNs[0]),
          intervalsNs: intervals(timesNs),
          end,
        },
        text: () => render(device.name, line, seen, wanted),
      };
    } finally {
      opened.close();
    }
  },
};
