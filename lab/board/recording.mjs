// Keeps what a real kernel said, for the tests that have none (test/lab).
import { writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { root } from '../../scripts/setup.mjs';

/** @typedef {{ kernel: string, transcripts: Record<string, readonly unknown[]> }} Kept */

/** The transcripts of one kernel. */
export class Recording {
  /** @type {Map<string, Kept>} by file */
  #files = new Map();

  /** @param {{ file: string, name: string, kernel: string, entries: readonly unknown[] }} transcript */
  add({ file, name, kernel, entries }) {
    const kept = this.#files.get(file) ?? { kernel, transcripts: {} };
    this.#files.set(file, kept);
    kept.transcripts[name] = entries;
  }

  /** Writes them, one entry a line, when there are any and LAB_RECORD asks for it. */
  save() {
    if (!process.env.LAB_RECORD) return;
    for (const [file, { kernel, transcripts }] of this.#files) {
      const parts = Object.entries(transcripts).map(([name, entries]) => {
        const lines = entries.map((entry) => `      ${JSON.stringify(entry)}`);
        return `    ${JSON.stringify(name)}: [\n${lines.join(',\n')}\n    ]`;
      });
      const head = `  "kernel": ${JSON.stringify(kernel)},\n  "transcripts": {\n`;
      const path = join(root, 'test/lab', basename(file));
      writeFileSync(path, `{\n${head}${parts.join(',\n')}\n  }\n}\n`);
    }
  }
}
