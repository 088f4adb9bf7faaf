/** Starts a Postgres and a Redis for a test, and servers in this process that share them like several processes. */
import { openPostgres } from "../../src/app/postgres-storage.ts";
import { RedisLog } from "../../src/log/redis/redis-log.ts";
import type { Instances } from "../../src/store/instances.ts";
import { altered } from "./altered.ts";
import { type PostgresServer, startPostgres } from "./postgres.ts";
import { type RedisServer, startRedis } from "./redis.ts";
import { startSluice, type TestAgent, type TestSluice } from "./sluice.ts";

export const LIMITS = { maxEvents: 10_000, maxBytes: 1e9, maxTotalBytes: 1e9, retentionMs: 60_000 };

export interface SharedServers {
  readonly postgres: PostgresServer;
  readonly redis: RedisServer;
  /** Makes a deployment with its own database and prefix. `start` starts one more of its processes. */
  deployment(limits?: Partial<typeof LIMITS>): Promise<Deployment>;
  stop(): Promise<void>;
}

export interface Deployment {
  readonly databaseUrl: string;
  readonly prefix: string;
  /**
   * Starts a process. `agents` gets the checkpointer of the process. `othersAs` replaces what the process knows about
   * the others.
   */
  start(
    agents: Agents,
    env?: Record<string, string>,
    othersAs?: (others: Instances) => Partial<Instances>,
  ): Promise<TestSluice>;
  /** Stops all started processes. */
  close(): Promise<void>;
}

export type Agents = (
  checkpointer: Awaited<ReturnType<typeof openPostgres>>["checkpointer"],
) => Record<string, TestAgent>;

export async function startShared(): Promise<SharedServers> {
  const [postgres, redis] = await Promise.all([startPostgres(), startRedis()]);
  let deployments = 0;
  return {
    postgres,
    redis,
    async deployment(limits = {}) {
      deployments += 1;
      const prefix = `deployment-${deployments}:`;
      const databaseUrl = await postgres.database();
      const started: TestSluice[] = [];
      return {
        databaseUrl,
        prefix,
        async start(agents, env = {}, othersAs = () => ({})) {
          const log = new RedisLog({ ...LIMITS, ...limits, url: redis.url, prefix, failed: () => {} });
          const [{ store, instances, checkpointer }] = await Promise.all([
            openPostgres(databaseUrl, true),
            log.ready(),
          ]);
          if (!instances || !(await instances.shareLog(log))) throw new Error("another log");
          const sluice = await startSluice(agents(checkpointer), env, {
            store,
            log,
            instances: altered(instances, othersAs(instances)),
          });
          started.push(sluice);
          return sluice;
        },
        async close() {
          await Promise.all(started.splice(0).map((sluice) => sluice.close()));
        },
      };
    },
    async stop() {
      await Promise.all([postgres.stop(), redis.kill()]);
    },
  };
}
