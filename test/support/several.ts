/**
 * Starts several servers that a test uses as one. Each has its own log, store and connections, like a process. All
 * share one database, one Redis and the same graphs. They are behind a balancer without stickiness.
 */
import { randomBytes } from "node:crypto";
import type { AddressInfo } from "node:net";
import pg from "pg";
import { type App, type AppOptions, createApp } from "../../src/app/app.ts";
import type { Agents } from "../../src/app/core.ts";
import { logLimits } from "../../src/app/event-log.ts";
import { openPostgres } from "../../src/app/postgres-storage.ts";
import { openSharedRates } from "../../src/app/shared-rates.ts";
import type { Settings } from "../../src/config/settings.ts";
import { RedisLog } from "../../src/log/redis/redis-log.ts";
import { startBalancer } from "./balancer.ts";

export async function startSeveral(
  count: number,
  agents: Agents,
  settings: Settings,
  options: AppOptions,
): Promise<App & { readonly url: string }> {
  const name = `several_${randomBytes(6).toString("hex")}`;
  const template = new URL(String(process.env.SLUICE_TEST_DATABASE));
  await statement(`CREATE DATABASE ${name} TEMPLATE ${template.pathname.slice(1)}`);
  const url = new URL(template);
  url.pathname = `/${name}`;
  const shared = {
    ...settings,
    PORT: 0,
    DATABASE_URL: url.href,
    REDIS_URL: process.env.SLUICE_TEST_REDIS,
    REDIS_PREFIX: `${name}:`,
  };
  const apps = await Promise.all(Array.from({ length: count }, () => start(agents, shared, options)));
  const [first] = apps;
  if (!first) throw new Error("SLUICE_TEST_PROCESSES has to be 1 or more.");
  const balancer = await startBalancer(
    () => apps.flatMap(({ server }) => (server.address() as AddressInfo | null)?.port ?? []),
    settings.PORT,
  );
  const close = async () => {
    await Promise.all(apps.map((app) => app.close()));
    await balancer.close();
    await statement(`DROP DATABASE ${name} WITH (FORCE)`);
  };
  let closing: Promise<void> | undefined;
  return {
    ...first,
    server: together([first.server, ...apps.slice(1).map(({ server }) => server)]),
    runs: summed(
      apps.map(({ runs }) => runs),
      ["activeCount", "audienceCount"],
    ),
    sockets: summed(
      apps.map(({ sockets }) => sockets),
      ["size"],
    ),
    url: `http://127.0.0.1:${balancer.port}`,
    close() {
      closing ??= close();
      return closing;
    },
  };
}

async function start(agents: Agents, settings: Settings, options: AppOptions): Promise<App> {
  const { REDIS_URL: redis = "", REDIS_PREFIX: prefix, DATABASE_URL: database = "" } = settings;
  const log = new RedisLog({ ...logLimits(settings), url: redis, prefix, failed: () => {} });
  await log.ready();
  const { store, items, instances } = await openPostgres(database, true);
  if (!(await instances?.shareLog(log))) throw new Error("Its events are elsewhere.");
  const shared = await openSharedRates(settings);
  const app = createApp(agents, settings, { ...options, store, items, instances, log, shared });
  // With a timeout of a second or less, a client does not reuse a connection. Otherwise it would send all requests to
  // one process. `Connection: close` does not work: fetch would take a cut for the end of the answer.
  app.server.keepAliveTimeout = 1_000;
  await app.listen();
  return app;
}

/** Returns the first object, whose method calls are made on all. A listener is added to all, and `close` closes all. */
function together<T extends object>(all: readonly [T, ...T[]]): T {
  return new Proxy(all[0], {
    get(first, name) {
      if (typeof Reflect.get(first, name, first) !== "function") return Reflect.get(first, name, first);
      return (...args: unknown[]) => {
        const results = all.map((each) => Reflect.apply(Reflect.get(each, name, each) as () => unknown, each, args));
        return results[0];
      };
    },
  });
}

/** Returns the first object, with the sums of these numbers of all. */
function summed<T extends object>(all: readonly T[], numbers: readonly (keyof T)[]): T {
  return new Proxy(all[0] as T, {
    get(first, name) {
      if (numbers.includes(name as keyof T)) return all.reduce((sum, one) => sum + Number(one[name as keyof T]), 0);
      const value: unknown = Reflect.get(first, name, first);
      return typeof value === "function" ? value.bind(first) : value;
    },
  });
}

/** Runs SQL outside the tests' databases, because a database that is copied must have no other connection. */
async function statement(sql: string): Promise<void> {
  const server = new URL(String(process.env.SLUICE_TEST_DATABASE));
  server.pathname = "/postgres";
  const client = new pg.Client({ connectionString: server.href });
  await client.connect();
  await client.query(sql);
  await client.end();
}
