/** The checkpointer and the items of graphs in Postgres: the same as in SQLite and in memory. */
import { afterAll, beforeAll, describe } from "vitest";
import { Checkpointer } from "../../src/store/checkpointer.ts";
import { PostgresDatabase } from "../../src/store/postgres/database.ts";
import { PostgresTables } from "../../src/store/postgres/tables.ts";
import { TableItems } from "../../src/store/table-items.ts";
import { checkpointerContract, keptCheckpointerContract } from "../store/checkpointer-contract.ts";
import { tableItemsContract } from "../store/items-contract.ts";
import { type PostgresServer, startPostgres } from "../support/postgres.ts";

const TABLES = "checkpoints, checkpoint_writes, items";

let server: PostgresServer;
let database: PostgresDatabase;
beforeAll(async () => {
  server = await startPostgres();
  database = await PostgresDatabase.open(await server.database());
});
afterAll(async () => {
  await database.close();
  await server.stop();
});

/** One database for all cases: an empty one is quicker to get than a new one. */
async function empty(): Promise<PostgresTables> {
  await database.script(`TRUNCATE ${TABLES}`);
  return new PostgresTables(database);
}

describe("in Postgres", () => {
  const names = new Set<string>();
  const open = async (name = "") => {
    const kept = name !== "" && names.has(name);
    if (name !== "") names.add(name);
    return new Checkpointer(kept ? new PostgresTables(database) : await empty());
  };
  checkpointerContract("the checkpointer in Postgres", open);
  keptCheckpointerContract("the checkpointer in Postgres", open);
  tableItemsContract("in Postgres", async () => new TableItems(await empty()));
});
