/** The bundled agents, loaded like any others: by the file and export that config/agents.json names. */
import { readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { beforeEach, expect, test, vi } from "vitest";
import { isShipped } from "../../src/config/shipped.ts";
import { readAgents } from "../../src/config/sources.ts";
import { loadGraph } from "../../src/graph/loader.ts";
import { temporaryFolder } from "../support/folder.ts";
import { memory } from "../support/sluice.ts";

const root = resolve(".");
const folder = temporaryFolder();
const shipped = () => {
  const { agents, graphsRelativeTo } = readAgents({
    ...{ cwd: folder, packageRoot: root, graphs: [], configFile: undefined, configDir: undefined },
  });
  return Object.entries(agents).map(([name, { graph }]) => [name, graph, graphsRelativeTo] as const);
};

const loaded = vi.hoisted(() => vi.fn());
vi.mock("@langchain/openai", async (original) => {
  loaded();
  return original();
});

beforeEach(() => {
  for (const name of ["OPENAI_API_KEY", "OPENAI_BASE_URL"]) vi.stubEnv(name, undefined);
  vi.stubEnv("MODEL", "demo");
});

test("all of them are loaded by their file, from the source when Sluice runs from there", async () => {
  const written = JSON.parse(readFileSync(join(root, "config", "agents.json"), "utf8")) as {
    agents: Record<string, { graph: string }>;
  };
  expect(Object.entries(written.agents).map(([name, { graph }]) => [name, graph])).toEqual(
    ["assistant", "approvals", "researcher", "portfolio"].map((name) => [name, `../dist/agents/graphs.js:${name}`]),
  );
  for (const [name, graph, relativeTo] of shipped()) {
    expect(graph).toBe(`${join(root, "src", "agents", "graphs.ts")}:${name}`);
    expect(isShipped(graph, relativeTo)).toBe(true);
    const checkpointer = memory();
    expect(await loadGraph(graph, { folder: relativeTo, checkpointer })).toMatchObject({ checkpointer });
  }
  expect(isShipped("./mine.js:assistant", folder)).toBe(false);
});

test("a provider's package is loaded for its models alone", async () => {
  // An earlier file in this process may have loaded it.
  vi.resetModules();
  const { approvals, assistant, portfolio, researcher } = await import("../../src/agents/graphs.ts");
  for (const make of [approvals, assistant, portfolio, researcher]) await make();
  expect(loaded).not.toHaveBeenCalled();
  vi.stubEnv("MODEL", "openai");
  vi.stubEnv("OPENAI_API_KEY", "none");
  await approvals();
  expect(loaded).toHaveBeenCalled();
});

test("a knowledge base that cannot be read is named, and only the agent that reads it is held up", async () => {
  const load = (name: string) => loadGraph(`${join(root, "src/agents/graphs.ts")}:${name}`, { folder: root });
  const nowhere = join(folder, "nowhere");
  vi.stubEnv("KNOWLEDGE_DIR", nowhere);
  await load("portfolio");
  await expect(load("researcher")).rejects.toThrow(
    `KNOWLEDGE_DIR=${nowhere}: cannot be read (ENOENT). Name a folder of .md and .txt files.`,
  );
  vi.stubEnv("KNOWLEDGE_DIR", folder);
  await expect(load("researcher")).rejects.toThrow(`KNOWLEDGE_DIR=${folder}: there is no .md or .txt file in it.`);
  await writeFile(join(folder, "mine.txt"), "Mine.");
  await load("researcher");
});
