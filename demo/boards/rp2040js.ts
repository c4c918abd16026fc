import { RP2040 } from 'rp2040js';
import { bootFirmware, Rp2040Machine, runUntil } from '../../host/machines/rp2040js';
import { type Board, type HandlerListener, RESULT_MAGIC, resultOf } from './board';

/** The firmware needs some 90 ms; one that hangs shall not keep anybody waiting. */
const LIMIT_NS = 1e9;
const FIRST_INTERRUPT = 16;
const RESULT = 0x2000_0000;

/** An RP2040 chip with an image of firmware/stories.bin. */
export function rp2040Board(firmware: Uint8Array): Board {
  const chip = new RP2040();
  const machine = new Rp2040Machine(chip);
  const word = (index: number) => chip.readUint32(RESULT + 4 * index);
  return {
    machine,
    async run(listener) {
      watchHandlers(chip, machine, listener);
      bootFirmware(machine, firmware);
      runUntil(machine, () => chip.core.waiting && word(0) === RESULT_MAGIC, LIMIT_NS);
      return resultOf(word);
    },
    async close() {},
  };
}

function watchHandlers(chip: RP2040, machine: Rp2040Machine, listener: HandlerListener): void {
  const { core } = chip;
  const enter = core.exceptionEntry;
  // The contract of a machine has no event for this: only the emulator knows.
  core.exceptionEntry = (exception) => {
    enter.call(core, exception);
    listener.entered(exception - FIRST_INTERRUPT);
  };
  machine.onEoi((input) => listener.returned(input));
}
