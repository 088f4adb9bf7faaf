/** For Vitest: a Postgres and a Redis that all test files of a run share, where SLUICE_TEST_PROCESSES asks for several processes. */
import { startPostgres } from "./postgres.ts";
import { startRedis } from "./redis.ts";

export default async function setup(): Promise<() => Promise<void>> {
  const [postgres, redis] = await Promise.all([startPostgres(1_000), startRedis()]);
  process.env.SLUICE_TEST_DATABASE = await postgres.database();
  process.env.SLUICE_TEST_REDIS = redis.url;
  return async () => {
    await Promise.all([postgres.stop(), redis.kill()]);
  };
}
