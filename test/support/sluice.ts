/** Starts a real Sluice on a free port for tests, without logs, with the graphs of a test. */
import { MemorySaver } from "@langchain/langgraph";
import { type App, type AppOptions, createApp } from "../../src/app/app.ts";
import { servedAgent } from "../../src/app/served-agent.ts";
import { type AgentEntry, defaultAgent } from "../../src/config/agents.ts";
import { readSettings } from "../../src/config/settings.ts";
import type { ServedAgent } from "../../src/graph/registry.ts";
import type { ServedGraph } from "../../src/graph/source.ts";
import { createLogger } from "../../src/ops/logger.ts";
import { startSeveral } from "./several.ts";
import { sourceFor } from "./stream-source.ts";

export interface TestAgent {
  readonly graph: object;
  /** The fields of its entry in agents.json. */
  readonly entry?: Partial<AgentEntry>;
}

export interface TestSluice extends App {
  readonly url: string;
  readonly ws: string;
}

/**
 * Settings that keep tests quick: nothing waits for long, and each piece of text is a separate event, even on a busy
 * machine. `env` overrides them.
 */
const QUICK = { COALESCE_MS: "0", PORT: "0", LOG_LEVEL: "silent", ORPHAN_GRACE_SECONDS: "0.05", DRAIN_SECONDS: "0.2" };

/** The number of processes of each test's server. `npm run test:processes` sets it. */
const PROCESSES = Number(process.env.SLUICE_TEST_PROCESSES ?? "1");

/** A test that passes one of these options starts its own processes. */
const BRINGS_ITS_OWN = ["store", "instances", "log", "shared"] as const;

/** Starts a server for `agents`. The first agent is the default. Call `close()` when done. */
export async function startSluice(
  agents: Record<string, TestAgent>,
  env: Record<string, string> = {},
  more: Partial<
    Pick<AppOptions, "store" | "instances" | "log" | "shared" | "memoryUsage" | "playground" | "logger">
  > = {},
): Promise<TestSluice> {
  const settings = readSettings({ ...QUICK, ...sourceFor(env), ...env });
  const served = Object.entries(agents).map(([name, { graph, entry }]) =>
    servedAgent(name, { ...defaultAgent(name), ...entry }, { ...settings, filters: {} }, graph as ServedGraph),
  );
  const [first, ...rest] = served as [ServedAgent, ...ServedAgent[]];
  const options = { logger: createLogger(settings.LOG_LEVEL), version: "test", ...more };
  if (PROCESSES > 1 && !BRINGS_ITS_OWN.some((name) => more[name])) {
    const several = await startSeveral(PROCESSES, [first, ...rest], settings, options);
    return { ...several, ws: several.url.replace("http", "ws") };
  }
  const app = createApp([first, ...rest], settings, options);
  const url = await app.listen();
  return { ...app, url, ws: url.replace("http", "ws") };
}

export function memory(): MemorySaver {
  return new MemorySaver();
}
