/** Names of threads in the SQLite file. A trigger forgets a name with its thread. */
import type { Database } from "./database.ts";
import { EVERYBODY, NOBODY, newThreadKey, type ThreadName, type ThreadNames } from "./names.ts";

/** Milliseconds that a name without a thread is kept. */
const UNUSED_MS = 86_400_000;

export class SqliteNames implements ThreadNames {
  readonly #db: Database;
  readonly #now: () => number;

  constructor(database: Database, now: () => number) {
    this.#db = database;
    this.#now = now;
  }

  async threadKey(owner: string, threadId: string): Promise<string | undefined> {
    const row = this.#db.one("SELECT key FROM thread_names WHERE owner = ? AND name = ?", owner, threadId);
    return row && String(row.key);
  }

  async claimThread(owner: string, threadId: string, key = newThreadKey()): Promise<string> {
    const known = await this.threadKey(owner, threadId);
    if (known !== undefined) return known;
    const now = this.#now();
    this.#db.run(
      "DELETE FROM thread_names WHERE made_at < ? AND NOT EXISTS (SELECT 1 FROM threads WHERE thread_id = key)",
      now - UNUSED_MS,
    );
    // Another process may have been faster: its key holds.
    this.#db.run(
      "INSERT INTO thread_names (key, owner, name, made_at) VALUES (?, ?, ?, ?) ON CONFLICT (owner, name) DO NOTHING",
      key,
      owner,
      threadId,
      now,
    );
    return (await this.threadKey(owner, threadId)) ?? key;
  }

  async threadName(key: string): Promise<ThreadName | undefined> {
    const row = this.#db.one("SELECT owner, name FROM thread_names WHERE key = ?", key);
    return row && { owner: String(row.owner), threadId: String(row.name) };
  }
}

/** A condition on `threads` for the list of `owner`, and its value. */
export function ownedBy(owner: string): readonly [condition: string, ...values: string[]] {
  if (owner === EVERYBODY) return ["TRUE"];
  if (owner === NOBODY) return ["NOT EXISTS (SELECT 1 FROM thread_names WHERE key = thread_id)"];
  return ["thread_id IN (SELECT key FROM thread_names WHERE owner = ?)", owner];
}
