import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { RecordStore } from '../environment';
import { errnoOf } from './errno';

/** Records as files; a directory below /run lives as long as the bindings do: until reboot. */
export class FileRecords implements RecordStore {
  constructor(private readonly directory: string) {}

  load(key: string): string | undefined {
    try {
      return readFileSync(this.describe(key), 'utf8');
    } catch {
      return undefined;
    }
  }

  save(key: string, text: string): number {
    const path = this.describe(key);
    try {
      mkdirSync(this.directory, { recursive: true, mode: 0o755 });
      // A record is there as a whole or not at all.
      writeFileSync(`${path}.new`, text, { mode: 0o644 });
      renameSync(`${path}.new`, path);
      return 0;
    } catch (error) {
      return errnoOf(error);
    }
  }

  remove(key: string): void {
    rmSync(this.describe(key), { force: true });
  }

  describe(key: string): string {
    return join(this.directory, `${key}.json`);
  }
}
