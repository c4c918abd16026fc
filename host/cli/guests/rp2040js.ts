import { CommandError } from '../failure';
import type { Guest, GuestKind, GuestOptions, StretchEnd } from './guest';

type Adapter = typeof import('../../machines/rp2040js');

async function load() {
  try {
    // An optional peer dependency: only those who run guests in it have it.
    return await import('rp2040js');
  } catch (cause) {
    throw new CommandError('NO_EMULATOR', 'the emulator rp2040js is not installed', {
      remedy: 'npm install rp2040js',
      cause,
    });
  }
}

/** The end of a stretch, or an error that is told as the guest's. */
function endOf({ GuestRunError }: Adapter, error: unknown): StretchEnd {
  if (error instanceof GuestRunError && error.problem !== 'breakpoint') return error.problem;
  throw guestFailure(error);
}

function guestFailure(error: unknown): CommandError {
  return new CommandError(
    'GUEST_FAILED',
    `the guest failed: ${error instanceof Error ? error.message : String(error)}`,
    { cause: error },
  );
}

async function create(image: Uint8Array, { allocRam }: GuestOptions): Promise<Guest> {
  const { ConsoleLogger, LogLevel, RP2040 } = await load();
  const adapter = await import('../../machines/rp2040js');
  const chip = new RP2040();
  // What the emulator has to say would be mixed into the output.
  chip.logger = new ConsoleLogger(LogLevel.Error, false);
  const machine = new adapter.Rp2040Machine(
    chip,
    allocRam === undefined ? {} : { sram: allocRam(chip.sram.length) },
  );
  try {
    adapter.bootFirmware(machine, image);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new CommandError('GUEST_FAILED', `the image cannot be booted: ${reason}`, { cause });
  }
  return {
    machine,
    onSerial: (listener) => {
      for (const uart of chip.uart) uart.onByte = listener;
    },
    run: (stop, limitNs) => {
      try {
        adapter.runUntil(machine, stop, limitNs);
        return 'stopped';
      } catch (error) {
        return endOf(adapter, error);
      }
    },
    runThrough: (stop, limitNs) => {
      try {
        adapter.runToLimit(machine, stop, limitNs);
      } catch (error) {
        // What the devices throw is for whoever runs them.
        throw error instanceof adapter.GuestRunError ? guestFailure(error) : error;
      }
    },
    runPaced: async (stop, limitNs) => {
      try {
        await adapter.runUntilPaced(machine, stop, limitNs);
        return 'stopped';
      } catch (error) {
        return endOf(adapter, error);
      }
    },
    detach: () => machine.detach(),
  };
}

export const rp2040js: GuestKind = {
  name: 'rp2040js',
  image: 'a flash image whose first words are a Cortex-M vector table',
  create,
};
