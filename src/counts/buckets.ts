/** Bounds for the time that storage takes, in seconds. */
export const STORAGE_SECONDS: readonly number[] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1, 5];

/** Counts values by range. It uses plain numbers, so adding a value is cheap enough for every token. */
export class Buckets {
  /** The upper bounds of the ranges, ascending; one more range is open above. */
  readonly bounds: readonly number[];
  readonly counts: number[];
  sum = 0;
  count = 0;

  constructor(bounds: readonly number[]) {
    this.bounds = bounds;
    this.counts = new Array<number>(bounds.length + 1).fill(0);
  }

  add(value: number): void {
    let range = 0;
    while (range < this.bounds.length && value > (this.bounds[range] as number)) range += 1;
    this.counts[range] = (this.counts[range] as number) + 1;
    this.sum += value;
    this.count += 1;
  }
}
