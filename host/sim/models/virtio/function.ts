import type { Random } from '../../random';
import type { ModelDma } from '../model';
import type { Request } from './virtqueue';

/** What a virtio device has to do its work. */
export interface FunctionEnvironment {
  readonly dma: ModelDma;
  readonly random: Random;
}

/** A virtio device without its transport. */
export interface VirtioFunction {
  /** Device type (VIRTIO 1.2, chapter 5). */
  readonly deviceId: number;
  /** Feature bits that it offers, without those of the transport. */
  readonly features: bigint;
  /** Entries that each queue can have at most, powers of two. */
  readonly queueSizes: readonly number[];
  /** The device's configuration space; may be empty. */
  readonly config: Uint8Array;
  /**
   * Does one request.
   * @returns bytes written to it, or undefined when its memory could not be reached
   */
  handle(queue: number, request: Request, environment: FunctionEnvironment): number | undefined;
}
