import { createSluice } from "langgraph-sluice";
import { graph } from "./graph.mjs";

/**
 * Returns the app's single Sluice. The first request creates it, because Next.js loads this file again with each
 * change, and also while building.
 */
export function sluice() {
  globalThis.sluice ??= createSluice({
    agents: { agent: graph },
    basePath: "/ai",
    dataDir: "./data",
    // After a lost connection, a run continues for this long and waits for a reload of the chat.
    orphanGraceSeconds: 60,
  });
  return globalThis.sluice;
}
