/** A database, a Redis and processes that share them. Each process has its own line to Redis, which can be cut. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { startBalancer } from "../../test/support/balancer.ts";
import { type ServerProcess, serve } from "../../test/support/child.ts";
import { type PostgresServer, startPostgres } from "../../test/support/postgres.ts";
import { type RedisServer, startRedis } from "../../test/support/redis.ts";
import { type Relay, startRelay } from "../../test/support/relay.ts";
import { ROOT } from "../setup.mjs";

export const PREFIX = "chaos:";
export const AGENTS = ["lost", "recovered"] as const;

/** Limits are off, because all clients have the same address. */
const NO_LIMITS = Object.fromEntries(
  [
    "MAX_RUNS_PER_MINUTE",
    "MAX_CLIENT_RUNS",
    "MAX_CLIENT_SOCKETS",
    "MAX_CLIENT_SUBSCRIPTIONS",
    "MAX_HANDSHAKES_PER_MINUTE",
    "MAX_REQUESTS_PER_MINUTE",
    "MAX_ACTIVE_RUNS",
    "MAX_SOCKETS",
  ].map((name) => [name, "1000000"]),
);

/** A slot for a process. The processes that are started in it, one after the other, use the same line to Redis. */
export class Slot {
  readonly line: Relay;
  readonly #env: Record<string, string>;
  readonly #database: pg.Pool;
  #process: ServerProcess | undefined;
  /** Names the process in the rows of its runs. */
  #instance = "";
  /** Whether the load balancer sends requests to it. */
  healthy = false;

  constructor(line: Relay, env: Record<string, string>, database: pg.Pool) {
    this.line = line;
    this.#env = { ...env, REDIS_URL: `redis://127.0.0.1:${line.port}` };
    this.#database = database;
  }

  async start(): Promise<void> {
    const before = await this.#instances();
    this.#process = await serve(this.#env);
    const [instance = ""] = (await this.#instances()).filter((name) => !before.includes(name));
    this.#instance = instance;
    this.healthy = true;
  }

  get port(): number {
    return Number(new URL(this.process.url).port);
  }

  get process(): ServerProcess {
    if (!this.#process) throw new Error("No process was started in this slot.");
    return this.#process;
  }

  /** Returns the runs that its process drives, by thread. */
  async drives(): Promise<Map<string, string>> {
    const { rows } = await this.#database.query<{ thread_id: string; run_id: string }>(
      "SELECT thread_id, run_id FROM sluice.runs WHERE owner = $1 AND status = 'active'",
      [this.#instance],
    );
    return new Map(rows.map(({ thread_id, run_id }) => [thread_id, run_id]));
  }

  async #instances(): Promise<string[]> {
    const there = await this.#database.query<{ yes: boolean }>(
      "SELECT to_regclass('sluice.instances') IS NOT NULL AS yes",
    );
    if (!there.rows[0]?.yes) return []; // The first process creates the table.
    const { rows } = await this.#database.query<{ instance: string }>("SELECT instance FROM sluice.instances");
    return rows.map(({ instance }) => instance);
  }
}

export interface Deployment {
  readonly postgres: PostgresServer;
  readonly redis: RedisServer;
  readonly slots: readonly [Slot, ...Slot[]];
  /** Reads the rows directly, without the processes. */
  readonly database: pg.Pool;
  /** The address of the load balancer. */
  readonly url: string;
  stop(): Promise<void>;
}

export async function deploy(processes: number): Promise<Deployment> {
  const folder = mkdtempSync(join(tmpdir(), "sluice-chaos-"));
  const graphs = join(ROOT, "scripts", "chaos", "graphs.ts");
  const entry = (name: string) => ({ graph: `${graphs}:${name}`, recover: name === "recovered" });
  mkdirSync(join(folder, "config"));
  const agents = Object.fromEntries(AGENTS.map((name) => [name, entry(name)]));
  writeFileSync(join(folder, "config", "agents.json"), JSON.stringify({ agents }));

  const [postgres, redis] = await Promise.all([startPostgres(), startRedis()]);
  const databaseUrl = await postgres.database();
  const database = new pg.Pool({ connectionString: databaseUrl, connectionTimeoutMillis: 5_000 });
  database.on("error", () => {}); // The next query reports it.
  const env = {
    DATABASE_URL: databaseUrl,
    REDIS_PREFIX: PREFIX,
    CONFIG_DIR: join(folder, "config"),
    // Longer than a step of a run.
    DRAIN_SECONDS: "6",
    HEARTBEAT_SECONDS: "5",
    ...NO_LIMITS,
  };
  const slots: Slot[] = [];
  for (let count = 0; count < processes; count += 1) {
    slots.push(new Slot(await startRelay(redis.port), env, database));
  }
  const [first, ...others] = slots;
  if (!first) throw new Error("At least one process is needed.");
  const balancer = await startBalancer(() => slots.filter(({ healthy }) => healthy).map(({ port }) => port));
  return {
    postgres,
    redis,
    slots: [first, ...others],
    database,
    url: `http://127.0.0.1:${balancer.port}`,
    async stop() {
      await Promise.all(slots.map((slot) => slot.process.stop()));
      await Promise.all([balancer, ...slots.map(({ line }) => line)].map((each) => each.close()));
      await database.end();
      await Promise.all([postgres.stop(), redis.kill()]);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
