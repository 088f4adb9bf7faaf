/** `sluice chat` as people run it: a process, with pipes, a server and Ctrl-C. */
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { AIMessage } from "@langchain/core/messages";
import { interrupt, MessagesAnnotation, START, StateGraph } from "@langchain/langgraph";
import { afterAll, afterEach, describe, expect, it } from "vitest";
import { formatApiKey } from "../../src/config/keys.ts";
import { DEFAULT_SCOPES } from "../../src/protocol/scopes.ts";
import { makeApiKey } from "../../src/server/auth/api-keys.ts";
import { killRest, launch, project, sluice } from "../support/child.ts";
import { type FaultProxy, faultProxy } from "../support/fault-proxy.ts";
import { temporaryFolder } from "../support/folder.ts";
import { memory, startSluice, type TestSluice } from "../support/sluice.ts";
import { chatGraph, SteppedModel } from "../support/stepped-model.ts";

// The tests run concurrently, because starting Node takes most of their time.
afterAll(killRest);

const GRAPH = `
import { FakeListChatModel } from "@langchain/core/utils/testing";
import { END, interrupt, MessagesAnnotation, START, StateGraph } from "@langchain/langgraph";

const model = new FakeListChatModel({ responses: ["Water finds its way. 水"] });
const answer = async ({ messages }) => {
  if (messages.at(-1).text === "ask") interrupt("Shall I?");
  if (messages.at(-1).text === "fail") throw new Error("no \\u001b[31mway");
  return { messages: [await model.invoke(messages)] };
};
const builder = new StateGraph(MessagesAnnotation).addNode("answer", answer).addEdge(START, "answer").addEdge("answer", END);
export const graph = builder.compile();
export const other = builder.compile();
`;

describe("sluice chat, in its own process", () => {
  it.concurrent("asks the agents that are bundled: the answer goes to stdout, what tools did to stderr", async () => {
    const { code, stdout, stderr } = await launch(["chat", "What", "is", "12 * 7?"]).exit;
    expect(stdout).toBe("12 * 7 = 84\n\n(demo model)\n");
    expect(stderr).toMatch(/^calculator \{"expression":"12 \* 7"\} gave: 84 \([\d.]+ m?s\)\n$/);
    expect(code).toBe(0);
  });

  it.concurrent("asks another of them by name, and says that nobody is there to answer its question", async () => {
    const { code, stdout, stderr } = await launch(["chat", "--agent", "approvals", "write a note: buy milk"]).exit;
    expect(stdout).toBe("");
    expect(stderr).toContain("sluice: The agent asks: May I write this note?\n\nBuy milk\n\nbuy milk\n");
    expect(stderr).toContain("The graph waits for an answer. To type one, run this command in a terminal.\n");
    expect(code).toBe(3);
  });

  it.concurrent("asks a graph what is piped in, and leaves no process or file", async () => {
    await using folder = await project({ "my-graph.js": GRAPH });
    await using temporary = await project({});
    const before = await readdir(temporary.path);
    const env = { TMPDIR: temporary.path, DATA_DIR: join(folder.path, "data") };
    const asked = launch(["chat", "-g", "my-graph.js:graph"], { cwd: folder.path, env, input: "Where to?\n" });
    expect(await asked.exit).toEqual({ code: 0, stdout: "Water finds its way. 水\n", stderr: "" });
    expect(await readdir(folder.path)).toEqual(expect.not.arrayContaining(["data"]));
    expect(await readdir(temporary.path)).toEqual(before);
  });

  it.concurrent("says so when a run said nothing, and why it failed in full", async () => {
    const source = `
import { MessagesAnnotation as State, START, StateGraph } from "@langchain/langgraph";
export const mute = new StateGraph(State).addNode("a", () => ({ messages: [] })).addEdge(START, "a").compile();
const fail = () => {
  throw new Error("In full: no database at /var/lib/my/db");
};
export const broken = new StateGraph(State).addNode("a", fail).addEdge(START, "a").compile();
`;
    await using folder = await project({ "g.mjs": source });
    const chat = (graph: string) => launch(["chat", "-g", graph, "hi"], { cwd: folder.path }).exit;
    expect(await chat("g.mjs:mute")).toEqual({
      code: 1,
      stdout: "",
      stderr: "The run ended without an answer. This command shows why: sluice doctor g.mjs:mute\n",
    });
    const { code, stderr } = await chat("g.mjs:broken");
    expect(stderr).toContain("In full: no database at /var/lib/my/db (g.mjs:5)\n");
    expect(code).toBe(1);
  });

  it.concurrent("asks what a langgraph.json names, found or given", async () => {
    const langgraph = JSON.stringify({ graphs: { first: "./my-graph.js:graph", second: "./my-graph.js:other" } });
    await using folder = await project({ "my-graph.js": GRAPH, "langgraph.json": langgraph, "elsewhere/readme": "" });
    const runs = [
      launch(["chat", "hi", "--agent", "second"], { cwd: folder.path }),
      launch(["chat", "hi", "-c", "../langgraph.json"], { cwd: join(folder.path, "elsewhere") }),
    ];
    for (const { exit } of runs) expect(await exit).toMatchObject({ code: 0, stdout: "Water finds its way. 水\n" });
  });

  it.concurrent("fails in one line when the graph does, or is not there", async () => {
    await using folder = await project({ "my-graph.js": GRAPH });
    const ask = (...args: string[]) => launch(["chat", ...args], { cwd: folder.path }).exit;
    expect(await ask("-g", "my-graph.js:graph", "fail")).toEqual({
      code: 1,
      stdout: "",
      stderr: "sluice: graph_error: The graph failed: no [31mway\nIn full: no [31mway (my-graph.js:8)\n",
    });
    const missing = await ask("-g", "my-graph.js:grpah", "hi");
    expect(missing).toMatchObject({ code: 1, stdout: "" });
    expect(missing.stderr).toMatch(/^sluice: Agent .* no export "grpah"\. .*\n$/);
    expect(await ask("-g", "my-graph.js:graph", "-a", "nobody", "hi")).toEqual({
      code: 2,
      stdout: "",
      stderr: 'sluice: not_found: There is no agent "nobody". Agents: my-graph.\n',
    });
  });

  it.concurrent.each<[string[], string]>([
    [
      ["--url", "ftp://host", "hi"],
      "--url is no address. Valid is one like http://127.0.0.1:8123 or wss://example.com/ws.",
    ],
    [["--url", "localhost", "--graph", "a.js", "hi"], "Give one of --graph, --config and --url."],
    [["--thread", "t", "hi"], "--thread needs --url: without a server, threads end with the program."],
    [["--header", "a: b", "hi"], "--header needs --url."],
    [["./my-graph.ts:graph", "hi"], '"./my-graph.ts:graph" is no question. To ask it one, put --graph before it.'],
    [["http://localhost:1"], '"http://localhost:1" is no question. To ask it one, put --url before it.'],
    [[], "Which question? It is an argument, or comes in through a pipe."],
    [["--color", "hi"], "Unknown option '--color'"],
  ])("does not understand %j", async (args, line) => {
    const { code, stdout, stderr } = await sluice(["chat", ...args]);
    expect({ code, stdout, line: stderr.split("\n")[0] }).toEqual({ code: 2, stdout: "", line: `sluice: ${line}` });
    expect(stderr).toContain("Usage: sluice chat");
  });
});

