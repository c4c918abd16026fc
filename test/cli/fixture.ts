import { listDevices } from '../../host/cli/devices/host-device';
import type { CreatedFile, OpenedFile, Terminal, UserFiles } from '../../host/cli/environment';
import { CommandError } from '../../host/cli/failure';
import { runCommandLine } from '../../host/cli/run-command-line';
import {
  SimulatedSystem,
  type SimulatedSystemOptions,
} from '../../host/cli/simulated/simulated-system';

/** The files that the user has; nothing touches a disk. */
export class FakeUserFiles implements UserFiles {
  readonly files = new Map<string, Uint8Array>();

  read(path: string, most: number): Uint8Array {
    const bytes = this.files.get(path);
    if (bytes === undefined) throw new CommandError('NO_SUCH_FILE', `there is no file ${path}`);
    if (bytes.length > most) throw new CommandError('FILE_FAILED', `${path} is too long`);
    return bytes;
  }

  write(path: string, bytes: Uint8Array): void {
    this.files.set(path, bytes);
  }

  remove(path: string): void {
    this.files.delete(path);
  }

  open(path: string): OpenedFile {
    const bytes = this.read(path, Number.POSITIVE_INFINITY);
    return {
      size: bytes.length,
      read: (at, length) => bytes.slice(at, at + length),
      close: () => {},
    };
  }

  create(path: string, replace: boolean): CreatedFile {
    if (!replace && this.files.has(path)) {
      throw new CommandError('FILE_EXISTS', `${path} is there already`);
    }
    this.files.set(path, new Uint8Array());
    return {
      write: (more) => {
        const bytes = this.files.get(path) ?? new Uint8Array();
        this.files.set(path, Uint8Array.from(Buffer.concat([bytes, more])));
      },
      close: () => {},
    };
  }
}

/** A terminal in memory. Time goes by only while a command sleeps. */
export class FakeTerminal implements Terminal {
  output = '';
  errors = '';
  readonly colour = false;
  readonly interactive = false;
  readonly columns = 80;
  readonly files = new FakeUserFiles();
  readonly #interrupt = new AbortController();
  readonly interrupted = this.#interrupt.signal;
  #nowMs = 0;
  /** Called whenever a command sleeps. */
  onSleep: (nowMs: number) => void = () => {};

  out(text: string): void {
    this.output += text;
  }

  error(text: string): void {
    this.errors += text;
  }

  /** Ctrl-C. */
  interrupt(): void {
    this.#interrupt.abort();
  }

  uuid(): string {
    return '01234567-89ab-4cde-8f01-23456789abcd';
  }

  async blocking<T>(work: () => T | Promise<T>): Promise<T> {
    return work();
  }

  /** What the user's commands answer. */
  onShell: (command: string, argument: string) => number | Promise<number> = () => 127;

  async shell(command: string, argument: string): Promise<number> {
    return this.onShell(command, argument);
  }

  nowMs(): number {
    return this.#nowMs;
  }

  async sleep(ms: number): Promise<void> {
    this.#nowMs += ms;
    this.onSleep(this.#nowMs);
  }
}

/** A simulated computer and a user in front of it. */
export class Desk {
  readonly system: SimulatedSystem;
  terminal = new FakeTerminal();

  constructor(options: SimulatedSystemOptions = {}) {
    this.system = new SimulatedSystem(options);
  }

  /** Calls vfio-wasm; each call has a terminal of its own unless one is set up. */
  async run(...args: readonly string[]) {
    const { terminal } = this;
    const systems = { native: async () => this.system, sim: async () => this.system };
    const code = await runCommandLine(args, terminal, systems, '1.2.3');
    this.terminal = new FakeTerminal();
    return { code, out: terminal.output, error: terminal.errors };
  }

  /** The same with --json, parsed. */
  async json(...args: readonly string[]) {
    const { code, out } = await this.run(...args, '--json');
    return { code, data: JSON.parse(out) };
  }

  /** Which driver each device has, and which one it is reserved for. */
  bindings(): Record<string, string> {
    return Object.fromEntries(
      listDevices(this.system.files).map(({ name, driver, driverOverride }) => [
        name,
        `${driver ?? '-'} (${driverOverride ?? '-'})`,
      ]),
    );
  }

  /** Bindings, and what is remembered about them. */
  state() {
    const names = Object.keys(this.bindings());
    const keys = names.flatMap((name) => [`amba-${name}`, `platform-${name}`]);
    const records = keys.flatMap((key) => this.system.records.load(key) ?? []);
    return { bindings: this.bindings(), records };
  }
}

export function widest(text: string): number {
  return Math.max(...text.split('\n').map((line) => [...line].length));
}
