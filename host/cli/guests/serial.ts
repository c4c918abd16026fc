import { MAX_SERIAL_BYTES } from '../limits';

/** What a guest's serial ports have sent: passed on at once, and the last of it kept. */
export class SerialOutput {
  #text = '';
  readonly #pass: (text: string) => void;
  readonly #until: string | undefined;
  #found = false;
  readonly #decoder = new TextDecoder();

  /** @param until text after which {@link found} is true */
  constructor(pass: (text: string) => void, until: string | undefined) {
    this.#pass = pass;
    this.#until = until;
  }

  receive(byte: number): void {
    const text = this.#decoder.decode(Uint8Array.of(byte), { stream: true });
    if (text === '') return;
    this.#text += text;
    if (this.#text.length > 2 * MAX_SERIAL_BYTES) this.#text = this.#text.slice(-MAX_SERIAL_BYTES);
    if (this.#until !== undefined && this.#text.endsWith(this.#until)) this.#found = true;
    this.#pass(text);
  }

  get found(): boolean {
    return this.#found;
  }

  /** At most the last MAX_SERIAL_BYTES. */
  get text(): string {
    return this.#text.slice(-MAX_SERIAL_BYTES);
  }
}
