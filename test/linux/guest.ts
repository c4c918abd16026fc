import { fileURLToPath } from 'node:url';
import { V86 } from 'v86';
import { V86Machine } from '../../host/machines/v86';
import { type Board, type BoardOptions, plugBoard } from './board';

const MEMORY_BYTES = 96 << 20;
/** Self-tests and certificates of the kernel cost minutes in an emulator and have nothing to do with devices. */
const COMMAND_LINE = [
  'console=ttyS0',
  'quiet',
  'panic=-1',
  'lsm=',
  'noisapnp',
  'mitigations=off',
  'cryptomgr.notests=1',
  'initcall_blacklist=init_kprobe_trace,load_system_certificate_list',
].join(' ');

/** Far more than it takes; a machine under load is no failure. */
const BOOT_LIMIT_MS = 800_000;
const COMMAND_LIMIT_MS = 400_000;
const READY = /@@ready\r?\n/;
const DONE = /@@done (\d+)\r?\n/;

/** What a guest boots from. */
export interface BootFiles {
  readonly bios: Uint8Array;
  readonly kernel: Uint8Array;
  readonly initrd: Uint8Array;
}

const bufferOf = (bytes: Uint8Array) => new Uint8Array(bytes).buffer;

/** Debian in v86 with the devices of {@link Board}; commands go over its first serial port. */
export class LinuxGuest {
  readonly emulator: V86;
  readonly machine: V86Machine;
  readonly board: Board;
  #console = '';
  #changed: (() => void) | undefined;

  private constructor(emulator: V86, machine: V86Machine, board: Board) {
    this.emulator = emulator;
    this.machine = machine;
    this.board = board;
    emulator.add_listener('serial0-output-byte', (byte: number) => {
      this.#console += String.fromCharCode(byte);
      if (byte === 0x0a) this.#changed?.();
    });
  }

  /** Boots until the guest takes commands. */
  static async boot(files: BootFiles): Promise<LinuxGuest> {
    const guest = await LinuxGuest.#create(files, true);
    guest.machine.addAcpiTable(guest.board.ssdt);
    void guest.emulator.run();
    await guest.until(READY, BOOT_LIMIT_MS);
    return guest;
  }

  /** Goes on from a state that save() made, with devices that are as after a reset. */
  static async restore(
    files: BootFiles,
    state: ArrayBuffer,
    options: BoardOptions,
  ): Promise<LinuxGuest> {
    const guest = await LinuxGuest.#create(files, false, options);
    await guest.emulator.restore_state(state);
    void guest.emulator.run();
    return guest;
  }

  static async #create(
    { bios, kernel, initrd }: BootFiles,
    boots: boolean,
    options?: BoardOptions,
  ): Promise<LinuxGuest> {
    const emulator = new V86({
      wasm_path: fileURLToPath(import.meta.resolve('v86/build/v86.wasm')),
      memory_size: MEMORY_BYTES,
      acpi: true,
      bios: { buffer: bufferOf(bios) },
      ...(boots && {
        bzimage: { buffer: bufferOf(kernel) },
        initrd: { buffer: bufferOf(initrd) },
        cmdline: COMMAND_LINE,
      }),
      disable_keyboard: true,
      disable_mouse: true,
      disable_speaker: true,
      autostart: false,
    });
    const machine = await V86Machine.whenReady(emulator);
    return new LinuxGuest(emulator, machine, await plugBoard(machine, options));
  }

  async save(): Promise<ArrayBuffer> {
    return this.emulator.save_state();
  }

  /** Waits until the guest has printed `pattern`, and takes what it printed so far. */
  async until(pattern: RegExp, limitMs: number): Promise<RegExpExecArray> {
    const deadline = performance.now() + limitMs;
    for (;;) {
      const match = pattern.exec(this.#console);
      if (match) {
        this.#console = this.#console.slice(match.index + match[0].length);
        return match;
      }
      const left = deadline - performance.now();
      if (left <= 0) throw new Error(`the guest did not print ${pattern}, but:\n${this.#console}`);
      await new Promise<void>((resolve) => {
        this.#changed = resolve;
        setTimeout(resolve, Math.min(left, 1000));
      });
    }
  }

  /** Runs a shell command that may fail. @returns its output and exit status */
  async attempt(command: string): Promise<{ output: string; status: number }> {
    this.emulator.serial0_send(`${command}\n`);
    const match = await this.until(new RegExp(`([\\s\\S]*?)${DONE.source}`), COMMAND_LIMIT_MS);
    return { output: (match[1] ?? '').replaceAll('\r', ''), status: Number(match[2]) };
  }

  /** Runs a shell command. @returns its output @throws when it fails */
  async run(command: string): Promise<string> {
    const { output, status } = await this.attempt(command);
    if (status !== 0) throw new Error(`'${command}' ended with ${status}:\n${output}`);
    return output.trimEnd();
  }

  /** Interrupts of an input that the guest has taken, and what stands behind them in /proc/interrupts. */
  async interrupts(input: number): Promise<{ count: number; kind: string }> {
    const table = await this.run('cat /proc/interrupts');
    const match = new RegExp(`^ *${input}: +(\\d+) +(.*)$`, 'm').exec(table);
    return { count: Number(match?.[1] ?? 0), kind: match?.[2] ?? '' };
  }

  async destroy(): Promise<void> {
    await this.emulator.destroy();
  }
}
