/** All lines to clients that are open, whatever they are made of. */

/** A line, as far as others have to know it. */
export interface Line {
  /** Bytes that wait for the client to take them. */
  readonly waitingBytes: number;
  /** Ends it at once. */
  cut(): void;
}

/** One in so many is cut at a time, among the lines on which something waits. */
const ONE_IN = 10;

export class Lines {
  readonly #open = new Set<Line>();

  /** Adds a line until `closed` aborts. */
  add(line: Line, closed: AbortSignal): void {
    if (closed.aborted) return;
    this.#open.add(line);
    closed.addEventListener("abort", () => this.#open.delete(line), { once: true });
  }

  /** Cuts the lines on which most waits. Gives their number; 0 where every client reads. */
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
