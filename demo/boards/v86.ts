import { fileURLToPath } from 'node:url';
import { V86Machine } from '../../host/machines/v86';
import { type Board, RESULT_MAGIC, resultOf } from './board';

/** The firmware needs a second or so; one that hangs shall not keep anybody waiting for good. */
const LIMIT_MS = 20_000;
const MEMORY_BYTES = 16 * 1024 * 1024;
const RESULT = 0x20_0000;
/** The firmware writes the input to COM1 when a handler is entered, with this, and when it returns. */
const ENTRY = 0x10;

/** A PC with an image of firmware/stories-pc.elf as its kernel. */
export async function v86Board(firmware: Uint8Array): Promise<Board> {
  // Only for those who ask for it: v86 is large.
  const { V86 } = await import('v86');
  const emulator = new V86({
    wasm_path: fileURLToPath(import.meta.resolve('v86/build/v86.wasm')),
    memory_size: MEMORY_BYTES,
    multiboot: { buffer: firmware.slice().buffer },
    disable_keyboard: true,
    disable_mouse: true,
    disable_speaker: true,
  });
  const machine = await V86Machine.whenReady(emulator);
  const ram = machine.guestRam.find(({ guestAddress }) => guestAddress > 0);
  if (!ram) throw new Error('v86 has no extended memory');
  const word = (index: number) => {
    const { buffer, byteOffset } = ram.bytes;
    return new DataView(buffer, byteOffset + RESULT - ram.guestAddress).getUint32(4 * index, true);
  };
  return {
    machine,
    async run(listener) {
      emulator.add_listener('serial0-output-byte', (byte) => {
        if (byte & ENTRY) listener.entered(byte & ~ENTRY);
        else listener.returned(byte);
      });
      await emulator.run();
      const limitNs = machine.clock.nowNs() + LIMIT_MS * 1e6;
      while (word(0) !== RESULT_MAGIC) {
        if (machine.clock.nowNs() > limitNs) {
          throw new Error(`The guest did not get there within ${LIMIT_MS} ms`);
        }
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
      return resultOf(word);
    },
    close: () => emulator.destroy(),
  };
}
