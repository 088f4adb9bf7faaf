/**
 * Sluice, composed as the product is, with the bench's graph and production's settings. A child of the bench. What is
 * measured is the build: what tsx makes of the sources names every closure it creates, at some cost a token.
 */
import type { ServedGraph } from "../../src/graph/source.ts";
import { answer, cpuMicros, startCpu } from "./child.ts";
import { benchGraph } from "./graph.ts";

const DIST = new URL("../../dist/", import.meta.url);
const { createApp } = await built<typeof import("../../src/app/app.ts")>("app/app.js");
const { servedAgent } = await built<typeof import("../../src/app/served-agent.ts")>("app/served-agent.js");
const { defaultAgent } = await built<typeof import("../../src/config/agents.ts")>("config/agents.js");
const { readSettings } = await built<typeof import("../../src/config/settings.ts")>("config/settings.js");
const { createLogger } = await built<typeof import("../../src/ops/logger.ts")>("ops/logger.js");

function built<T>(file: string): Promise<T> {
  return import(new URL(file, DIST).href) as Promise<T>;
}

let app: ReturnType<typeof createApp> | undefined;

/** Listens, with settings other than production's where the environment `env` says so. */
async function listen(env: Record<string, string> = {}): Promise<string> {
  const settings = readSettings({ PORT: "0", LOG_LEVEL: "silent", ORPHAN_GRACE_SECONDS: "600", ...env });
  const agent = servedAgent(
    "bench",
    defaultAgent("bench"),
    { ...settings, filters: {} },
    benchGraph() as object as ServedGraph,
  );
  app = createApp([agent], settings, { logger: createLogger(settings.LOG_LEVEL), version: "bench" });
  return app.listen();
}

/** Resident memory in bytes, without the garbage. */
function memory(): number {
  globalThis.gc?.();
  return process.memoryUsage.rss();
}

answer({ listen, startCpu, cpuMicros, memory, sockets: () => app?.sockets.size });
