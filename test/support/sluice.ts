/** A real Sluice on a free port, for tests: quiet, with the graphs a test hands in, closed with `await using`-like care. */
import { MemorySaver } from "@langchain/langgraph";
import { type App, type AppOptions, createApp } from "../../src/app/app.ts";
import { servedAgent } from "../../src/app/served-agent.ts";
import { type AgentEntry, defaultAgent } from "../../src/config/agents.ts";
import { readSettings } from "../../src/config/settings.ts";
import type { ServedAgent } from "../../src/graph/registry.ts";
import type { ServedGraph } from "../../src/graph/source.ts";
import { createLogger } from "../../src/ops/logger.ts";

export interface TestAgent {
  readonly graph: object;
  /** What its entry in agents.json would say. */
  readonly entry?: Partial<AgentEntry>;
}

export interface TestSluice extends App {
  readonly url: string;
  readonly ws: string;
}

/**
 * Settings that keep tests quick: nothing waits for long, and each piece of text is an event of its own, however busy the
 * machine is. `env` overrides them, as the environment would.
 */
const QUICK = { COALESCE_MS: "0", PORT: "0", LOG_LEVEL: "silent", ORPHAN_GRACE_SECONDS: "0.05", DRAIN_SECONDS: "0.2" };

/** Starts a server for `agents`; the first is the default one. Call `close()` when done. */
export async function startSluice(
  agents: Record<string, TestAgent>,
  env: Record<string, string> = {},
  more: Partial<
    Pick<AppOptions, "store" | "instances" | "log" | "shared" | "memoryUsage" | "playground" | "logger">
  > = {},
): Promise<TestSluice> {
  const settings = readSettings({ ...QUICK, ...env });
  const served = Object.entries(agents).map(([name, { graph, entry }]) =>
    servedAgent(name, { ...defaultAgent(name), ...entry }, { ...settings, filters: {} }, graph as ServedGraph),
  );
  const [first, ...rest] = served as [ServedAgent, ...ServedAgent[]];
  const app = createApp([first, ...rest], settings, {
    logger: createLogger(settings.LOG_LEVEL),
    version: "test",
    ...more,
  });
  const url = await app.listen();
  return { ...app, url, ws: url.replace("http", "ws") };
}

export function memory(): MemorySaver {
  return new MemorySaver();
}
