import { readdirSync, readFileSync } from "node:fs";
import { join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { type Rules, type Tree, violations } from "./support/arrows.ts";

const BELOW_RUNS = ["protocol", "counts", "limits", "graph", "translate", "log", "store"];
const BELOW_SERVER = [...BELOW_RUNS, "runs"];
const ROOMS = [...BELOW_SERVER, "server", "config", "authoring", "agents", "ops", "client", "react", "playground"];

const RULES: Rules = {
  mayImport: {
    protocol: [],
    authoring: [],
    agents: ["authoring", "config"],
    config: ["protocol"],
    counts: ["protocol"],
    limits: ["protocol", "counts"],
    ops: ["protocol", "counts"],
    graph: ["protocol"],
    translate: ["protocol"],
    log: ["protocol", "counts"],
    store: ["protocol"],
    runs: BELOW_RUNS,
    server: BELOW_SERVER,
    client: ["protocol"],
    react: ["protocol", "client"],
    playground: ["protocol", "client"],
    app: ROOMS,
    doctor: [...ROOMS, "app"],
    audit: [...ROOMS, "app", "doctor"],
    check: ["protocol", "graph", "doctor"],
    cli: [...ROOMS, "app", "doctor", "audit", "check"],
    "main.ts": [...ROOMS, "app", "cli"],
    "index.ts": [...ROOMS, "app"],
  },
  // Requests reach the runs only through a visitor.
  onlyFor: { "runs/manager.ts": ["runs", "app"] },
  readsEnv: "config",
  maxLines: 300,
  emptyNames: /^(utils?|helpers?|common|misc|manager)$/i,
  namesAllowed: ["runs/manager.ts"],
};

test("the source tree keeps to the rules of the house", () => {
  const tree = readTree(fileURLToPath(new URL("../src", import.meta.url)));
  expect(tree.size).toBeGreaterThan(0);
  expect(violations(tree, RULES)).toEqual([]);
});

test("the demo model stays small", () => {
  const models = fileURLToPath(new URL("../src/agents/models", import.meta.url));
  const files = readdirSync(models, { recursive: true, encoding: "utf8" }).filter((name) => name.startsWith("demo"));
  const lines = files.map((name) => readFileSync(join(models, name), "utf8").trimEnd().split("\n").length);
  expect(lines.reduce((sum, count) => sum + count, 0)).toBeLessThanOrEqual(400);
});

test("every way to break a rule is named", () => {
  const bad = new Map([
    ["protocol/a.ts", 'import { b } from "../graph/b.ts";'],
    ["graph/b.ts", 'import {\n  type C,\n  c,\n} from "../server/c.ts";'],
    ["log/c.ts", 'import type { D } from "../store/d.ts";'],
    ["store/d.ts", 'export * from "../runs/e.ts";'],
    ["runs/e.ts", 'const f = await import("../server/f.ts");'],
    ["server/f.ts", 'import "../config/g.ts";'],
    ["agents/g.ts", 'type H = import("../protocol/h.ts").H;'],
    ["config/h.ts", "const x = await import(\n  `../ops/i.ts`\n);"],
    ["ops/i.ts", 'import pkg from "../../package.json" with { type: "json" };'],
    ["client/j.ts", 'import { k } from "../playground/k.ts";'],
    ["app/app.ts", 'import { main } from "../main.ts";'],
    ["index.ts", 'export { main } from "./main.ts";'],
    ["attic/l.ts", ""],
    ["server/m.ts", "const port = process.env.PORT;"],
    ["log/n.ts", "const { env } = process;"],
    ["store/o.ts", 'import { env } from "node:process";'],
    ["graph/p.ts", "x\n".repeat(301)],
    ["graph/utils/q.ts", ""],
    ["server/helpers.ts", ""],
    ["server/manager.ts", ""],
    ["server/r.ts", 'import type { RunManager } from "../runs/manager.ts";'],
  ]);
  expect(violations(bad, RULES)).toEqual([
    "protocol/a.ts: protocol may not import graph/b.ts",
    "graph/b.ts: graph may not import server/c.ts",
    "log/c.ts: log may not import store/d.ts",
    "store/d.ts: store may not import runs/e.ts",
    "runs/e.ts: runs may not import server/f.ts",
    "server/f.ts: server may not import config/g.ts",
    "agents/g.ts: agents may not import protocol/h.ts",
    "config/h.ts: config may not import ops/i.ts",
    "ops/i.ts: ops may not import ../package.json",
    "client/j.ts: client may not import playground/k.ts",
    "app/app.ts: app may not import main.ts",
    "index.ts: index.ts may not import main.ts",
    "attic/l.ts: attic is no room of the house",
    "server/m.ts: process.env is read only in config",
    "log/n.ts: process.env is read only in config",
    "store/o.ts: process.env is read only in config",
    "graph/p.ts: 301 lines, 300 at most",
    "graph/utils/q.ts: utils says nothing as a name",
    "server/helpers.ts: helpers.ts says nothing as a name",
    "server/manager.ts: manager.ts says nothing as a name",
    "server/r.ts: server may not import runs/manager.ts",
  ]);
});

test("what is allowed passes", () => {
  const good = new Map([
    ["protocol/a.ts", '/** Like `import "../server/x.ts"`, never process.env. */\nimport "./b.ts";\nimport "node:fs";'],
    ["config/b.ts", "export const port = process.env.PORT;"],
    ["runs/manager.ts", 'import "../log/log.ts";\nimport "./pump.ts";'],
    ["server/ws.ts", `import "../runs/visitor.ts";\n${"\n".repeat(298)}`],
    ["index.ts", 'import "./app/app.ts";\nimport "./config/b.ts";'],
  ]);
  expect(violations(good, RULES)).toEqual([]);
});

function readTree(root: string): Tree {
  const files = readdirSync(root, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const paths = files.map((file) => join(file.parentPath, file.name)).sort();
  return new Map(paths.map((path) => [relative(root, path).split(sep).join("/"), readFileSync(path, "utf8")]));
}
