/** A graph's code may fail outside its run: the process survives, or ends correctly. */
import { afterAll, describe, expect, it } from "vitest";
import { EventType } from "../../src/protocol/events.ts";
import { killRest, launch, project, SERVES } from "../support/child.ts";
import { postRun, userInput } from "../support/sse-client.ts";
import { TEST_SOURCE } from "../support/stream-source.ts";

afterAll(killRest);

const GRAPH = `
import { EventEmitter } from "node:events";
import { InMemoryCache } from "@langchain/langgraph-checkpoint";
import { MessagesAnnotation, START, StateGraph } from "@langchain/langgraph";

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const fail = (what) => { throw new Error(what); };
const outside = new EventEmitter();
const waiting = new Promise((resolve) => outside.once("go", resolve));
waiting.then(() => fail("outside"));

const FAULTS = {
  rejects: () => void pause(0).then(() => fail("in a run")),
  aborts: (signal) => void new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason))),
  outside: () => outside.emit("go"),
  timer: () => void setTimeout(() => fail("in a timer"), 0),
};
async function answer({ messages }, { signal, writer }) {
  const { content } = messages.at(-1);
  FAULTS[content]?.(signal);
  if (["aborts", "waits"].includes(content)) {
    writer({ waits: true });
    await new Promise(() => {});
  }
  await pause(10);
  return { messages: [{ role: "assistant", content: "answer to " + content }] };
}
const keyFunc = ([{ messages }]) => messages.at(-1).content;
const builder = new StateGraph(MessagesAnnotation).addNode("answer", answer).addEdge(START, "answer");
export const graph = builder.compile();
export const cached = new StateGraph(MessagesAnnotation)
  .addNode("answer", answer, { cachePolicy: { keyFunc } }).addEdge(START, "answer")
  .compile({ cache: new InMemoryCache() });
`;
const AGENTS = { graph: { graph: "../g.mjs:graph" }, cached: { graph: "../g.mjs:cached" } };

interface Line {
  readonly level: number;
  readonly msg: string;
  readonly count?: number;
  readonly threadId?: string;
  readonly err: { readonly message: string };
}

async function start(folder: string) {
  const server = launch(["serve"], {
    env: { PORT: "0", LOG_LEVEL: "warn", CONFIG_DIR: "config" },
    cwd: folder,
    outsideRejections: true,
  });
  const [, url = ""] = /on (http:\S+)/.exec(await server.printed(SERVES)) ?? [];
  const lines = async () =>
    (await server.exit).stdout.split("\n").flatMap((line) => (line.startsWith("{") ? [JSON.parse(line) as Line] : []));
  return { ...server, url, lines };
}

const files = { "g.mjs": GRAPH, "config/agents.json": JSON.stringify({ agents: AGENTS }) };

/** Asks an agent on a thread of its own, and waits for the end. */
async function ask(url: string, agent: string, content: string, threadId: string) {
  const run = await postRun(url, userInput(content, { threadId }), `/agui/agent/${agent}/run`);
  const events = await run.done;
  const text = events.flatMap((event) => (event.type === EventType.TEXT_MESSAGE_CONTENT ? [event.delta] : []));
  return { end: events.at(-1), text: text.join(""), types: events.map(({ type }) => type) };
}

describe("a process whose graphs leave rejections unhandled", () => {
  it.concurrent("survives rejections that nobody handles, reports and counts them, and stops when it is asked to", async () => {
    await using folder = await project(files);
    const server = await start(folder.path);
    const neighbour = await postRun(server.url, userInput("waits", { threadId: "neighbour" }), "/agui/agent/graph/run");
    const rejecting = await ask(server.url, "graph", "rejects", "rejects");
    expect(rejecting).toMatchObject({ text: "answer to rejects", end: { type: EventType.RUN_FINISHED } });
    const aborting = await postRun(server.url, userInput("aborts", { threadId: "aborts" }), "/agui/agent/graph/run");
    await aborting.until(EventType.CUSTOM);
    await fetch(`${server.url}/agui/agent/graph/stop/aborts`, { method: "POST" });
    expect((await aborting.done).at(-1)).toMatchObject({ outcome: { type: "cancelled" } });
    // The second answer is from the cache, and is reported like the first.
    const [first, second] = [await ask(server.url, "cached", "x", "c1"), await ask(server.url, "cached", "x", "c2")];
    expect(first.text).toBe("answer to x");
    expect(second).toMatchObject({ text: first.text, types: first.types });
    await ask(server.url, "graph", "outside", "outside");
    await neighbour.until(EventType.CUSTOM);
    expect(neighbour.events.some(({ type }) => type === EventType.RUN_ERROR)).toBe(false);
    server.signal("SIGTERM");
    expect(await server.exit).toMatchObject({ code: 0 });
    const lines = await server.lines();
    const inRuns = lines.filter(({ msg }) => msg === "a run left a rejection unhandled");
    expect(inRuns[0]).toMatchObject({ level: 40, threadId: "rejects", count: 1, err: { message: "in a run" } });
    expect(inRuns.map(({ threadId }) => threadId)).toEqual(expect.arrayContaining(["rejects", "aborts"]));
    // LangGraph does not await a node whose result is cached. Only `streamEvents` rejects at its end.
    if (TEST_SOURCE === "streamEvents") expect(inRuns.map(({ threadId }) => threadId)).toContain("c2");
    expect(lines.filter(({ msg }) => msg === "a rejection outside any run was not handled")).toMatchObject([
      { level: 50, count: 1, err: { message: "outside" } },
    ]);
  });

  it.concurrent("ends with 1 after an exception that nobody caught, and its runs with an error", async () => {
    await using folder = await project(files);
    const server = await start(folder.path);
    const waiting = await postRun(server.url, userInput("waits", { threadId: "w" }), "/agui/agent/graph/run");
    await waiting.until(EventType.CUSTOM);
    const began = Date.now();
    const ended = ask(server.url, "graph", "timer", "t");
    expect((await waiting.done).at(-1)).toMatchObject({ type: EventType.RUN_ERROR, code: "owner_lost" });
    expect(await server.exit).toMatchObject({ code: 1 });
    expect(Date.now() - began).toBeLessThan(5_000);
    await ended.catch(() => {}); // It may have ended with the others or been cut.
    expect(await server.lines()).toContainEqual(
      expect.objectContaining({
        msg: "an exception was not caught",
        err: expect.objectContaining({ message: "in a timer" }),
      }),
    );
  });
});
