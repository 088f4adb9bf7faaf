/** Every kind of module and export, loaded by the built loader in a separate process, as in `sluice serve`. */
import { execFile } from "node:child_process";
import { fileURLToPath, pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { project } from "../support/child.ts";

const LOADER = pathToFileURL(fileURLToPath(new URL("../../dist/graph/loader.js", import.meta.url))).href;

/** Loads each graph in turn and runs it twice on one thread. Prints what it answered, or why it could not be loaded. */
const SCRIPT = `
import { MemorySaver } from "@langchain/langgraph";
import { loadGraph } from ${JSON.stringify(LOADER)};

const checkpointer = new MemorySaver();
const results = [];
for (const [index, spec] of JSON.parse(process.argv[2]).entries()) {
  try {
    const graph = await loadGraph(spec, { folder: process.cwd(), checkpointer });
    const config = { configurable: { thread_id: String(index) } };
    await graph.invoke({ messages: [{ role: "user", content: "one" }] }, config);
    const { messages } = await graph.invoke({ messages: [{ role: "user", content: "two" }] }, config);
    results.push(messages.at(-1).content);
  } catch (error) {
    // This script is not one of the person's files.
    results.push(error.message.replaceAll(process.cwd(), "<folder>").replace(/ \\(load.mjs:\\d+\\)$/, ""));
  }
}
console.log(JSON.stringify(results));
`;

/** The result of each graph, in their order. */
async function load(files: Record<string, string>, graphs: readonly string[]): Promise<string[]> {
  await using folder = await project({ ...files, "load.mjs": SCRIPT });
  // A busy machine may take long to load a module, of which Sluice warns.
  const args = ["--disable-warning=SluiceWarning", "load.mjs", JSON.stringify(graphs)];
  const { stdout, stderr } = await promisify(execFile)(process.execPath, args, {
    cwd: folder.path,
    env: { PATH: process.env.PATH },
  });
  expect(stderr).toBe("");
  return JSON.parse(stdout) as string[];
}

/** Counts the messages it is given: three when the thread was kept, one when it was not. */
const BODY = `
const count = ({ messages }) => ({ messages: [{ role: "assistant", content: messages.length + " messages" }] });
const builder = new StateGraph(MessagesAnnotation).addNode("count", count).addEdge(START, "count");
`;
const ESM = `
import { MemorySaver, MessagesAnnotation, START, StateGraph } from "@langchain/langgraph";
${BODY}
export const graph = builder.compile();
`;
const CJS = `
const { MessagesAnnotation, START, StateGraph } = require("@langchain/langgraph");
${BODY}
module.exports = { ...{ hidden: 1 }, graph: builder.compile() };
`;
/** Source that is valid TypeScript but not JavaScript. */
const TYPED = `${ESM}
enum Kind { A, B }
export const kind: Kind = Kind.B;
`;
const OURS = "3 messages";
const NONE = "1 messages";

describe("a module", () => {
  const files = {
    "a.js": ESM,
    "b.mjs": ESM,
    "c.cjs": CJS,
    "d.ts": TYPED,
    "e.mts": TYPED,
    "f.cts": TYPED,
    "g.tsx": TYPED,
    "lib/words.ts": "export const words: string = 'from lib';",
    "h.ts": `import { words } from "./lib/words.js";\n${TYPED}\nif (words !== "from lib") throw new Error(words);`,
    "i.cts": `import { words } from "./lib/words";\n${TYPED}\nif (words !== "from lib") throw new Error(words);`,
  };
  const names = Object.keys(files).filter((name) => !name.startsWith("lib/"));

  it.concurrent.each(["module", "commonjs"])("may be of any kind, in a package of type %s", async (type) => {
    // The package decides the format of a file without import and export.
    const own = { ...files, "package.json": `{ "type": "${type}" }`, "a.js": type === "module" ? ESM : CJS };
    const graphs = names.map((name) => `${name}:graph`);
    expect(Object.fromEntries((await load(own, graphs)).map((sent, index) => [graphs[index], sent]))).toEqual(
      Object.fromEntries(graphs.map((graph) => [graph, OURS])),
    );
  });

  it.concurrent("may be of any kind in a package that does not say", async () => {
    const graphs = names.map((name) => `./${name}`);
    expect(await load({ ...files, "package.json": "{}" }, graphs)).toEqual(graphs.map(() => OURS));
  });

  it.concurrent.each(["{}", '{ "type": "commonjs" }'])(
    "in .js is ESM if written so, where there is %s",
    async (own) => {
      const outer = 'export { graph } from "./lib/a.js";';
      const files = {
        "lib/a.js": ESM,
        "b.js": outer,
        "c.mjs": outer,
        "d.ts": TYPED,
        "e.js": CJS,
        "f.js": `await 0;${ESM}`,
      };
      const graphs = ["b.js", "d.ts", "c.mjs", "e.js", "f.js", "wrong.js"];
      expect(await load({ "package.json": own, ...files, "wrong.js": "export const graph = = 1;" }, graphs)).toEqual([
        ...[OURS, OURS, OURS, OURS, OURS],
        "wrong.js cannot be loaded: Unexpected token '=' (wrong.js:1)",
      ]);
    },
  );

  it.concurrent("finds what the paths of its tsconfig.json name", async () => {
    const paths = { compilerOptions: { paths: { "@lib/*": ["./lib/*"] } } };
    const source = `import { words } from "@lib/words";\n${TYPED}\nexport default words && graph;`;
    const own = { ...files, "j.ts": source, "k.cts": source, "tsconfig.json": JSON.stringify(paths) };
    // `sluice serve` sets the variable; here the working directory will do.
    expect(await load(own, ["j.ts", "k.cts"])).toEqual([OURS, OURS]);
  });
});

describe("an export", () => {
  const files = {
    "graphs.ts": `${ESM}
import { createAgent } from "langchain";
import { FakeListChatModel } from "@langchain/core/utils/testing";
class Model extends FakeListChatModel { bindTools() { return this; } }
const agentOf = () => createAgent({ model: new Model({ responses: ["I am an agent."] }), tools: [] });
let calls = 0;

export { builder };
export const own = builder.compile({ checkpointer: new MemorySaver() });
export const without = builder.compile({ checkpointer: false });
export const nested = builder.compile({ checkpointer: true });
export const agent = agentOf();
export const promised = Promise.resolve(graph);
export const make = () => builder.compile();
export const makeBuilder = () => builder;
export const makeAgent = async (config) => agentOf(config.configurable.model);
export const makeOnce = () => { calls += 1; return calls === 1 ? builder.compile() : undefined; };
export default async () => graph;
`,
    "default.ts": `${ESM}\nexport default builder;\nexport const other = builder.compile({ checkpointer: false });`,
    "named.ts": `${ESM}\nexport const other = graph; export default { model: "none" };`,
    "only.ts": `${ESM.replace("export const graph", "export const mine")}\nexport const helper = () => 1;`,
    "only-function.ts": `${ESM.replace("export const graph", "const mine")}\nexport const make = () => mine;`,
    "whole.cjs": `${CJS}\nmodule.exports = module.exports.graph;`,
    "function.cjs": `${CJS}\nconst { graph } = module.exports;\nmodule.exports = () => graph;`,
  };

  const cases: [graph: string, sent: string][] = [
    ["graphs.ts:graph", OURS],
    ["graphs.ts:builder", OURS],
    ["graphs.ts:own", OURS],
    ["graphs.ts:without", NONE],
    ["graphs.ts:nested", OURS],
    ["graphs.ts:agent", "I am an agent."],
    ["graphs.ts:promised", OURS],
    ["graphs.ts:make", OURS],
    ["graphs.ts:makeBuilder", OURS],
    ["graphs.ts:makeAgent", "I am an agent."],
    ["graphs.ts:makeOnce", OURS],
    ["graphs.ts:default", OURS],
    ["graphs.ts", OURS],
    ["default.ts", OURS],
    ["named.ts", OURS],
    ["only.ts", OURS],
    ["only-function.ts", OURS],
    ["whole.cjs", OURS],
    ["function.cjs", OURS],
  ];
  const loaded = load(files, graphsOf(cases));

  it.each(cases)("%s is served", async (graph, sent) => {
    expect((await loaded)[graphsOf(cases).indexOf(graph)]).toBe(sent);
  });
});

describe("what cannot be loaded says so in one line:", () => {
  const files = {
    "my-graph.js": `${ESM}\nexport const second = graph;\nexport const settings = { loud: true };`,
    "two.mjs": `${ESM.replace("graph =", "one =")}\nexport const two = one;\nexport const port = 1;`,
    "none.mjs":
      "export const port = 1;\nexport const hosts = [];\nexport class Server {}\nexport const at = new Date(0);",
    "empty.mjs": "const nothing = 1;",
    "model.mjs": `
import { FakeListChatModel } from "@langchain/core/utils/testing";
export const graph = new FakeListChatModel({ responses: ["Hello"] });
export const returnsModel = () => graph;
export const returnsNothing = async () => {};
export const throws = () => { throw new Error("No key.\\nSet one."); };
export const rejects = async () => Promise.reject(new Error("No disk."));`,
    "unreachable.ts": `
import { MessagesAnnotation, StateGraph } from "@langchain/langgraph";
export const graph = new StateGraph(MessagesAnnotation).addNode("count", () => ({}));`,
    "agent.py": "graph = None",
    "graph.json": "{}",
    "folder/index.js": ESM,
    "syntax.js": "const one = 1;\nexport const graph = (;",
    "syntax.cjs": "const one = 1;\nexports.graph = (;",
    "syntax.ts": "const one: number = 1;\nexport const graph = (;",
    "syntax.mts": "const one: number = 1;\nexport const graph = (;",
    "lib/syntax.js": "export const one = (;",
    "imports-syntax.ts": 'import "./lib/syntax.js";',
    "imports-syntax.mjs": 'import "./syntax.js";\nexport const graph = 1;',
    "package.mjs": 'import "no-such-package/sub/path";',
    "scoped.ts": 'import "@no-such/package";',
    "required.cjs": 'require("no-such-package");',
    "nested.mjs": 'import "./lib/package.mjs";',
    "lib/package.mjs": 'import "no-such-package";',
    "file.mjs": 'import "./lib/nothing.js";',
    "file.cjs": 'require("./lib/nothing");',
    "alias.ts": 'import "@/lib/words";',
    "no-export.mjs": 'import { nope } from "@langchain/langgraph";',
    "throws.mjs": '\nthrow new Error("No database.");',
    "throws.ts": 'interface A { b: 1 }\nthrow new Error("No database.");',
    "throws-text.mjs": 'throw "no database";',
    "awaits.cts": "export const graph = await 1;",
  };
  const NO_GRAPH = "not a graph. Export a compiled graph, a StateGraph, an agent, or a function that returns one.";

  const cases: [graph: string, sent: string][] = [
    ["my-grph.js:graph", "There is no my-grph.js in <folder>."],
    ["./lib/my-graph.js:graph", "There is no my-graph.js in <folder>/lib."],
    ["no/such/folder.js", "There is no folder.js in <folder>/no/such."],
    ["my-graph.ts:graph", "There is no my-graph.ts in <folder>. Did you mean my-graph.js?"],
    ["./My-Graph", "There is no My-Graph in <folder>. Did you mean my-graph.js?"],
    ["./folder:graph", "./folder is a folder. Name the file in it that exports the graph."],
    ["agent.py:graph", "agent.py is written in Python; Sluice serves graphs in JavaScript and TypeScript."],
    [
      "graph.json:graph",
      "graph.json is no module that can be loaded: its name has to end in .ts, .mts, .cts, .tsx, .js, .mjs, .cjs.",
    ],
    [
      "my-graph.js:graf",
      'my-graph.js has no export "graf". It exports graph (a graph), second (a graph), settings (an object).',
    ],
    [
      "my-graph.js:default",
      'my-graph.js has no export "default". It exports graph (a graph), second (a graph), settings (an object).',
    ],
    ["my-graph.js:settings", `"settings" of my-graph.js is an object, ${NO_GRAPH}`],
    ["two.mjs", "two.mjs exports one, two: say which, like two.mjs:one"],
    ["none.mjs:port", `"port" of none.mjs is a number, ${NO_GRAPH}`],
    ["none.mjs:hosts", `"hosts" of none.mjs is an array, ${NO_GRAPH}`],
    ["none.mjs:at", `"at" of none.mjs is an instance of Date, ${NO_GRAPH}`],
    ["none.mjs:Server", `"Server" of none.mjs is a class, ${NO_GRAPH}`],
    [
      "none.mjs",
      "none.mjs exports no graph. It exports Server (a class), at (an instance of Date), hosts (an array), port (a number).",
    ],
    ["empty.mjs", "empty.mjs exports no graph. It exports nothing."],
    ["model.mjs:graph", `"graph" of model.mjs is an instance of FakeListChatModel, ${NO_GRAPH}`],
    ["model.mjs:returnsModel", `"returnsModel" of model.mjs returned an instance of FakeListChatModel, ${NO_GRAPH}`],
    ["model.mjs:returnsNothing", `"returnsNothing" of model.mjs returned undefined, ${NO_GRAPH}`],
    ["model.mjs:throws", '"throws" of model.mjs threw: No key. (model.mjs:6)'],
    ["model.mjs:rejects", '"rejects" of model.mjs threw: No disk. (model.mjs:7)'],
    ["unreachable.ts", '"graph" of unreachable.ts does not compile: Node `count` is not reachable.'],
    ["syntax.js:graph", "syntax.js cannot be loaded: Unexpected token ';' (syntax.js:2)"],
    ["syntax.cjs:graph", "syntax.cjs cannot be loaded: Unexpected token ';' (syntax.cjs:2)"],
    ["syntax.ts:graph", 'syntax.ts cannot be loaded: Unexpected ";" (syntax.ts:2)'],
    ["syntax.mts:graph", 'syntax.mts cannot be loaded: Unexpected ";" (syntax.mts:2)'],
    ["imports-syntax.mjs", "imports-syntax.mjs cannot be loaded: Unexpected token ';' (syntax.js:2)"],
    [
      "package.mjs",
      "package.mjs cannot be loaded: package.mjs imports the package no-such-package, which is not installed: npm install no-such-package",
    ],
    [
      "scoped.ts",
      "scoped.ts cannot be loaded: scoped.ts imports the package @no-such/package, which is not installed: npm install @no-such/package",
    ],
    [
      "required.cjs",
      "required.cjs cannot be loaded: required.cjs imports the package no-such-package, which is not installed: npm install no-such-package",
    ],
    [
      "nested.mjs",
      "nested.mjs cannot be loaded: lib/package.mjs imports the package no-such-package, which is not installed: npm install no-such-package",
    ],
    ["file.mjs", "file.mjs cannot be loaded: file.mjs imports lib/nothing.js, which is not there."],
    ["file.cjs", "file.cjs cannot be loaded: file.cjs imports lib/nothing, which is not there."],
    ["alias.ts", "alias.ts cannot be loaded: alias.ts imports @/lib, which is neither a file nor a package."],
    [
      "no-export.mjs",
      "no-export.mjs cannot be loaded: The requested module '@langchain/langgraph' does not provide an export named 'nope' (no-export.mjs:1)",
    ],
    ["throws.mjs", "throws.mjs cannot be loaded: No database. (throws.mjs:2)"],
    ["throws.ts", "throws.ts cannot be loaded: No database. (throws.ts:2)"],
    ["throws-text.mjs", "throws-text.mjs cannot be loaded: no database"],
    [
      "awaits.cts",
      'awaits.cts cannot be loaded: Top-level await is currently not supported with the "cjs" output format (awaits.cts:1)',
    ],
    // TypeScript's compiler is active now, and compiles JavaScript too.
    ["./syntax.js:graph", "./syntax.js cannot be loaded: Unexpected token ';' (syntax.js:2)"],
    ["imports-syntax.ts", "imports-syntax.ts cannot be loaded: Unexpected token ';' (lib/syntax.js:1)"],
  ];
  const loaded = load(files, graphsOf(cases));

  it.each(cases)("%s", async (graph, complaint) => {
    expect((await loaded)[graphsOf(cases).indexOf(graph)]).toBe(complaint);
  });
});

function graphsOf(cases: readonly [graph: string, sent: string][]): string[] {
  return cases.map(([graph]) => graph);
}
