/** Everything that outlives the process: threads, the graphs' checkpoints and their items, in SQLite or in Postgres. */
import { resolve } from "node:path";
import type { BaseCheckpointSaver } from "@langchain/langgraph-checkpoint";
import { currentRun } from "../runs/current-run.ts";
import { Checkpointer } from "../store/checkpointer.ts";
import { Database } from "../store/database.ts";
import type { Instances } from "../store/instances.ts";
import type { ItemStores } from "../store/items.ts";
import { PostgresDatabase } from "../store/postgres/database.ts";
import { PostgresInstances } from "../store/postgres/instances.ts";
import { PostgresStore } from "../store/postgres/store.ts";
import { PostgresTables } from "../store/postgres/tables.ts";
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

/**
 * Opens the database in Postgres at `url`, for this process alone, or `shared` with others.
 * @throws Error with one line that says what is wrong. It does not repeat the address, which may hold a password.
 */
export async function openPostgres(url: string, shared = false): Promise<Storage> {
  const database = await PostgresDatabase.open(url);
  try {
    await (shared ? database.takeShared() : database.takeAlone());
  } catch (error) {
    await database.close();
    throw error;
  }
  // A graph writes under the claim of its run, and writes nothing more after another process took that run over.
  const tables = new PostgresTables(database, () => currentRun.getStore());
  const instances = shared ? new PostgresInstances(database) : undefined;
  return {
    store: new PostgresStore(database, instances?.id),
    checkpointer: new Checkpointer(tables),
    items: new TableItems(tables),
    ...(instances ? { instances } : {}),
  };
}