describe("sluice chat, with a server", () => {
  const folder = temporaryFolder();
  const open: { close(): Promise<void> }[] = [];
  afterEach(async () => {
    for (const { close } of open.splice(0)) await close();
  });

  async function serve(graph: object, env: Record<string, string> = {}): Promise<TestSluice> {
    const server = await startSluice({ it: { graph } }, env);
    open.unshift(server);
    return server;
  }

  async function proxy(server: TestSluice): Promise<FaultProxy> {
    const between = await faultProxy(server.ws);
    open.unshift(between);
    return between;
  }

  const chat = (url: string, ...args: string[]) => launch(["chat", "--url", url, ...args], { cwd: folder });

  it("shows the answer as it comes, without what would move the cursor", async () => {
    const model = new SteppedModel().say("One\u001b[2J, ");
    const { url } = await serve(chatGraph(model));
    const { printed, exit } = chat(url, "Count!", "--thread", "counting");
    await printed(/^One\[2J, $/);
    model.say("two\u0007.").end();
    expect(await exit).toEqual({ code: 0, stdout: "One[2J, two.\n", stderr: "" });
    const messages = (await (await fetch(`${url}/threads/counting/messages`)).json()) as { messages: object[] };
    expect(messages.messages).toMatchObject([{ role: "user", content: "Count!" }, { role: "assistant" }]);
  });

  it("goes on with a thread, whatever way the server's address is written", async () => {
    const model = new SteppedModel().say("Aye.").end().say("Bye.").end();
    const { url, ws } = await serve(chatGraph(model));
    await chat(`${ws}/ws/`, "Hi!", "--thread", "t").exit;
    expect(await chat(url.replace("http://", ""), "Go!", "--thread", "t").exit).toMatchObject({ stdout: "Bye.\n" });
    expect(model.prompts.at(-1)).toEqual(["Hi!", "Aye.", "Go!"]);
  });

  it.each(["SIGINT", "SIGTERM"] as const)("on %s cancels the run, which the graph hears of", async (name) => {
    const { graph, aborted } = slowGraph(new SteppedModel().say("One, "));
    const { url } = await serve(graph);
    const { printed, signal, exit } = chat(url, "Count!");
    await printed(/One/);
    signal(name);
    signal(name === "SIGINT" ? "SIGTERM" : "SIGINT"); // npx sends the signal again that the terminal has already sent.
    expect(await exit).toEqual({ code: 130, stdout: "One, \n", stderr: "sluice: Cancelled.\n" });
    await aborted;
  });

  it("ends at once on a second Ctrl-C, when the server does not answer the first", async () => {
    const { graph } = slowGraph(new SteppedModel().say("One, "));
    const between = await proxy(await serve(graph));
    const { printed, signal, exit } = chat(between.ws, "Count!");
    await printed(/One/);
    between.strike("blackhole");
    const impatience = setInterval(() => signal("SIGINT"), 100);
    expect(await exit).toEqual({ code: 130, stdout: "One, ", stderr: "" });
    clearInterval(impatience);
  });

  it("comes back when the connection is lost, and misses nothing", async () => {
    const model = new SteppedModel().say("One, ");
    const between = await proxy(await serve(chatGraph(model)));
    const { printed, exit } = chat(between.ws, "Count!");
    await printed(/One/);
    between.strike("reset");
    model.say("two.").end();
    const stderr = "The connection is lost. Trying again.\nThe connection is back.\n";
    expect(await exit).toEqual({ code: 0, stdout: "One, two.\n", stderr });
  });

  it("says how a run failed", async () => {
    const { url } = await serve(chatGraph(new SteppedModel().say("One").fail(new Error("no credit"))));
    expect(await chat(url, "Count!").exit).toEqual({
      code: 1,
      stdout: "One\n",
      stderr: "sluice: model_error: The model call failed: no credit\n",
    });
  });

  it("waits with its question for a person, and says how to come back to it", async () => {
    const graph = new StateGraph(MessagesAnnotation)
      .addNode("ask", () => ({ messages: [new AIMessage(String(interrupt("Shall I?")))] }))
      .addEdge(START, "ask")
      .compile({ checkpointer: memory() });
    const { url } = await serve(graph);
    const { code, stdout, stderr } = await chat(url, "Do!").exit;
    expect({ code, stdout }).toEqual({ code: 3, stdout: "" });
    const [, threadId = ""] = /^sluice: The agent asks: Shall I\?\n.*\n.*--thread (\S+)\n$/.exec(stderr) ?? [];
    expect(await (await fetch(`${url}/threads/${threadId}`)).json()).toMatchObject({ title: "Do!", waiting: true });
    expect(await chat(url, "Do!", "--thread", threadId).exit).toMatchObject({ code: 3 });
  });

  it("signs in with the header that it is given, and names that option where it is refused", async () => {
    const { key, known } = makeApiKey("ann", DEFAULT_SCOPES);
    const API_KEYS = formatApiKey({ ...known, scopes: [...known.scopes] });
    const model = new SteppedModel({ always: ["Aye."] });
    const { url } = await serve(chatGraph(model), { AUTH: "api-key", API_KEYS });
    const signedIn = await chat(url, "Hi!", "--header", `Authorization: Bearer ${key}`).exit;
    expect(signedIn).toEqual({ code: 0, stdout: "Aye.\n", stderr: "" });
    for (const args of [[], ["--header", "Authorization: Bearer wrong"]]) {
      const { code, stderr } = await chat(url, "Hi!", ...args).exit;
      expect(stderr).toMatch(/^sluice: \w+: .*--header "Authorization: Bearer \.\.\."/);
      expect(code).toBe(1);
    }
  });

  it("says in one line that no server is there", async () => {
    const { url, close } = await startSluice({ it: { graph: chatGraph(new SteppedModel()) } });
    await close();
    const { host } = new URL(url);
    const stderr = `sluice: unreachable: No Sluice server answers at ws://${host}/base/ws: connect ECONNREFUSED ${host}\n`;
    expect(await chat(`${url}/base/`, "hi").exit).toEqual({ code: 1, stdout: "", stderr });
  });
});

/** A graph that reports when it was aborted. */
function slowGraph(model: SteppedModel): { graph: object; aborted: Promise<unknown> } {
  let abort: (value?: unknown) => void;
  const aborted = new Promise((resolve) => {
    abort = resolve;
  });
  const graph = new StateGraph(MessagesAnnotation)
    .addNode("chat", async ({ messages }, config) => {
      config.signal?.addEventListener("abort", abort);
      return { messages: await model.invoke(messages, config) };
    })
    .addEdge(START, "chat")
    .compile({ checkpointer: memory() });
  return { graph, aborted };
}
