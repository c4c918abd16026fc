import { SeededRandom } from '../../sim/random';
import { LATENCY_SAMPLES } from '../limits';

/** Times in ns of machine time; undefined where there was nothing to measure. */
export interface Latency {
  readonly count: number;
  readonly leastNs: number | undefined;
  /** Of more than LATENCY_SAMPLES times, this and p99Ns are those of a sample. */
  readonly medianNs: number | undefined;
  readonly p99Ns: number | undefined;
  readonly mostNs: number | undefined;
}

/**
 * Measures times in bounded memory: the extremes of all, the percentiles of a
 * sample in which each has the same chance to be (Vitter's algorithm R). The
 * same times give the same sample.
 */
export class LatencyCounter {
  readonly #random = new SeededRandom(1);
  readonly #samples: number[] = [];
  #count = 0;
  #leastNs: number | undefined;
  #mostNs: number | undefined;

  add(latencyNs: number): void {
    this.#leastNs = Math.min(this.#leastNs ?? latencyNs, latencyNs);
    this.#mostNs = Math.max(this.#mostNs ?? latencyNs, latencyNs);
    this.#count++;
    if (this.#samples.length < LATENCY_SAMPLES) {
      this.#samples.push(latencyNs);
      return;
    }
    const place = this.#random.below(this.#count);
    if (place < LATENCY_SAMPLES) this.#samples[place] = latencyNs;
  }

  result(): Latency {
    const sorted = [...this.#samples].sort((a, b) => a - b);
    const at = (part: number) =>
      sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))];
    return {
      count: this.#count,
      leastNs: this.#leastNs,
      medianNs: at(0.5),
      p99Ns: at(0.99),
      mostNs: this.#mostNs,
    };
  }
}
