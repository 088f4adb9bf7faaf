/** LangGraph's dev server with the bench's graph: the server that `langgraphjs dev` starts. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { answer, cpuMicros, startCpu } from "../child.ts";

// Its log of requests goes to the terminal.
process.env.LOG_LEVEL = "error";
const { startServer } = await import("@langchain/langgraph-api/server");

async function listen() {
  const cwd = mkdtempSync(join(tmpdir(), "sluice-bench-"));
  process.once("exit", () => rmSync(cwd, { recursive: true, force: true }));
  const graph = `${fileURLToPath(new URL("./built/graph.mjs", import.meta.url))}:graph`;
  const { host } = await startServer({ port: 0, nWorkers: 100, host: "127.0.0.1", cwd, graphs: { bench: graph } });
  return `http://${host}`;
}

answer({ listen, startCpu, cpuMicros });
