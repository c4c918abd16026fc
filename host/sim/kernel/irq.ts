import { EBUSY, EINVAL } from '../../../assembly/abi/linux';
import {
  VFIO_IRQ_INFO_AUTOMASKED,
  VFIO_IRQ_INFO_EVENTFD,
  VFIO_IRQ_INFO_MASKABLE,
} from '../../../assembly/abi/vfio';
import type { EventFd } from './eventfd';
import { Virqfd } from './virqfd';

/**
 * What happened on an interrupt line:
 * - 'signal': the handler ran and signalled the trigger eventfd (a level line is masked now);
 * - 'blocked': a level line went high while it was masked or had no trigger;
 * - 'latched' / 'lost': an edge came while the line had no trigger;
 * - 'unhandled': the handler ran by the loop-back with nowhere to signal to.
 */
export type IrqEvent = 'signal' | 'blocked' | 'latched' | 'lost' | 'unhandled';

/**
 * Signals that one change of a level line can cause through its own unmasking.
 * Linux would go on for ever; here such a line is left masked in the end.
 */
const MAX_STORM = 64;

/**
 * One interrupt line of an assigned device: the wire from the device and the
 * kernel's handler for it (drivers/vfio/platform).
 *
 * The host's interrupt is enabled while a trigger is set and, for a level
 * line, it is not masked. The two are independent: masking outlives a change
 * of trigger.
 */
export class IrqLine {
  readonly isLevel: boolean;
  /** VFIO_IRQ_INFO_* of this line. */
  readonly flags: number;
  /** −errno of the request_irq that failed at open, 0 otherwise (faults.ts sets it). */
  requestError = 0;
  readonly #latchEdges: boolean;
  readonly #notify: (event: IrqEvent) => void;
  #high = false;
  #masked = false;
  #latched = false;
  #trigger: EventFd | undefined;
  #maskFd: Virqfd | undefined;
  #unmaskFd: Virqfd | undefined;
  #signals = 0;
  #firing = false;
  #refire = false;

  constructor(isLevel: boolean, latchEdges: boolean, notify: (event: IrqEvent) => void) {
    this.isLevel = isLevel;
    this.flags = isLevel
      ? VFIO_IRQ_INFO_EVENTFD | VFIO_IRQ_INFO_MASKABLE | VFIO_IRQ_INFO_AUTOMASKED
      : VFIO_IRQ_INFO_EVENTFD;
    this.#latchEdges = latchEdges;
    this.#notify = notify;
  }

  /** The wire. */
  get high(): boolean {
    return this.#high;
  }

  get masked(): boolean {
    return this.#masked;
  }

  get trigger(): EventFd | undefined {
    return this.#trigger;
  }

  get hasUnmaskFd(): boolean {
    return this.#unmaskFd !== undefined;
  }

  /** Times the trigger was signalled since the device exists. */
  get signals(): number {
    return this.#signals;
  }

  /** The device drives the wire. */
  drive(high: boolean): void {
    if (this.#high === high) return;
    this.#high = high;
    if (!high) return;
    if (this.isLevel) {
      if (!this.#resample()) this.#notify('blocked');
    } else if (this.#trigger !== undefined) {
      this.#handle();
    } else {
      this.#latched = this.#latchEdges;
      this.#notify(this.#latchEdges ? 'latched' : 'lost');
    }
  }

  /** VFIO_IRQ_SET_ACTION_MASK. @returns 0 or −EINVAL on an edge line */
  mask(): number {
    if (!this.isLevel) return -EINVAL;
    this.#masked = true;
    return 0;
  }

  /** VFIO_IRQ_SET_ACTION_UNMASK: a line that is still high fires at once. */
  unmask(): number {
    if (!this.isLevel) return -EINVAL;
    if (this.#masked) {
      this.#masked = false;
      this.#resample();
    }
    return 0;
  }

  /** Takes the trigger away: the line is disabled. */
  disarm(): void {
    this.#trigger = undefined;
  }

  /** Sets the trigger of a disarmed line; what waits on the wire fires at once. */
  arm(trigger: EventFd): void {
    this.#trigger = trigger;
    if (this.isLevel) this.#resample();
    else if (this.#latched) {
      this.#latched = false;
      this.#handle();
    }
  }

  /** VFIO_IRQ_SET_ACTION_TRIGGER without an eventfd runs the handler as the interrupt would. */
  loopBack(): void {
    this.#handle();
  }

  /** @returns 0, −EINVAL on an edge line, −EBUSY when there is one already */
  setMaskFd(eventfd: EventFd): number {
    if (!this.isLevel) return -EINVAL;
    if (this.#maskFd !== undefined) return -EBUSY;
    this.#maskFd = new Virqfd(
      eventfd,
      () => this.mask(),
      () => {
        this.#maskFd = undefined;
      },
    );
    this.#maskFd.catchUp();
    return 0;
  }

  /** @returns 0, −EINVAL on an edge line, −EBUSY when there is one already */
  setUnmaskFd(eventfd: EventFd): number {
    if (!this.isLevel) return -EINVAL;
    if (this.#unmaskFd !== undefined) return -EBUSY;
    this.#unmaskFd = new Virqfd(
      eventfd,
      () => this.unmask(),
      () => {
        this.#unmaskFd = undefined;
      },
    );
    this.#unmaskFd.catchUp();
    return 0;
  }

  clearMaskFd(): void {
    this.#maskFd?.end();
    this.#maskFd = undefined;
  }

  clearUnmaskFd(): void {
    this.#unmaskFd?.end();
    this.#unmaskFd = undefined;
  }

  /** The last user closed the device: free_irq, and the next one starts unmasked. */
  shutDown(): void {
    this.clearMaskFd();
    this.clearUnmaskFd();
    this.#trigger = undefined;
    this.#masked = false;
    this.#latched = false;
  }

  /**
   * Fires a level line that is high and enabled. A signal may come back as an
   * unmask before it has been delivered (the trigger may even be the unmask
   * eventfd): that fires after it, as an interrupt would, not inside it.
   * @returns whether the line fired, or will
   */
  #resample(): boolean {
    if (!this.#mayFire()) return false;
    if (this.#firing) {
      this.#refire = true;
      return true;
    }
    this.#firing = true;
    let left = MAX_STORM;
    try {
      do {
        this.#refire = false;
        this.#handle();
      } while (this.#refire && --left > 0 && this.#mayFire());
    } finally {
      this.#firing = false;
    }
    if (left === 0) this.#masked = true;
    return true;
  }

  #mayFire(): boolean {
    return this.#high && !this.#masked && this.#trigger !== undefined;
  }

  #handle(): void {
    if (this.isLevel) {
      if (this.#masked) return;
      this.#masked = true;
    }
    const trigger = this.#trigger;
    if (trigger === undefined) {
      this.#notify('unhandled');
      return;
    }
    this.#signals++;
    this.#notify('signal');
    trigger.signal();
  }
}
