import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { bundledGraphs } from "../../src/app/bundled.ts";
import { parseAgents } from "../../src/config/agents.ts";
import { readSettings } from "../../src/config/settings.ts";
import { memory } from "../support/sluice.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));

function build(graphs: string[], env: Record<string, string> = {}) {
  const entries = Object.fromEntries(graphs.map((graph, index) => [`agent-${index}`, { graph }]));
  const { agents, filters } = parseAgents("agents.json", JSON.stringify({ agents: entries }));
  return bundledGraphs(
    { ...readSettings(env), agents, filters, graphsRelativeTo: root, files: [], notices: [] },
    memory(),
    root,
  );
}

describe("bundledGraphs", () => {
  let folder = "";
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "sluice-knowledge-"));
  });
  afterEach(() => rm(folder, { recursive: true }));

  it("builds those that are served, and no others", async () => {
    const all = ["assistant", "approvals", "researcher", "portfolio"];
    expect([...(await build(all)).keys()].sort()).toEqual([...all].sort());
    // Nobody is held up by a folder that none of their agents reads.
    const graphs = await build(["./mine.js:graph", "portfolio"], { KNOWLEDGE_DIR: join(folder, "nowhere") });
    expect([...graphs.keys()]).toEqual(["portfolio"]);
  });

  it("says what is wrong with the knowledge base", async () => {
    const nowhere = join(folder, "nowhere");
    await expect(build(["researcher"], { KNOWLEDGE_DIR: nowhere })).rejects.toThrow(
      `KNOWLEDGE_DIR=${nowhere}: cannot be read (ENOENT). Name a folder of .md and .txt files.`,
    );
    await expect(build(["researcher"], { KNOWLEDGE_DIR: folder })).rejects.toThrow(
      `KNOWLEDGE_DIR=${folder}: there is no .md or .txt file in it.`,
    );
    await writeFile(join(folder, "mine.txt"), "Mine.");
    expect([...(await build(["researcher"], { KNOWLEDGE_DIR: folder })).keys()]).toEqual(["researcher"]);
  });
});
