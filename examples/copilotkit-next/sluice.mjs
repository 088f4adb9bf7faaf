import { createSluice } from "langgraph-sluice";
import { graph } from "./graph.mjs";

/**
 * The first request makes the one Sluice: Next.js loads this file anew with each change, and also in processes that
 * only build.
 */
export function sluice() {
  globalThis.sluice ??= createSluice({
    agents: { agent: graph },
    basePath: "/ai",
    dataDir: "./data",
    // After a cut the chat waits for a reload, and the answer waits for it so long.
    orphanGraceSeconds: 60,
  });
  return globalThis.sluice;
}
