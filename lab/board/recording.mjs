// Keeps what a real kernel said, for the tests that have none (test/lab).
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../../scripts/setup.mjs';

/** The transcripts of one kernel. */
export class Recording {
  #kernel = '';
  /** @type {Record<string, readonly unknown[]>} */
  #transcripts = {};

  /** @param {{ name: string, kernel: string, entries: readonly unknown[] }} transcript */
  add({ name, kernel, entries }) {
    this.#kernel = kernel;
    this.#transcripts[name] = entries;
  }

  /** Writes them, one entry a line, when there are any and LAB_RECORD asks for it. */
  save() {
    if (!process.env.LAB_RECORD || this.#kernel === '') return;
    const transcripts = Object.entries(this.#transcripts).map(([name, entries]) => {
      const lines = entries.map((entry) => `      ${JSON.stringify(entry)}`);
      return `    ${JSON.stringify(name)}: [\n${lines.join(',\n')}\n    ]`;
    });
    const head = `  "kernel": ${JSON.stringify(this.#kernel)},\n  "transcripts": {\n`;
    const file = join(root, 'test/lab/linux-6.12.json');
    writeFileSync(file, `{\n${head}${transcripts.join(',\n')}\n  }\n}\n`);
  }
}
