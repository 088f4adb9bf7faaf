/** The package: its files, and its use in a project. */
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join, posix } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { blocksOf } from "../documents/code-blocks.ts";
import { complaints, TYPED, TYPED_ELSEWHERE } from "../documents/typed.ts";
import { consumer, type Packed, pack, ROOT, run, temporary } from "./packed.ts";

/** The largest size of the packed file, in bytes, so that it does not grow by accident. */
const MOST_BYTES = 1_100_000;

let folder: Awaited<ReturnType<typeof temporary>>;
let packed: Packed;
/** A project that uses it, with TypeScript. */
let path: string;

beforeAll(async () => {
  folder = await temporary();
  packed = await pack(folder.path);
  const types = ["express", "node", "react", "ws"].map((name) => `@types/${name}`);
  path = await consumer(folder.path, packed, ["typescript", "langchain", ...types]);
});
afterAll(() => folder.remove());

/** Runs a module in the consumer's folder. */
async function evaluate(code: string, ...options: string[]): Promise<string> {
  return run(process.execPath, [...options, "--input-type=module", "-e", code], path);
}

describe("what is in it", () => {
  it("what the program needs when it runs, and documents", () => {
    expect(packed.files).toEqual(
      expect.arrayContaining([
        ".env.example",
        "ARCHITECTURE.md",
        "LICENSE",
        "PROTOCOL.md",
        "README.md",
        "config/agents.json",
        "dist/index.d.ts",
        "dist/index.js",
        "dist/main.js",
        "dist/playground/index.html",
      ]),
    );
    expect(packed.files.filter((file) => file.startsWith("knowledge/")).length).toBeGreaterThan(0);
  });

  it("no sources, tests, scripts, or maps to sources that are not there", () => {
    const known =
      /^(dist|config|docs|knowledge)\/|^(\.env\.example|(ARCHITECTURE|CHANGELOG|CONTRIBUTING|PROTOCOL|README|SECURITY)\.md|LICENSE|package\.json)$/;
    expect(packed.files.filter((file) => !known.test(file))).toEqual([]);
    expect(packed.files.filter((file) => /\.map$|\.built$|(?<!\.d)\.ts$|\.tsx$|test/.test(file))).toEqual([]);
  });

  it("whatever its documents link to", async () => {
    const links = await Promise.all(
      packed.files
        .filter((file) => file.endsWith(".md") && !file.startsWith("knowledge/"))
        .map(async (file) => {
          const text = await readFile(join(ROOT, file), "utf8");
          return [...text.matchAll(/\]\((?!https?:|#)([^)#\s]+)/g)].map(([, to = ""]) =>
            posix.join(posix.dirname(file), to),
          );
        }),
    );
    expect(links.flat().length).toBeGreaterThan(20);
    expect(links.flat().filter((file) => !packed.files.includes(file))).toEqual([]);
  });

  it(`no more than ${MOST_BYTES} bytes`, () => {
    process.stdout.write(`The package has ${packed.size} bytes, packed, in ${packed.files.length} files.\n`);
    expect(packed.size).toBeLessThan(MOST_BYTES);
  });
});

describe("how it is described", () => {
  it("publint finds nothing", async () => {
    // In a process of its own, as attw is: both import what Vitest's modules cannot.
    const code = `
      import { readFile } from "node:fs/promises";
      import { publint } from "publint";
      const { buffer, byteOffset, byteLength } = await readFile(${JSON.stringify(packed.tarball)});
      const tarball = buffer.slice(byteOffset, byteOffset + byteLength);
      console.log(JSON.stringify((await publint({ pack: { tarball }, strict: true })).messages));`;
    expect(JSON.parse(await run(process.execPath, ["--input-type=module", "-e", code], ROOT))).toEqual([]);
  });

  it("every way to resolve it finds its types, but for ways it does not have", async () => {
    const code = `
      import { readFile } from "node:fs/promises";
      import { checkPackage, createPackageFromTarballData } from "@arethetypeswrong/core";
      const { problems } = await checkPackage(createPackageFromTarballData(await readFile(${JSON.stringify(packed.tarball)})));
      console.log(JSON.stringify(problems));`;
    const out = await run(process.execPath, ["--input-type=module", "-e", code], ROOT);
    const problems = JSON.parse(out) as { kind: string; entrypoint: string; resolutionKind: string }[];
    const sent = problems.map(({ kind, entrypoint, resolutionKind }) => `${kind} ${entrypoint} ${resolutionKind}`);
    const entries = [".", "./client", "./client/connection", "./demo", "./react"];
    expect(sent.sort()).toEqual(
      [
        // ES modules alone: \`require\` loads those too, in every Node.js that is served.
        ...entries.map((entry) => `CJSResolvesToESM ${entry} node16-cjs`),
        // Resolution that knows no \`exports\` finds the main entry only. It is that of Node.js before 12.7.
        ...entries.slice(1).map((entry) => `NoResolution ${entry} node10`),
      ].sort(),
    );
  });
});

describe("importing it", () => {
  it("exports what is documented, and nothing else", async () => {
    const out = await evaluate('console.log(JSON.stringify(Object.keys(await import("langgraph-sluice"))))');
    expect((JSON.parse(out) as string[]).sort()).toEqual([
      "ConfigError",
      "DEFAULT_ALLOWED_EVENTS",
      "ERRORS",
      "GRAPH_EVENT_NAMES",
      "SluiceError",
      "completeHistory",
      "connectStorage",
      "createSluice",
      "createTranslator",
      "frontendContext",
      "frontendToolChoice",
      "frontendTools",
      "injectedMessages",
      "pendingCalls",
      "takeInjected",
      "toFetchHandler",
    ]);
  });

  it("works with require too", async () => {
    await writeFile(join(path, "required.cjs"), 'console.log(typeof require("langgraph-sluice").createSluice);');
    const quiet = "--disable-warning=ExperimentalWarning";
    expect(await run(process.execPath, [quiet, "required.cjs"], path)).toBe("function\n");
  });

  it("reads none of its settings from the environment, listens nowhere and keeps nothing open", async () => {
    const env = await readFile(join(ROOT, ".env.example"), "utf8");
    // Types of LangChain's own packages are not checked here.
    const settings = [...env.matchAll(/^([A-Z_]+)=/gm)]
      .map(([, name]) => name)
      .filter((name) => name !== "LANGSMITH_TRACING");
    expect(settings.length).toBeGreaterThan(20);
    const out = await evaluate(`
      const settings = new Set(${JSON.stringify(settings)});
      const reads = [];
      let all = 0;
      const note = (key) => {
        all += 1;
        const stack = new Error().stack.split("\\n").slice(1);
        const from = stack.find((line) => !line.includes("[eval") && !line.includes("node:")) ?? "";
        if (settings.has(key) || /langgraph-sluice\\/dist/.test(from)) reads.push(String(key) + from);
      };
      process.env = new Proxy(process.env, {
        get: (env, key) => (note(key), env[key]),
        has: (env, key) => (note(key), key in env),
        ownKeys: (env) => (note("*"), Reflect.ownKeys(env)),
      });
      await import("langgraph-sluice");
      const { createSluice } = await import("langgraph-sluice");
      const none = { lg_is_pregel: true, async *streamEvents() {} };
      createSluice({ agents: { none } });
      console.log(JSON.stringify({ all, reads, resources: process.getActiveResourcesInfo() }));
    `);
    const { all, reads, resources } = JSON.parse(out) as { all: number; reads: string[]; resources: string[] };
    expect(all).toBeGreaterThan(0); // Reads in other packages are found, so reads in Sluice would be found too.
    expect(reads).toEqual([]);
    expect(resources.filter((name) => /TCP|Server|Pipe(?!Wrap)|Timeout|FSEvent|Worker/.test(name))).toEqual([]);
  });
});

describe("its types", () => {
  it("the agent's are AG-UI's: a project's own rxjs may be another than that of @ag-ui/client", async () => {
    const folder = join(path, "node_modules", "langgraph-sluice", "dist", "client");
    const names = (await readdir(folder)).filter((name) => name.endsWith(".d.ts"));
    expect(names).toContain("web-socket-agent.d.ts");
    for (const name of names) expect(await readFile(join(folder, name), "utf8")).not.toContain("rxjs");
  });

  it.each([
    ["node16", { module: "node16", moduleResolution: "node16" }],
    ["bundler", { module: "esnext", moduleResolution: "bundler" }],
  ])("serve strict TypeScript, resolved as %s does", async (name, resolution) => {
    await writeFile(join(path, "app.ts"), APP);
    // Declarations are checked too, ours and those they lead to.
    const strict = { strict: true, skipLibCheck: false };
    const compilerOptions = { ...strict, ...resolution, noEmit: true, target: "es2022", types: ["node"] };
    await writeFile(join(path, `tsconfig.${name}.json`), JSON.stringify({ compilerOptions, files: ["app.ts"] }));
    const tsc = join("node_modules", "typescript", "bin", "tsc");
    expect(await run(process.execPath, [tsc, "-p", `tsconfig.${name}.json`], path)).toBe("");
  });

  it("lead to no types that a project has to install itself, but Node's", async () => {
    const bare = await consumer(folder.path, packed, ["typescript", "@types/node"]);
    await writeFile(join(bare, "app.ts"), PLAIN);
    const strict = { strict: true, skipLibCheck: false, noEmit: true, types: ["node"] };
    const compilerOptions = { ...strict, module: "node16", moduleResolution: "node16", target: "es2022" };
    await writeFile(join(bare, "tsconfig.json"), JSON.stringify({ compilerOptions, files: ["app.ts"] }));
    expect(await run(process.execPath, [join("node_modules", "typescript", "bin", "tsc")], bare)).toBe("");
  });

  it("are those that the documents use", async () => {
    const libraries = ["@langchain/langgraph-sdk", "@langchain/react", "@ai-sdk/react", "ai"];
    const also = ["typescript", "@types/node", "@types/react", ...libraries];
    expect(await complaints(TYPED, await consumer(folder.path, packed, also))).toBe("");
  });

  it("no block of TypeScript in the documents is left out", () => {
    const known = [...Object.keys(TYPED), ...Object.keys(TYPED_ELSEWHERE)];
    expect(blocksOf("types").map(([id]) => id)).toEqual(expect.arrayContaining(known));
    expect(known).toHaveLength(blocksOf("types").length);
  });
});

/** A project that has no types but those that come with the package. */
const PLAIN = `
import { createServer } from "node:http";
import { createSluice, type Sluice } from "langgraph-sluice";

const sluice: Sluice = createSluice({ agents: {} });
createServer((request, response) => sluice.router(request, response, () => response.end()));
`;

const APP = `
import { createServer } from "node:http";
import { END, MemorySaver, MessagesAnnotation, START, StateGraph } from "@langchain/langgraph";
import express from "express";
import { type AguiEvent, createSluice, type RunResult, type Sluice, SluiceError } from "langgraph-sluice";
import { createAgent } from "langchain";
import { WebSocketAgent } from "langgraph-sluice/client";
import { SluiceConnection } from "langgraph-sluice/client/connection";
import { type SluiceThread, useSluiceThread } from "langgraph-sluice/react";

const builder = new StateGraph(MessagesAnnotation)
  .addNode("answer", () => ({ messages: [{ role: "ai", content: "Hello." }] }))
  .addEdge(START, "answer")
  .addEdge("answer", END);
const sluice: Sluice = createSluice({
  agents: {
    plain: builder.compile({ checkpointer: new MemorySaver() }),
    builder,
    agent: createAgent({ model: "openai:gpt-4o-mini", tools: [] }),
    kept: { graph: builder, description: "Keeps.", filter: { events: ["on_tool_*"] } },
  },
  basePath: "/ai",
  dataDir: "./data",
  maxBodyBytes: 2048,
  authorize: (request) => request.headers.authorization !== undefined,
  logger: console,
});
export const useChat = (threadId: string): SluiceThread =>
  useSluiceThread({ url: "ws://127.0.0.1/ws", threadId, agent: "plain", input: { tools: [] } });
const app = express();
app.use("/ai", sluice.router);
const server = createServer(app);
sluice.attach(server);
const { result, threadId } = await sluice.runs.start({ messages: [{ id: "1", role: "user", content: "hi" }] });
const { messages }: RunResult = await result;
const cancelled: boolean = await sluice.runs.cancel(threadId);
const event: AguiEvent = { type: "RUN_STARTED" as AguiEvent["type"] } as AguiEvent;
// @ts-expect-error There is no such option.
createSluice({ agents: {}, port: 1 });
// @ts-expect-error A graph is no text.
createSluice({ agents: { a: "graph.js" } });
console.log(messages.length, cancelled, event, new SluiceError("draining").retryable, WebSocketAgent, SluiceConnection);
await sluice.close();
`;
