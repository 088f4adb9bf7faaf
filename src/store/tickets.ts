/** Tickets. Each opens one WebSocket, once. Stores keep their digests only. */
import type { Tables } from "./tables.ts";

export interface Tickets {
  /** Keeps a ticket for its holder, as plain JSON, until `expiresAt` (milliseconds since the Unix epoch). */
  keep(digest: string, holder: string, expiresAt: number): Promise<void>;
  /** Returns the holder of a ticket, and deletes the ticket. `undefined`: no such ticket, or it has expired. */
  take(digest: string): Promise<string | undefined>;
}

/** The most tickets that are kept. The oldest are dropped first. */
const MAX_TICKETS = 100_000;

export class MemoryTickets implements Tickets {
  readonly #tickets = new Map<string, { readonly holder: string; readonly expiresAt: number }>();
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
  }

  async keep(digest: string, holder: string, expiresAt: number): Promise<void> {
    const now = this.#now();
    for (const [known, ticket] of this.#tickets) {
      if (ticket.expiresAt > now && this.#tickets.size < MAX_TICKETS) break;
      this.#tickets.delete(known);
    }
    this.#tickets.set(digest, { holder, expiresAt });
  }

  async take(digest: string): Promise<string | undefined> {
    const ticket = this.#tickets.get(digest);
    this.#tickets.delete(digest);
    return ticket && ticket.expiresAt > this.#now() ? ticket.holder : undefined;
  }
}

export class TableTickets implements Tickets {
  readonly #tables: Tables;
  readonly #now: () => number;

  constructor(tables: Tables, now: () => number) {
    this.#tables = tables;
    this.#now = now;
  }

  async keep(digest: string, holder: string, expiresAt: number): Promise<void> {
    await this.#tables.write(
      ["DELETE FROM tickets WHERE expires_at <= ?", this.#now()],
      ["INSERT INTO tickets (digest, holder, expires_at) VALUES (?, ?, ?)", digest, holder, expiresAt],
    );
  }

  /** It is one statement: if two processes take the same ticket, one of them gets it. */
  async take(digest: string): Promise<string | undefined> {
    const [row] = await this.#tables.all("DELETE FROM tickets WHERE digest = ? RETURNING holder, expires_at", digest);
    return row && Number(row.expires_at) > this.#now() ? String(row.holder) : undefined;
  }
}
