/** `sluice serve` with graphs in every kind of module, and from every file that names them. */
import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, describe, expect, it } from "vitest";
import { formatApiKey } from "../../src/config/keys.ts";
import { type AguiEvent, EventType } from "../../src/protocol/events.ts";
import { DEFAULT_SCOPES } from "../../src/protocol/scopes.ts";
import { makeApiKey } from "../../src/server/auth/api-keys.ts";
import { killRest, project, serve, sluice } from "../support/child.ts";
import { connect, isType } from "../support/ws-client.ts";

// The tests run concurrently, because starting Node takes most of their time.
afterAll(killRest);

const ESM = `
import { FakeListChatModel } from "@langchain/core/utils/testing";
import { interrupt, MessagesAnnotation, START, StateGraph } from "@langchain/langgraph";`;
const CJS = `
const { FakeListChatModel } = require("@langchain/core/utils/testing");
const { interrupt, MessagesAnnotation, START, StateGraph } = require("@langchain/langgraph");`;
/**
 * A graph that replies "Yes." letter by letter. If the message requests it, the graph interrupts and repeats the
 * answer.
 */
const GRAPH = `
const model = new FakeListChatModel({ responses: ["Yes."], sleep: 10 });
async function answer({ messages }) {
  if (messages.at(-1).content !== "ask me") return { messages: [await model.invoke(messages)] };
  const { text } = interrupt("What?");
  return { messages: [{ role: "assistant", content: messages.length + ": " + text }] };
}
const builder = new StateGraph(MessagesAnnotation).addNode("answer", answer).addEdge(START, "answer");
`;

/** Says something to the agent on a thread of its own, and waits for the run to end. */
async function say(url: string, agent: string, text: string): Promise<AguiEvent[]> {
  const client = await connect(`${url.replace("http", "ws")}/ws?agent=${agent}&thread=${agent}`);
  client.send(text);
  const frames = await client.until(isType(EventType.RUN_FINISHED, EventType.RUN_ERROR));
  await client.close();
  return frames.map((frame) => JSON.parse(frame) as AguiEvent);
}

const deltas = (events: readonly AguiEvent[]) =>
  events.flatMap((event) => (event.type === EventType.TEXT_MESSAGE_CONTENT ? [event.delta] : []));

/** Returns whether the answer arrives in pieces. */
async function streams(url: string, agent: string): Promise<boolean> {
  const pieces = deltas(await say(url, agent, "hello"));
  expect(pieces.join("")).toBe("Yes.");
  return pieces.length > 1;
}

/** Graphs in every kind of module: the file, the type of its package, and its source. */
const KINDS: Readonly<Record<string, readonly [file: string, type: string, source: string][]>> = {
  JavaScript: [
    ["esm.js", "module", `${ESM}\n${GRAPH}\nexport const graph = builder.compile();`],
    ["cjs.js", "commonjs", `${CJS}\n${GRAPH}\nexports.graph = builder.compile();`],
  ],
  TypeScript: [
    ["esm.ts", "module", `${ESM}\n${GRAPH.replace("{ messages }", "{ messages }: any")}\nexport { builder };`],
    ["cjs.ts", "commonjs", `${ESM}\n${GRAPH}\nexport default () => builder;`],
    ["cts.cts", "module", `${ESM}\n${GRAPH}\nexport const graph: object = builder.compile();`],
  ],
};

describe("the tokens of a graph arrive one by one, and its questions survive a restart:", () => {
  it.concurrent.each(Object.entries(KINDS))("%s in packages of every type", async (_, kinds) => {
    await using folder = await project({
      ...Object.fromEntries(kinds.map(([file, type, source]) => [`${type}/${file}`, source])),
      "module/package.json": '{ "type": "module" }',
      "commonjs/package.json": '{ "type": "commonjs" }',
    });
    const env = { DATA_DIR: join(folder.path, "data") };
    const files = kinds.map(([file, type]) => `${type}/${file}`);
    const agents = kinds.map(([file]) => file.replace(/\..*/, ""));
    const first = await serve(env, files, folder.path);
    for (const agent of agents) {
      expect(await streams(first.url, agent)).toBe(true);
      expect((await say(first.url, agent, "ask me")).at(-1)).toMatchObject({ outcome: { type: "interrupt" } });
    }
    await first.stop();
    const second = await serve(env, files, folder.path);
    for (const agent of agents) {
      expect(deltas(await say(second.url, agent, "/approve Nothing.")).join("")).toBe("3: Nothing.");
    }
    expect(await second.stop()).toMatchObject({ code: 0, stderr: "" });
  });
});

const QUICK = `${ESM}\n${GRAPH}\nexport const graph = builder.compile();`;

