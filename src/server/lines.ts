/** All open connections to clients, over any transport. */

/** A line, as far as others have to know it. */
export interface Line {
  /** Bytes that wait for the client to take them. */
  readonly waitingBytes: number;
  /** Ends it at once. */
  cut(): void;
}

/** One in this many of the lines with waiting bytes is cut at a time. */
const ONE_IN = 10;

export class Lines {
  readonly #open = new Set<Line>();

  /** Adds a line until `closed` aborts. */
  add(line: Line, closed: AbortSignal): void {
    if (closed.aborted) return;
    this.#open.add(line);
    closed.addEventListener("abort", () => this.#open.delete(line), { once: true });
  }

  /** Cuts the lines with the most waiting bytes. Returns their number, which is 0 if every client reads. */
  cutSlowest(): number {
    const slow = [...this.#open]
      .map((line) => ({ line, bytes: line.waitingBytes }))
      .filter(({ bytes }) => bytes > 0)
      .sort((a, b) => b.bytes - a.bytes);
    const cut = slow.slice(0, Math.ceil(slow.length / ONE_IN));
    for (const { line } of cut) line.cut();
    return cut.length;
  }
}
