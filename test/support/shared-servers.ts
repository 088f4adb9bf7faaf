/** For Vitest with SLUICE_TEST_PROCESSES: starts a Postgres and a Redis that all test files of a run share. */
import { openPostgres } from "../../src/app/postgres-storage.ts";
import { startPostgres } from "./postgres.ts";
import { startRedis } from "./redis.ts";

export default async function setup(): Promise<() => Promise<void>> {
  const [postgres, redis] = await Promise.all([startPostgres(1_000), startRedis()]);
  // Tests copy this database with its tables, so that their servers need not create them.
  const database = await postgres.database();
  await (await openPostgres(database)).store.close();
  process.env.SLUICE_TEST_DATABASE = database;
  process.env.SLUICE_TEST_REDIS = redis.url;
  return async () => {
    await Promise.all([postgres.stop(), redis.kill()]);
  };
}
