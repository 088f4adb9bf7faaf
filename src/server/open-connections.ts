/** All open connections to clients, over any transport. */

/** A connection, as far as others have to know it. */
export interface OpenConnection {
  /** Bytes that wait for the client to take them. */
  readonly waitingBytes: number;
  /** Ends it at once. */
  cut(): void;
}

/** One in this many of the connections with waiting bytes is cut at a time. */
const ONE_IN = 10;

export class OpenConnections {
  readonly #open = new Set<OpenConnection>();

  /** Adds a connection until `closed` aborts. */
  add(connection: OpenConnection, closed: AbortSignal): void {
    if (closed.aborted) return;
    this.#open.add(connection);
    closed.addEventListener("abort", () => this.#open.delete(connection), { once: true });
  }

  /** Cuts the connections with the most waiting bytes. Returns their number, which is 0 if every client reads. */
  cutSlowest(): number {
    const slow = [...this.#open]
      .map((connection) => ({ connection, bytes: connection.waitingBytes }))
      .filter(({ bytes }) => bytes > 0)
      .sort((a, b) => b.bytes - a.bytes);
    const cut = slow.slice(0, Math.ceil(slow.length / ONE_IN));
    for (const { connection } of cut) connection.cut();
    return cut.length;
  }
}
