/** Percentiles of a stream of durations, in bounded memory. */

/** The number of values that are kept unchanged. Up to this number, percentiles are exact. */
export const EXACT = 1_000;

/** Each bucket's upper edge is this many times its lower one. */
const RATIO = 1.02;
/** The first bucket holds all values up to this one. A browser's clock is not finer. */
const SMALLEST_MS = 0.01;
/** The last bucket holds all values of about a day or more. */
const BUCKETS = Math.ceil(Math.log(86_400_000 / SMALLEST_MS) / Math.log(RATIO)) + 1;

/**
 * Up to `EXACT` values every answer is exact. Beyond that values are counted in buckets that grow by 2 %, and a
 * percentile is the middle of its bucket: at most 1 % off, whatever the distribution.
 */
export class Quantiles {
  #values: number[] | undefined = [];
  #buckets = new Uint32Array(0);
  #count = 0;
  #longest = 0;

  get count(): number {
    return this.#count;
  }

  /** The largest value, always exact; 0 for none. */
  get longest(): number {
    return this.#longest;
  }

  get exact(): boolean {
    return this.#values !== undefined;
  }

  add(ms: number): void {
    this.#count += 1;
    this.#longest = Math.max(this.#longest, ms);
    if (this.#values && this.#values.length < EXACT) {
      this.#values.push(ms);
      return;
    }
    if (this.#values) {
      this.#buckets = new Uint32Array(BUCKETS);
      for (const value of this.#values) this.#tally(value);
      this.#values = undefined;
    }
    this.#tally(ms);
  }

  /** The smallest value that at least `share` (0 to 1) of all values do not exceed; `undefined` without values. */
  percentile(share: number): number | undefined {
    const rank = Math.max(Math.ceil(share * this.#count), 1);
    if (this.#values) return Float64Array.from(this.#values).sort()[rank - 1];
    let seen = 0;
    const bucket = this.#buckets.findIndex((count) => {
      seen += count;
      return seen >= rank;
    });
    return Math.min(middleOf(bucket), this.#longest);
  }

  /** The number of values greater than `ms`. Beyond `EXACT` values, those within 1 % of it may be missed. */
  countAbove(ms: number): number {
    if (this.#values) return this.#values.filter((value) => value > ms).length;
    return this.#buckets.subarray(bucketOf(ms) + 1).reduce((sum, count) => sum + count, 0);
  }

  #tally(ms: number): void {
    const bucket = bucketOf(ms);
    this.#buckets[bucket] = (this.#buckets[bucket] ?? 0) + 1;
  }
}

function bucketOf(ms: number): number {
  if (ms <= SMALLEST_MS) return 0;
  return Math.min(Math.ceil(Math.log(ms / SMALLEST_MS) / Math.log(RATIO)), BUCKETS - 1);
}

/** Returns the value whose relative distance from both edges of the bucket is the same. */
function middleOf(bucket: number): number {
  return (SMALLEST_MS * RATIO ** bucket * 2) / (RATIO + 1);
}
