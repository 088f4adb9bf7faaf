/** Who follows which thread, and what becomes of a run that nobody follows any more. */

interface Audience {
  followers: number;
  /** How long the active run goes on without anybody, in milliseconds; `undefined` while no run is active. */
  graceMs: number | undefined;
  orphaned?: NodeJS.Timeout;
}

export class Audiences {
  readonly #audiences = new Map<string, Audience>();
  readonly #orphaned: (threadId: string) => void;

  /** `orphaned` hears of a thread whose run nobody has followed for its grace. */
  constructor(orphaned: (threadId: string) => void) {
    this.#orphaned = orphaned;
  }

  /** Says that somebody follows a thread, until the returned function is called. */
  join(threadId: string): () => void {
    const audience = this.#of(threadId);
    audience.followers += 1;
    clearTimeout(audience.orphaned);
    let following = true;
    return () => {
      if (!following) return;
      following = false;
      audience.followers -= 1;
      this.#settle(threadId, audience);
    };
  }

  /** A run begins on a thread. It may go on alone for `graceMs`. */
  begin(threadId: string, graceMs: number): void {
    const audience = this.#of(threadId);
    audience.graceMs = graceMs;
    this.#settle(threadId, audience);
  }

  /** The thread's run is over. */
  end(threadId: string): void {
    const audience = this.#of(threadId);
    audience.graceMs = undefined;
    this.#settle(threadId, audience);
  }

  /** Does anybody follow the thread? */
  has(threadId: string): boolean {
    return (this.#audiences.get(threadId)?.followers ?? 0) > 0;
  }

  get size(): number {
    return this.#audiences.size;
  }

  #of(threadId: string): Audience {
    const audience = this.#audiences.get(threadId) ?? { followers: 0, graceMs: undefined };
    this.#audiences.set(threadId, audience);
    return audience;
  }

  #settle(threadId: string, audience: Audience): void {
    clearTimeout(audience.orphaned);
    if (audience.followers > 0) return;
    if (audience.graceMs === undefined) this.#audiences.delete(threadId);
    else audience.orphaned = setTimeout(() => this.#orphaned(threadId), audience.graceMs);
  }
}
