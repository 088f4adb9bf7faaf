/** Everything that outlives the process: threads, the graphs' checkpoints and their items, in SQLite or in Postgres. */
import { resolve } from "node:path";
import type { BaseCheckpointSaver } from "@langchain/langgraph-checkpoint";
import { currentRun } from "../runs/current-run.ts";
import { Checkpointer } from "../store/checkpointer.ts";
import { Database } from "../store/database.ts";
import type { Instances } from "../store/instances.ts";
import type { ItemStores } from "../store/items.ts";
import { SqliteStore } from "../store/sqlite.ts";
import type { Store } from "../store/store.ts";
import { TableItems } from "../store/table-items.ts";

export interface Storage {
  /** Stores threads, runs and transcripts. The caller closes it, which also closes the database. */
  readonly store: Store;
  /** Stores the graphs' checkpoints, in the same database. */
  readonly checkpointer: BaseCheckpointSaver;
  /** Store the items that graphs keep across threads, in the same database. */
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
    checkpointer: new Checkpointer(database, () => currentRun.getStore()),
    items: new TableItems(database),
  };
}
