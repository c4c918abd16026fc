// The outside of the board: what its pins, its UART and its monitor are connected to.

import { Dialogue } from './connection.mjs';
import { Recording } from './recording.mjs';
import { replay } from './replay.mjs';
import { simulatedStories } from './stories.mjs';

/** @typedef {import('../protocol').BoardRequest} BoardRequest */
/** @typedef {import('./connection.mjs').Connection} Connection */

export class Outside {
  #qmp;
  #qtest;
  #uart;
  /** @type {Buffer[]} */
  #sent = [];
  #pl061 = '';
  recording = new Recording();

  /** @param {{ qmp: Connection, qtest: Connection, uart: Connection }} connections */
  constructor({ qmp, qtest, uart }) {
    this.#qmp = new Dialogue(qmp, (line) => /^\{"(return|error)"/.test(line));
    this.#qtest = new Dialogue(qtest, (line) => /^(OK|FAIL|ERR)/.test(line));
    this.#uart = uart;
    uart.onBytes = (bytes) => this.#sent.push(bytes);
  }

  async start() {
    await this.monitor('qmp_capabilities');
    const path = '/machine/unattached';
    const children = await this.monitor('qom-list', { path });
    const { name } = children.find(({ type }) => type === 'child<pl061>');
    this.#pl061 = `${path}/${name}`;
  }

  /** @param {string} command @param {object} [args] */
  async monitor(command, args = {}) {
    const answer = JSON.parse(
      await this.#qmp.ask(JSON.stringify({ execute: command, arguments: args })),
    );
    if (answer.error) throw new Error(`${command}: ${answer.error.desc}`);
    return answer.return;
  }

  /**
   * Drives an input of the PL061. QEMU's monitor has no command for that, its
   * test protocol has.
   * @param {number} pin @param {boolean} high
   */
  async pin(pin, high) {
    const command = `set_irq_in ${this.#pl061} unnamed-gpio-in ${pin} ${high ? 1 : 0}`;
    const answer = await this.#qtest.ask(command);
    if (!answer.startsWith('OK')) throw new Error(`${command}: ${answer}`);
  }

  /** How much the UART has sent, and how much of that does not count up as it should. */
  #taken() {
    const bytes = Buffer.concat(this.#sent.splice(0));
    const wrong = bytes.filter((byte, index) => byte !== 0x20 + ((index + 1) % 64)).length;
    return {
      count: bytes.length,
      wrong,
      text: bytes.length < 4096 ? bytes.toString('latin1') : '',
    };
  }

  /** Carries out a request of the guest. @param {BoardRequest} request */
  async carryOut(request) {
    switch (request.do) {
      case 'pin':
        return this.pin(request.pin, request.high);
      case 'pulses':
        for (let i = 0; i < request.times; i++) {
          await this.pin(request.pin, true);
          await this.pin(request.pin, false);
        }
        return;
      case 'uart-send':
        this.#uart.send(Uint8Array.from(request.bytes));
        return;
      case 'uart-taken':
        return this.#taken();
      case 'record':
        return this.recording.add(request);
      case 'replay':
        return replay(Buffer.from(request.trace, 'base64'), request.keepAs);
      case 'stories':
        return simulatedStories(request.machine);
      case 'monitor':
        return this.monitor(request.command, request.arguments);
    }
  }
}
