/**
 * Shares of threads. A client with a share's secret can read one thread until the share is revoked or expires. Stores
 * keep the secrets' digests only. A share is forgotten with its thread.
 */
import type { Tables } from "./tables.ts";

export interface Share {
  /** Identifies the share for revoking it. It is no secret. */
  readonly id: string;
  /** Milliseconds since the Unix epoch. */
  readonly madeAt: number;
  /** The same; absent: it lasts until it is revoked. */
  readonly expiresAt?: number | undefined;
}

/** A share, and the thread's key. */
export interface SharedThread extends Share {
  readonly threadKey: string;
}

export interface Shares {
  /**
   * Keeps a share of a thread. `false`, and nothing kept, when there is no such thread, or when it has `MAX_SHARES`.
   */
  keep(share: SharedThread, digest: string): Promise<boolean>;
  /** The share with this secret. */
  find(digest: string): Promise<SharedThread | undefined>;
  /** The shares of a thread, the oldest first. */
  list(threadKey: string): Promise<readonly Share[]>;
  /** Forgets a thread's share. `false` when there is no such share. */
  revoke(threadKey: string, id: string): Promise<boolean>;
  /** The valid ones among `ids`. */
  holding(ids: readonly string[]): Promise<ReadonlySet<string>>;
}

/** The most shares that one thread may have. Those that have expired do not count. */
export const MAX_SHARES = 100;

export class MemoryShares implements Shares {
  readonly #byDigest = new Map<string, SharedThread>();
  readonly #now: () => number;
  readonly #hasThread: (threadKey: string) => boolean;

  constructor(hasThread: (threadKey: string) => boolean, now: () => number) {
    this.#hasThread = hasThread;
    this.#now = now;
  }

  async keep(share: SharedThread, digest: string): Promise<boolean> {
    if (!this.#hasThread(share.threadKey) || this.#of(share.threadKey).length >= MAX_SHARES) return false;
    this.#byDigest.set(digest, share);
    return true;
  }

  async find(digest: string): Promise<SharedThread | undefined> {
    const share = this.#byDigest.get(digest);
    return share && this.#holds(share) ? share : undefined;
  }

  async list(threadKey: string): Promise<readonly Share[]> {
    return this.#of(threadKey).map(({ threadKey: _, ...share }) => share);
  }

  async revoke(threadKey: string, id: string): Promise<boolean> {
    return this.#forget((share) => share.threadKey === threadKey && share.id === id);
  }

  async holding(ids: readonly string[]): Promise<ReadonlySet<string>> {
    const all = [...this.#byDigest.values()].filter((share) => this.#holds(share));
    return new Set(all.map(({ id }) => id).filter((id) => ids.includes(id)));
  }

  /** Forgets the thread's shares. */
  forgetThread(threadKey: string): void {
    this.#forget((share) => share.threadKey === threadKey);
  }

  /** Returns the valid shares, and forgets those that have expired. */
  #of(threadKey: string): SharedThread[] {
    this.#forget((share) => share.threadKey === threadKey && !this.#holds(share));
    return [...this.#byDigest.values()].filter((share) => share.threadKey === threadKey);
  }

  #holds({ expiresAt = Number.POSITIVE_INFINITY }: Share): boolean {
    return expiresAt > this.#now();
  }

  #forget(test: (share: SharedThread) => boolean): boolean {
    const gone = [...this.#byDigest].filter(([, share]) => test(share));
    for (const [digest] of gone) this.#byDigest.delete(digest);
    return gone.length > 0;
  }
}

export class TableShares implements Shares {
  readonly #tables: Tables;
  readonly #now: () => number;

  constructor(tables: Tables, now: () => number) {
    this.#tables = tables;
    this.#now = now;
  }

  /** It is one statement, so that a thread that is deleted meanwhile keeps no share. */
  async keep({ id, threadKey, madeAt, expiresAt }: SharedThread, digest: string): Promise<boolean> {
    await this.#tables.write(["DELETE FROM shares WHERE expires_at <= ?", this.#now()]);
    const rows = await this.#tables.all(
      `INSERT INTO shares (id, thread_id, digest, made_at, expires_at)
       SELECT CAST(? AS TEXT), thread_id, CAST(? AS TEXT), CAST(? AS BIGINT), CAST(? AS BIGINT) FROM threads
       WHERE thread_id = ? AND (SELECT count(*) FROM shares WHERE shares.thread_id = threads.thread_id) < ${MAX_SHARES}
       RETURNING id`,
      id,
      digest,
      madeAt,
      expiresAt ?? null,
      threadKey,
    );
    return rows.length > 0;
  }

  async find(digest: string): Promise<SharedThread | undefined> {
    const [row] = await this.#tables.all(
      `SELECT id, thread_id, made_at, expires_at FROM shares WHERE digest = ? AND ${HOLDS}`,
      digest,
      this.#now(),
    );
    return row && { ...shareIn(row), threadKey: String(row.thread_id) };
  }

  async list(threadKey: string): Promise<readonly Share[]> {
    const rows = await this.#tables.all(
      `SELECT id, made_at, expires_at FROM shares WHERE thread_id = ? AND ${HOLDS} ORDER BY made_at, id`,
      threadKey,
      this.#now(),
    );
    return rows.map(shareIn);
  }

  async revoke(threadKey: string, id: string): Promise<boolean> {
    const gone = "DELETE FROM shares WHERE thread_id = ? AND id = ? RETURNING id";
    return (await this.#tables.all(gone, threadKey, id)).length > 0;
  }

  async holding(ids: readonly string[]): Promise<ReadonlySet<string>> {
    const holding = new Set<string>();
    for (let from = 0; from < ids.length; from += AT_ONCE) {
      // The number of values is always the same, so that the database prepares one statement only.
      const some = Array.from({ length: AT_ONCE }, (_, index) => ids[from + index] ?? "");
      for (const { id } of await this.#tables.all(SOME_HOLDING, ...some, this.#now())) holding.add(String(id));
    }
    return holding;
  }
}

const HOLDS = "(expires_at IS NULL OR expires_at > ?)";

/** The number of shares that one statement looks up. */
const AT_ONCE = 50;

const SOME_HOLDING = `SELECT id FROM shares WHERE id IN (${Array(AT_ONCE).fill("?").join(", ")}) AND ${HOLDS}`;

function shareIn({ id, made_at: madeAt, expires_at: expiresAt }: Awaited<ReturnType<Tables["all"]>>[number]): Share {
  return { id: String(id), madeAt: Number(madeAt), ...(expiresAt === null ? {} : { expiresAt: Number(expiresAt) }) };
}
