import { openDevice } from './calls';
import { type Bench, board, outcome, type Scenario, type Transcript } from './scenario';

/** First ID register of a PrimeCell; the region ends behind the last one. */
const ID = 0xfe0;
const END = 0x1000;

function read({ kernel }: Bench, fd: number, offset: number, length: number, high = 0) {
  const bytes = new Uint8Array(64).fill(0xaa);
  const result = kernel.pread(fd, bytes, 0, length, offset, high);
  const shown = result < 0 ? '' : Buffer.from(bytes.subarray(0, length)).toString('hex');
  return [outcome(result), shown];
}

async function reads(bench: Bench, log: Transcript): Promise<void> {
  const { fd, close } = openDevice(bench, board.gpio);
  for (let length = 0; length <= 18; length++) {
    for (let offset = 0; offset < 5; offset++) {
      log.note(`${length} bytes at +${offset}`, read(bench, fd, ID + offset, length));
    }
  }
  for (const [offset, length] of [
    [END - 4, 4],
    [END - 4, 8],
    [END - 2, 4],
    [END - 1, 1],
    [END - 1, 4],
    [END, 1],
    [END, 0],
    [END + 1, 4],
    [0x80000000, 4],
  ] as const) {
    log.note(`${length} bytes at 0x${offset.toString(16)}`, read(bench, fd, offset, length));
  }
  // The region's index is in bits 40 and up of the offset.
  for (const index of [1, 2, 0x7fff]) {
    log.note(`region ${index}`, read(bench, fd, 0, 4, index << 8));
  }
  close();
}

async function writes(bench: Bench, log: Transcript): Promise<void> {
  const { kernel } = bench;
  const { fd, close } = openDevice(bench, board.rtc);
  const RTCMR = 4;
  const bytes = Uint8Array.from([0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88]);
  for (const [offset, length] of [
    [RTCMR, 4],
    [RTCMR, 0],
    [END - 4, 8],
    [END, 4],
    [END + 4, 4],
  ] as const) {
    const result = kernel.pwrite(fd, bytes, 0, length, offset, 0);
    log.note(`write ${length} bytes at 0x${offset.toString(16)}`, [
      outcome(result),
      ...read(bench, fd, RTCMR, 4),
    ]);
  }
  log.result('read() of a device', kernel.read(fd, bytes, 0, 8));
  close();
}

export const transfers: readonly Scenario[] = [
  { name: 'reads of every length and alignment', run: reads },
  { name: 'writes, and those at the end of the region', run: writes },
];
