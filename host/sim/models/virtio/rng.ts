import type { FunctionEnvironment, VirtioFunction } from './function';
import type { Request } from './virtqueue';

const ENTROPY_DEVICE = 4;
const QUEUE_SIZE = 8;
/** A request may be filled in part (VIRTIO 1.2, 5.4.6.2); this bounds the work of one. */
const MAX_BYTES_PER_REQUEST = 65536;
const BYTE = 256;

/**
 * The entropy device of VIRTIO 1.2, section 5.4: one queue of buffers to be
 * filled with random bytes, here those of the simulated board.
 */
export class VirtioRng implements VirtioFunction {
  readonly deviceId = ENTROPY_DEVICE;
  readonly features = 0n;
  readonly queueSizes: readonly number[] = [QUEUE_SIZE];
  readonly config = new Uint8Array(0);

  handle(_queue: number, request: Request, environment: FunctionEnvironment): number | undefined {
    let written = 0;
    for (const { address, length, writable } of request.segments) {
      if (!writable || length === 0) continue;
      const bytes = new Uint8Array(Math.min(length, MAX_BYTES_PER_REQUEST - written));
      if (bytes.length === 0) break;
      for (let i = 0; i < bytes.length; i++) bytes[i] = environment.random.below(BYTE);
      if (!environment.dma.write(address, bytes)) return undefined;
      written += bytes.length;
    }
    return written;
  }
}
