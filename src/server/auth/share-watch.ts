/**
 * Ends the sockets of shares that were revoked. Any process may revoke a share, so the store is asked repeatedly while
 * shares have readers.
 */
import type { Shares } from "../../store/shares.ts";

/** Milliseconds between two questions. */
const PACE_MS = 1_000;

/**
 * After this many unanswered questions in a row, all shares count as revoked, because nobody knows whether they are
 * still valid.
 */
const MOST_UNANSWERED = 3;

export class ShareWatch {
  readonly #shares: Pick<Shares, "holding">;
  readonly #readers = new Map<string, Set<() => void>>();
  #timer: NodeJS.Timeout | undefined;
  #unanswered = 0;

  constructor(shares: Pick<Shares, "holding">) {
    this.#shares = shares;
  }

  /** Calls `revoked` when the share is no longer valid, unless `closed` aborts before. */
  add(share: string, revoked: () => void, closed: AbortSignal): void {
    if (closed.aborted) return;
    const readers = this.#readers.get(share) ?? new Set();
    this.#readers.set(share, readers);
    readers.add(revoked);
    closed.addEventListener(
      "abort",
      () => {
        readers.delete(revoked);
        if (readers.size === 0 && this.#readers.get(share) === readers) this.#readers.delete(share);
      },
      { once: true },
    );
    this.#timer ??= this.#wait();
  }

  #wait(): NodeJS.Timeout {
    return setTimeout(() => void this.#look(), PACE_MS).unref();
  }

  /** Never rejects. */
  async #look(): Promise<void> {
    const asked = [...this.#readers.keys()];
    const holding = await this.#shares.holding(asked).catch(() => undefined);
    this.#unanswered = holding ? 0 : this.#unanswered + 1;
    const sure = holding ?? (this.#unanswered < MOST_UNANSWERED ? new Set(asked) : new Set<string>());
    for (const share of asked.filter((id) => !sure.has(id))) {
      for (const revoked of this.#readers.get(share) ?? []) revoked();
      this.#readers.delete(share);
    }
    this.#timer = this.#readers.size > 0 ? this.#wait() : undefined;
  }
}
