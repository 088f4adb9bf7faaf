/** Names of threads in a database. A name is forgotten with its thread. */
import { EVERYBODY, NOBODY, newThreadKey, type ThreadName, type ThreadNames } from "./names.ts";
import type { Tables } from "./tables.ts";

/** The time that a name without a thread is kept, in milliseconds. */
const UNUSED_MS = 86_400_000;

/** The time between two searches for names without a thread, in milliseconds. */
const TIDY_MS = 3_600_000;

export class TableNames implements ThreadNames {
  readonly #tables: Tables;
  readonly #now: () => number;
  #tidiedAt = Number.NEGATIVE_INFINITY;

  constructor(tables: Tables, now: () => number) {
    this.#tables = tables;
    this.#now = now;
  }

  async threadKey(owner: string, threadId: string): Promise<string | undefined> {
    const [row] = await this.#tables.all("SELECT key FROM thread_names WHERE owner = ? AND name = ?", owner, threadId);
    return row && String(row.key);
  }

  async claimThread(owner: string, threadId: string, key = newThreadKey()): Promise<string> {
    const known = await this.threadKey(owner, threadId);
    if (known !== undefined) return known;
    const now = this.#now();
    await this.#tidy(now);
    // Another process may have been faster. Then its key is used.
    await this.#tables.write([
      "INSERT INTO thread_names (key, owner, name, made_at) VALUES (?, ?, ?, ?) ON CONFLICT (owner, name) DO NOTHING",
      key,
      owner,
      threadId,
      now,
    ]);
    return (await this.threadKey(owner, threadId)) ?? key;
  }

  async threadName(key: string): Promise<ThreadName | undefined> {
    const [row] = await this.#tables.all("SELECT owner, name FROM thread_names WHERE key = ?", key);
    return row && { owner: String(row.owner), threadId: String(row.name) };
  }

  async #tidy(now: number): Promise<void> {
    if (now - this.#tidiedAt < TIDY_MS) return;
    this.#tidiedAt = now;
    await this.#tables.write([
      "DELETE FROM thread_names WHERE made_at < ? AND NOT EXISTS (SELECT 1 FROM threads WHERE thread_id = key)",
      now - UNUSED_MS,
    ]);
  }
}

/** A condition on `threads` for the list of `owner`, and its value. */
export function ownedBy(owner: string): readonly [condition: string, ...values: string[]] {
  if (owner === EVERYBODY) return ["TRUE"];
  if (owner === NOBODY) return ["NOT EXISTS (SELECT 1 FROM thread_names WHERE key = thread_id)"];
  return ["thread_id IN (SELECT key FROM thread_names WHERE owner = ?)", owner];
}
