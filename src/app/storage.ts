/** Everything that outlives the process: threads, the graphs' checkpoints and their items, in SQLite or in Postgres. */
import { resolve } from "node:path";
import type { BaseCheckpointSaver } from "@langchain/langgraph-checkpoint";
import { Checkpointer } from "../store/checkpointer.ts";
import { Database } from "../store/database.ts";
import type { Instances } from "../store/instances.ts";
import type { ItemStores } from "../store/items.ts";
import { SqliteStore } from "../store/sqlite.ts";
import type { Store } from "../store/store.ts";
import { TableItems } from "../store/table-items.ts";

export interface Storage {
  /** Keeps threads, runs and transcripts. Its holder closes it, and the database with it. */
  readonly store: Store;
  /** Keeps what graphs remember, in the same database. */
  readonly checkpointer: BaseCheckpointSaver;
  /** Keep what graphs remember across threads, in the same database. */
  readonly items: ItemStores;
  /** The processes that share the database; absent for a process alone. */
  readonly instances?: Instances;
}

/**
 * Opens `sluice.db` in `folder`, for this process alone; both are made when they are missing.
 * @throws Error with one line that names the file and says what is wrong.
 */
export function openStorage(folder: string): Storage {
  const database = Database.open(resolve(folder, "sluice.db"));
  return {
    store: new SqliteStore(database),
    checkpointer: new Checkpointer(database),
    items: new TableItems(database),
  };
}
