import type { HostDevice } from '../devices/host-device';
import type { RecordStore } from '../environment';
import type { DriverState } from './driver-state';

const VERSION = 1;
/** Has no driver, so it tells nothing to restore. */
const UNBINDING = `${JSON.stringify({ version: VERSION, unbinding: true })}\n`;

/**
 * What a device had before it was bound to VFIO. Kept where it outlives this
 * process, also one that is killed in the middle, but not a reboot, after which
 * the host's own drivers are back anyway.
 */
export class DriverRecords {
  readonly #store: RecordStore;

  constructor(store: RecordStore) {
    this.#store = store;
  }

  /** Undefined when nothing, or nothing sensible, is recorded. */
  load(device: HostDevice): DriverState | undefined {
    const text = this.#store.load(keyOf(device));
    if (text === undefined) return undefined;
    try {
      const { version, driver, override } = JSON.parse(text);
      if (version !== VERSION || !isName(driver) || !isName(override)) return undefined;
      return { driver: driver ?? undefined, override: override ?? undefined };
    } catch {
      return undefined;
    }
  }

  /** @returns 0 or the errno */
  save(device: HostDevice, { driver, override }: DriverState): number {
    const record = { version: VERSION, driver: driver ?? null, override: override ?? null };
    return this.#store.save(keyOf(device), `${JSON.stringify(record)}\n`);
  }

  /**
   * Remembers that the device is being unbound, where nothing is known of what
   * it had: `load` still returns undefined. @returns 0 or the errno
   */
  beginUnbind(device: HostDevice): number {
    return this.#store.save(keyOf(device), UNBINDING);
  }

  /** An unbind of a device of which nothing is known has begun and not ended. */
  unbindBegun(device: HostDevice): boolean {
    return this.#store.load(keyOf(device)) === UNBINDING;
  }

  remove(device: HostDevice): void {
    this.#store.remove(keyOf(device));
  }

  /** Where the record of a device is, for messages. */
  describe(device: HostDevice): string {
    return this.#store.describe(keyOf(device));
  }
}

function keyOf({ bus, name }: HostDevice): string {
  return `${bus}-${name}`;
}

/** A driver's name as sysfs can have it, or null: it becomes part of a path. */
function isName(value: unknown): value is string | null {
  return value === null || (typeof value === 'string' && /^[^/\0\s]+$/.test(value));
}
