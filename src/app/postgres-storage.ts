/** Opens the storage in Postgres. A file of its own: a process that keeps its threads elsewhere loads no client of Postgres. */
import { currentRun } from "../runs/current-run.ts";
import { Checkpointer } from "../store/checkpointer.ts";
import { PostgresDatabase } from "../store/postgres/database.ts";
import { PostgresInstances } from "../store/postgres/instances.ts";
import { PostgresStore } from "../store/postgres/store.ts";
import { PostgresTables } from "../store/postgres/tables.ts";
import { TableItems } from "../store/table-items.ts";
import type { Storage } from "./storage.ts";

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
    checkpointer: new Checkpointer(tables, () => currentRun.getStore()),
    items: new TableItems(tables),
    ...(instances ? { instances } : {}),
  };
}
