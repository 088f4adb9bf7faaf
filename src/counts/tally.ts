/** Counts events by name. */
export class Tally<K extends string = string> extends Map<K, number> {
  count(name: K, times = 1): void {
    this.set(name, (this.get(name) ?? 0) + times);
  }
}