describe("sluice serve", () => {
  it.concurrent("the lines that it greets with sign in where clients have to", async () => {
    await using folder = await project({ "mine.js": QUICK });
    const { key, known } = makeApiKey("ann", DEFAULT_SCOPES);
    const API_KEYS = formatApiKey({ ...known, scopes: [...known.scopes] });
    const server = await serve(
      { AUTH: "api-key", API_KEYS, DATA_DIR: join(folder.path, "data") },
      ["mine.js"],
      folder.path,
    );
    const curl = server.greeting.split("\n").find((line) => line.trim().startsWith("curl "));
    const { stdout } = await promisify(execFile)("sh", ["-c", curl ?? ""], { env: { ...process.env, KEY: key } });
    expect(JSON.parse(stdout)).toMatchObject({ message: "Yes." });
    expect(server.greeting.match(/wscat -H "Authorization: Bearer \$KEY" -c /g)).toHaveLength(2);
    await server.stop();
  });

  it.concurrent("serves an agent of createAgent", async () => {
    await using folder = await project({
      "mine.ts": `
import { createAgent } from "langchain";
import { FakeListChatModel } from "@langchain/core/utils/testing";
class Model extends FakeListChatModel { bindTools() { return this; } }
export const agent = createAgent({ model: new Model({ responses: ["Yes."], sleep: 10 }), tools: [] });`,
    });
    const server = await serve({}, ["mine.ts:agent"], folder.path);
    expect(server.greeting).toContain("serves mine-agent on http");
    expect(await streams(server.url, "mine-agent")).toBe(true);
    await server.stop();
  });

  it.concurrent("reads the langgraph.json it is started beside, and its env before the graph's module", async () => {
    await using folder = await project({
      "src/agent/graph.ts": `if (process.env.WORD !== "set") throw new Error("No word.");\n${QUICK}`,
      "settings.env": "WORD=set",
      "langgraph.json": JSON.stringify({
        node_version: "20",
        dependencies: ["."],
        graphs: { helper: { path: "./src/agent/graph.ts:graph", description: "Helps." } },
        env: "settings.env",
      }),
    });
    const server = await serve({}, [], folder.path);
    expect(server.greeting).toContain("serves helper on http");
    expect(await streams(server.url, "helper")).toBe(true);
    await server.stop();
  });

  it.concurrent("takes a file of agents, a port and an address", async () => {
    await using folder = await project({
      "mine.js": QUICK,
      "my.json": '{ "agents": { "one": { "graph": "./mine.js" } } }',
    });
    const options = ["--config", "my.json", "--port", "0", "--host", "127.0.0.2"];
    const server = await serve({ PORT: "1" }, options, folder.path);
    expect(server.url).toMatch(/^http:\/\/127\.0\.0\.2:\d+$/);
    expect(server.greeting).toContain("serves one on http");
    await server.stop();
  });

  it.concurrent.each<[string[], number, string]>([
    [["a.js", "--config", "b.json"], 2, "Give files or --config, not both.\n\nUsage: sluice serve"],
    [["--config", "none.json"], 1, "--config: there is no none.json in "],
    [["constructor"], 1, "Agent constructor: There is no constructor in "],
    [[""], 2, "The name of a file is empty.\n\nUsage: sluice serve"],
    [["--host", "192.0.2.1"], 1, "HOST=192.0.2.1 with AUTH=none would admit every client that reaches it. "],
    [["--port", "many"], 1, '--port="many" is not valid: '],
    [["--config", "typo.json"], 1, "Agent a: There is no asistant in "],
    [
      ["a/mine.js", "b/mine.js"],
      1,
      "a/mine.js and b/mine.js would both be called mine: name them in config/agents.json.",
    ],
  ])("does not start with %j", async (args, code, complaint) => {
    await using folder = await project({ "typo.json": '{ "agents": { "a": { "graph": "asistant" } } }' });
    const sent = await sluice(["serve", ...args], { PORT: "0" }, folder.path);
    expect(sent).toEqual({ code, stdout: "", stderr: expect.stringContaining(`sluice: ${complaint}`) });
  });

  it("does not start on an address of another machine", async () => {
    await using folder = await project({ "mine.js": QUICK });
    const env = { PORT: "0", ALLOW_ANONYMOUS: "true" };
    expect(await sluice(["serve", "mine.js", "--host", "192.0.2.1"], env, folder.path)).toEqual({
      code: 1,
      stdout: "",
      stderr: expect.stringContaining(
        "HOST is not an address of this machine (EADDRNOTAVAIL). Set it to 127.0.0.1, or to ",
      ),
    });
  });
});
