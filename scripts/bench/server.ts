/**
 * The Sluice under test, with the bench's graph and production's settings, in a child of the bench. It runs the build
 * and not the sources: tsx names every closure, which costs time per token.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import pg from "pg";
import type { ServedGraph } from "../../src/graph/source.ts";
import { answer, cpuMicros, memory, startCpu } from "./child.ts";
import { benchGraph } from "./graph.ts";

/** The folder of another build to measure, with a slash at its end. */
const [build] = process.argv.slice(2);
const DIST = build === undefined ? new URL("../../dist/", import.meta.url) : pathToFileURL(build);
const { createApp } = await built<typeof import("../../src/app/app.ts")>("app/app.js");
const { servedAgent } = await built<typeof import("../../src/app/served-agent.ts")>("app/served-agent.js");
const { defaultAgent } = await built<typeof import("../../src/config/agents.ts")>("config/agents.js");
const { readSettings } = await built<typeof import("../../src/config/settings.ts")>("config/settings.js");
const { openBackends } = await built<typeof import("../../src/app/backends.ts")>("app/backends.js");
const { createLogger } = await built<typeof import("../../src/ops/logger.ts")>("ops/logger.js");

function built<T>(file: string): Promise<T> {
  return import(new URL(file, DIST).href) as Promise<T>;
}

let app: ReturnType<typeof createApp> | undefined;

export interface Listening {
  /** Settings other than production's. */
  readonly env?: Record<string, string>;
  /**
   * Keeps threads and the graph's memory in the storage that `env` sets, by default SQLite. Otherwise nothing is kept.
   */
  readonly stored?: boolean;
}

async function listen({ env = {}, stored = false }: Listening = {}): Promise<string> {
  const settings = readSettings({
    PORT: "0",
    LOG_LEVEL: "silent",
    ORPHAN_GRACE_SECONDS: "600",
    MAX_RUNS_PER_MINUTE: "1000000",
    MAX_CLIENT_RUNS: "1000000",
    MAX_CLIENT_SOCKETS: "1000000",
    MAX_CLIENT_SUBSCRIPTIONS: "1000000",
    MAX_HANDSHAKES_PER_MINUTE: "1000000",
    MAX_REQUESTS_PER_MINUTE: "1000000",
    ...(stored ? { DATA_DIR: temporaryFolder() } : {}),
    ...env,
  });
  const logger = createLogger(settings.LOG_LEVEL);
  const backends = stored ? await openBackends(settings, logger) : undefined;
  const agent = servedAgent(
    "bench",
    defaultAgent("bench"),
    { ...settings, filters: {} },
    benchGraph(backends?.checkpointer) as object as ServedGraph,
  );
  app = createApp([agent], settings, { logger, version: "bench", ...backends });
  return app.listen();
}

function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "sluice-bench-"));
  process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** The number of statements that this process sent to Postgres, without heartbeats, which have their own thread. */
let statements = 0;
const { query } = pg.Client.prototype;
pg.Client.prototype.query = function counted(this: pg.Client, ...args: unknown[]) {
  statements += 1;
  return Reflect.apply(query, this, args);
} as typeof query;

answer({ listen, startCpu, cpuMicros, memory, sockets: () => app?.sockets.size, statements: () => statements });
