// A socket on which both sides speak in lines.
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

export class Connection {
  #buffer = '';
  #decoder = new TextDecoder();
  /** @type {((line: string) => void) | undefined} */
  onLine;
  /** @type {((bytes: Buffer) => void) | undefined} */
  onBytes;

  /** @param {import('node:net').Socket} socket */
  constructor(socket) {
    this.socket = socket;
    socket.on('error', () => {});
    socket.on('data', (bytes) => {
      this.onBytes?.(bytes);
      if (this.onBytes) return;
      this.#buffer += this.#decoder.decode(bytes, { stream: true });
      const lines = this.#buffer.split('\n');
      this.#buffer = lines.pop() ?? '';
      for (const line of lines) this.onLine?.(line);
    });
  }

  /** @param {string | Uint8Array} data */
  send(data) {
    this.socket.write(data);
  }

  /**
   * Connects to a socket that QEMU is about to make.
   * @param {string} path
   * @param {() => boolean} alive whether QEMU still runs
   * @returns {Promise<Connection | undefined>} undefined: it ended before
   */
  static async open(path, alive) {
    for (;;) {
      const socket = connect(path);
      const connected = await new Promise((resolve) => {
        socket.once('connect', () => resolve(true));
        socket.once('error', () => resolve(false));
      });
      if (connected) return new Connection(socket);
      if (!alive()) return undefined;
      await sleep(20);
    }
  }
}

/** Sends requests one after the other and waits for the answer of each. */
export class Dialogue {
  /** @type {((line: string) => void)[]} */
  #waiting = [];

  /**
   * @param {Connection} connection
   * @param {(line: string) => boolean} isAnswer other lines are left out
   */
  constructor(connection, isAnswer) {
    this.connection = connection;
    connection.onLine = (line) => {
      if (isAnswer(line)) this.#waiting.shift()?.(line);
    };
  }

  /** @param {string} request @returns {Promise<string>} */
  ask(request) {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      this.connection.send(`${request}\n`);
    });
  }
}
