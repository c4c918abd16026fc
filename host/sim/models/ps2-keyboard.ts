import type { Ps2Peripheral } from './altera-ps2';

// IBM Personal System/2 Hardware Interface Technical Reference, keyboards.
const ACKNOWLEDGE = 0xfa;
const RESEND = 0xfe;
const TEST_PASSED = 0xaa;
const ECHO = 0xee;
/** An MF2 keyboard's answer to 'read id'. */
const ID = [0xab, 0x83];
const CURRENT_SET = 0x02;

const SET_LEDS = 0xed;
const SCAN_CODE_SET = 0xf0;
const READ_ID = 0xf2;
const SET_RATE = 0xf3;
const ENABLE = 0xf4;
const DISABLE = 0xf5;
const DEFAULTS = 0xf6;
const RESET = 0xff;

/** Before the code of a key that is released. */
const BREAK = 0xf0;
/** Before the codes of the keys that 84-key keyboards had not. */
const EXTENDED = 0xe0;

/** A PS/2 keyboard with scan code set 2. */
export class Ps2Keyboard implements Ps2Peripheral {
  /** Scroll lock, num lock and caps lock, bits 0 … 2, as the host set them. */
  leds = 0;
  /** Whether the host wants scan codes. */
  enabled = true;
  /** The command that waits for its argument. */
  #pending: number | undefined;
  #send: ((bytes: Iterable<number>) => void) | undefined;

  connect(send: (bytes: Iterable<number>) => void): void {
    this.#send = send;
  }

  /**
   * Presses or releases a key; nothing comes of it while the host has the keyboard disabled.
   * @param code its code in set 2; 0xe0xx for an extended one
   */
  key(code: number, pressed: boolean): void {
    if (!this.enabled) return;
    const prefix = code >> 8 === EXTENDED ? [EXTENDED] : [];
    this.#send?.([...prefix, ...(pressed ? [] : [BREAK]), code & 0xff]);
  }

  command(byte: number): readonly number[] {
    const pending = this.#pending;
    this.#pending = undefined;
    if (pending !== undefined) return this.#argument(pending, byte);
    switch (byte) {
      case RESET:
        this.enabled = true;
        return [ACKNOWLEDGE, TEST_PASSED];
      case DEFAULTS:
      case ENABLE:
        this.enabled = true;
        return [ACKNOWLEDGE];
      case DISABLE:
        this.enabled = false;
        return [ACKNOWLEDGE];
      case READ_ID:
        return [ACKNOWLEDGE, ...ID];
      case ECHO:
        return [ECHO];
      case SET_LEDS:
      case SET_RATE:
      case SCAN_CODE_SET:
        this.#pending = byte;
        return [ACKNOWLEDGE];
      default:
        return [RESEND];
    }
  }

  #argument(command: number, value: number): readonly number[] {
    if (command === SET_LEDS) this.leds = value & 0x7;
    if (command === SCAN_CODE_SET) {
      // 0 asks for the set; it has no other than 2.
      if (value === 0) return [ACKNOWLEDGE, CURRENT_SET];
      return value === CURRENT_SET ? [ACKNOWLEDGE] : [RESEND];
    }
    return [ACKNOWLEDGE];
  }
}
