import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { defaultAgent } from "../../src/config/agents.ts";
import { loadConfig, peekConfig, possibleFiles } from "../../src/config/config.ts";

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
    for (const name of ["PORT", "HOST", "CONFIG_DIR", "MODEL", "TSX_TSCONFIG_PATH"]) delete process.env[name];
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

  it("is read where .env is a folder, as Docker makes of a mount that is missing", () => {
    mkdirSync(join(cwd, ".env"));
    expect(loadConfig({ cwd, packageRoot }).notices).toEqual([]);
  });

  it("notices names in .env that are nearly those of settings, and no others", () => {
    const notices = (text: string) => {
      writeFileSync(join(cwd, ".env"), text);
      return loadConfig({ cwd, packageRoot }).notices;
    };
    for (const name of ["ALOWED_ORIGINS", "ALLOWED_ORIGINSS", "ALLOWED-ORIGINS", "ALLOWED_OIRGINS"]) {
      expect(notices(`${name}=https://a.example\n`)).toEqual([
        `.env: ${name} is no setting. Did you mean ALLOWED_ORIGINS?`,
      ]);
    }
    expect(notices("MY_OWN_KEY=1\nPOST=2\nALLOWED_ORIGINS=\nALOWED_ORIGIN=\n")).toEqual([]);
    // A graph's own names.
    expect(notices("API_KEY=secret\nMODELS=a,b\n")).toEqual([]);
    expect(notices("ALLOWED_ORIGINS=\nALLOWED_ORIGIN=\n")).toEqual([]);
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
    ["été.mjs:größe", "t-gr-e"],
    ["图.mjs:图", "agent-other"],
  ])("serves %s of the command line as %s", (graph, name) => {
    const config = loadConfig({ cwd, packageRoot, graphs: [graph] });
    expect(Object.keys(config.agents)).toEqual([name]);
    expect(config.agents[name]?.graph).toBe(graph);
    expect(config.graphsRelativeTo).toBe(cwd);
  });

  it("does not serve two files under one name, and says where they get names of their own", () => {
    expect(() => loadConfig({ cwd, packageRoot, graphs: ["a/graph.ts:graph", "b/graph.ts"] })).toThrow(
      "a/graph.ts:graph and b/graph.ts would both be called graph: name them in config/agents.json.",
    );
  });

  it("takes settings of the command line over all others, and checks them the same way", () => {
    writeFileSync(join(cwd, ".env"), "HOST=0.0.0.0\n");
    process.env.PORT = "81";
    const settings = { PORT: "82", HOST: "127.0.0.9" };
    expect(loadConfig({ cwd, packageRoot, settings })).toMatchObject({ PORT: 82, HOST: "127.0.0.9" });
    expect(() => loadConfig({ cwd, packageRoot, settings: { PORT: "many" } })).toThrow('--port="many" is not valid');
  });

  describe("a file that is named", () => {
    const graphs = { mine: "./src/mine.ts:graph", other: { path: "./other.js:agent", description: "Another." } };

    beforeEach(() => {
      mkdirSync(join(cwd, "deep", "src"), { recursive: true });
    });

    function named(json: unknown): ReturnType<typeof loadConfig> {
      writeFileSync(join(cwd, "deep", "any.json"), typeof json === "string" ? json : JSON.stringify(json));
      return loadConfig({ cwd, packageRoot, configFile: "deep/any.json" });
    }

    it("may be an agents.json", () => {
      const config = named(JSON.parse(ONE));
      expect(Object.keys(config.agents)).toEqual(["own"]);
      expect(config.graphsRelativeTo).toBe(join(cwd, "deep"));
    });

    it("may be a langgraph.json, whatever else that says", () => {
      const config = named({
        graphs,
        node_version: "20",
        dependencies: ["."],
        dockerfile_lines: ["RUN true"],
        http: { app: "./app.ts:app", cors: {} },
        auth: { path: "./auth.ts:auth" },
        store: { index: {} },
        ui: { agent: "./ui.tsx" },
        something_new: [1],
        $schema: "https://langgra.ph/schema.json",
      });
      expect(config.agents).toEqual({
        mine: defaultAgent("./src/mine.ts:graph"),
        other: { ...defaultAgent("./other.js:agent"), description: "Another." },
      });
      expect(config.graphsRelativeTo).toBe(join(cwd, "deep"));
    });

    it("is said to be not honoured where it is meant for LangGraph's own server", () => {
      const fields = { auth: { path: "./auth.ts:auth" }, http: { app: "./app.ts:app" }, store: {}, webhooks: {} };
      const { notices } = named({ graphs, ...fields, checkpointer: { ttl: {} }, ui: {}, node_version: "20" });
      const file = join(cwd, "deep", "any.json");
      expect(notices.map((notice) => notice.split(". ")[0])).toEqual(
        ["auth", "http", "store", "checkpointer", "webhooks"].map((field) => `${file}, ${field}: not honoured`),
      );
      expect(named({ graphs, auth: null, http: undefined }).notices).toEqual([]);
      expect(named(JSON.parse(ONE)).notices).toEqual([]);
    });

    it("is said to miss its env file, and the variables that it wants", () => {
      const file = join(cwd, "deep", "any.json");
      expect(named({ graphs, env: "none.env" }).notices).toEqual([
        `${file}, env: there is no ${join(cwd, "deep", "none.env")}, so none of its variables is set.`,
      ]);
      writeFileSync(join(cwd, "deep", "my.env"), "TEST_A=set\n");
      expect(named({ graphs, env: "my.env" }).notices).toEqual([]);
      expect(named({ graphs, env: ["TEST_A", "TEST_B", "TEST_C"] }).notices).toEqual([
        `${file}, env: TEST_B, TEST_C should be set, and are not.`,
      ]);
    });

    it.each<[unknown, string]>([
      ['{ "graphs": ', "<file> is not JSON: "],
      [{ graphs: {} }, "<file>, graphs: name at least one graph."],
      [{ graphs: { "my agent": "./a.ts" } }, "<file>, graphs.my agent: an agent's name is letters, digits, _ and -"],
      [{ graphs: { mine: 1 } }, "<file>, graphs.mine: "],
      [
        { graphs: { ...graphs, old: "./old.py:graph" } },
        "<file>, graphs: old is written in Python; Sluice serves graphs in JavaScript and TypeScript.",
      ],
      [
        { graphs: { old: "./old.py:graph", older: { path: "older.py:make" } } },
        "<file>, graphs: old, older are written in Python; Sluice serves graphs in JavaScript and TypeScript.",
      ],
      [{ graph: "./a.ts" }, "<file>, agents: "],
    ])("is refused when it is %j", (json, complaint) => {
      expect(() => named(json)).toThrow(complaint.replace("<file>", join(cwd, "deep", "any.json")));
    });

    it("may begin with the mark that some editors write", () => {
      expect(Object.keys(named(`\uFEFF${ONE}`).agents)).toEqual(["own"]);
    });

    it("may list the variables that have to be set elsewhere", () => {
      expect(Object.keys(named({ graphs, env: ["OPENAI_API_KEY"] }).agents)).toEqual(["mine", "other"]);
      expect(process.env[0]).toBeUndefined();
    });

    it("has to be a file", () => {
      expect(() => loadConfig({ cwd, packageRoot, configFile: "deep" })).toThrow(
        `${join(cwd, "deep")} cannot be read: EISDIR`,
      );
    });

    it("has to be there", () => {
      expect(() => loadConfig({ cwd, packageRoot, configFile: "deep/none.json" })).toThrow(
        `--config: there is no none.json in ${join(cwd, "deep")}.`,
      );
    });

    it("sets variables that are set nowhere else, by the names of langgraph.json", () => {
      writeFileSync(join(cwd, ".env"), "TEST_A=folder\nTEST_B=folder\n");
      writeFileSync(join(cwd, "deep", "my.env"), "TEST_A=file\nTEST_B=file\nTEST_C=file\nTEST_D=file\n");
      writeFileSync(join(cwd, "deep", "src", ".env"), "TEST_C=beside\nTEST_D=beside\nTEST_E=beside\n");
      process.env.TEST_A = "set";
      named({ graphs, env: "my.env" });
      const { TEST_A, TEST_B, TEST_C, TEST_E } = process.env;
      expect({ TEST_A, TEST_B, TEST_C, TEST_E }).toEqual({
        TEST_A: "set",
        TEST_B: "folder",
        TEST_C: "file",
        TEST_E: "beside",
      });
    });

    it("may write them down itself", () => {
      process.env.TEST_A = "set";
      named({ graphs, env: { TEST_A: "own", TEST_B: "own", TEST_N: 3, PORT: "83" } });
      expect([process.env.TEST_A, process.env.TEST_B, process.env.TEST_N]).toEqual(["set", "own", "3"]);
    });

    it("is one of the files it is made of, with all that lie beside the graphs", () => {
      expect(named({ graphs, env: "my.env" }).files).toEqual(
        [".env", "deep/any.json", "deep/my.env", "deep/src/.env", "deep/.env", "deep/src/mine.ts", "deep/other.js"].map(
          (file) => join(cwd, file),
        ),
      );
    });
  });

  it("takes the langgraph.json of the folder it is started in when that has no agents.json", () => {
    writeFileSync(join(cwd, "langgraph.json"), JSON.stringify({ graphs: { mine: "./mine.ts:graph" } }));
    expect(Object.keys(loadConfig({ cwd, packageRoot }).agents)).toEqual(["mine"]);
    mkdirSync(join(cwd, "config"));
    writeFileSync(join(cwd, "config", "agents.json"), ONE);
    expect(Object.keys(loadConfig({ cwd, packageRoot }).agents)).toEqual(["own"]);
  });

  it("serves LangGraph's API with a langgraph.json, unless a setting says no, and with no other file", () => {
    const serves = () => peekConfig({ cwd, packageRoot }).LANGGRAPH_API;
    writeFileSync(join(cwd, "langgraph.json"), JSON.stringify({ graphs: { mine: "./mine.ts:graph" } }));
    expect(serves()).toBe(true);
    writeFileSync(join(cwd, ".env"), "LANGGRAPH_API=false");
    expect(serves()).toBe(false);
    writeFileSync(join(cwd, ".env"), "");
    mkdirSync(join(cwd, "config"));
    writeFileSync(join(cwd, "config", "agents.json"), ONE);
    expect(serves()).toBe(false);
  });

  it("reads the .env beside a graph, and its settings too", () => {
    mkdirSync(join(cwd, "graphs"));
    writeFileSync(join(cwd, "graphs", ".env"), "TEST_A=beside\nPORT=84\n");
    expect(loadConfig({ cwd, packageRoot, graphs: ["graphs/mine.js"] }).PORT).toBe(84);
    expect(process.env.TEST_A).toBe("beside");
  });

  it("gives TypeScript's loader the tsconfig.json of the graph", () => {
    mkdirSync(join(cwd, "graphs", "deep"), { recursive: true });
    writeFileSync(join(cwd, "tsconfig.json"), "{}");
    writeFileSync(join(cwd, "graphs", "tsconfig.json"), "{}");
    loadConfig({ cwd, packageRoot, graphs: ["other.js", "graphs/deep/mine.ts"] });
    expect(process.env.TSX_TSCONFIG_PATH).toBe(join(cwd, "graphs", "tsconfig.json"));
  });

  it("can be looked at without a change to the environment", () => {
    writeFileSync(join(cwd, ".env"), "PORT=81\nTEST_A=file\n");
    expect(peekConfig({ cwd, packageRoot }).PORT).toBe(81);
    expect([process.env.PORT, process.env.TEST_A]).toEqual([undefined, undefined]);
  });

  it("is mended in one of these files when it is wrong", () => {
    writeFileSync(join(cwd, ".env"), "CONFIG_DIR=mine\n");
    const files = (sources: object) => possibleFiles({ cwd, packageRoot, ...sources });
    expect(files({})).toEqual([join(cwd, ".env"), join(cwd, "mine", "agents.json")]);
    expect(files({ configFile: "a.json" })).toEqual([join(cwd, ".env"), join(cwd, "a.json")]);
    writeFileSync(join(cwd, ".env"), "");
    expect(files({ graphs: ["a.ts:graph"] })).toEqual(
      expect.arrayContaining([join(cwd, "config", "agents.json"), join(cwd, "langgraph.json"), join(cwd, "a.ts")]),
    );
  });

  it("is frozen", () => {
    expect(Object.isFrozen(loadConfig({ cwd, packageRoot }))).toBe(true);
  });
});
