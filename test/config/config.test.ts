import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { loadConfig } from "../../src/config/config.ts";

const ONE = JSON.stringify({ agents: { own: { graph: "g.js" } } });
const OTHER = JSON.stringify({ agents: { shipped: { graph: "g.js" } } });

describe("the configuration of a process", () => {
  let root: string;
  let cwd: string;
  let packageRoot: string;
  const { env } = process;

  beforeEach(() => {
    // dotenv writes into process.env: each test gets an empty one.
    process.env = { ...env };
    for (const name of ["PORT", "HOST", "CONFIG_DIR", "MODEL"]) delete process.env[name];
    root = mkdtempSync(join(tmpdir(), "sluice-config-"));
    cwd = join(root, "cwd");
    packageRoot = join(root, "package");
    for (const folder of [cwd, join(packageRoot, "config")]) mkdirSync(folder, { recursive: true });
    writeFileSync(join(packageRoot, "config", "agents.json"), OTHER);
  });

  afterEach(() => {
    process.env = env;
    rmSync(root, { recursive: true });
  });

  it("is read from .env, and set variables win over it", () => {
    writeFileSync(join(cwd, ".env"), "PORT=81\nHOST=0.0.0.0\n");
    process.env.HOST = "127.0.0.9";
    expect(loadConfig({ cwd, packageRoot })).toMatchObject({ PORT: 81, HOST: "127.0.0.9" });
  });

  it("takes the agents of the folder it is started in, else those that ship with it", () => {
    expect(Object.keys(loadConfig({ cwd, packageRoot }).agents)).toEqual(["shipped"]);
    mkdirSync(join(cwd, "config"));
    writeFileSync(join(cwd, "config", "agents.json"), ONE);
    const config = loadConfig({ cwd, packageRoot });
    expect(Object.keys(config.agents)).toEqual(["own"]);
    expect(config.graphsRelativeTo).toBe(join(cwd, "config"));
  });

  it("takes the agents of CONFIG_DIR, or stops: a mistyped folder is not passed over", () => {
    process.env.CONFIG_DIR = "elsewhere";
    expect(() => loadConfig({ cwd, packageRoot })).toThrow(/CONFIG_DIR.*elsewhere/);
    mkdirSync(join(cwd, "elsewhere"));
    writeFileSync(join(cwd, "elsewhere", "agents.json"), ONE);
    expect(Object.keys(loadConfig({ cwd, packageRoot }).agents)).toEqual(["own"]);
  });

  it.each([
    ["./graphs/my-graph.ts:graph", "my-graph"],
    ["my_graph.js", "my_graph"],
    ["a/b/flow.mjs:default", "flow"],
    ["flow.mjs:other", "flow-other"],
    ["C:\\graphs\\my graph.js:graph", "my-graph"],
  ])("serves %s of the command line as %s", (graph, name) => {
    const config = loadConfig({ cwd, packageRoot, graphs: [graph] });
    expect(Object.keys(config.agents)).toEqual([name]);
    expect(config.agents[name]?.graph).toBe(graph);
    expect(config.graphsRelativeTo).toBe(cwd);
  });

  it("is frozen", () => {
    expect(Object.isFrozen(loadConfig({ cwd, packageRoot }))).toBe(true);
  });
});
