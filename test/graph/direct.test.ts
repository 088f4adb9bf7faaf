/** The direct source against the reference: the same graph, read both ways, gives the same events. */
import { AsyncLocalStorage } from "node:async_hooks";
import { dispatchCustomEvent } from "@langchain/core/callbacks/dispatch";
import { AIMessage, AIMessageChunk } from "@langchain/core/messages";
import { JsonOutputParser, StringOutputParser } from "@langchain/core/output_parsers";
import { ChatPromptTemplate } from "@langchain/core/prompts";
import { RunnableLambda, RunnableMap } from "@langchain/core/runnables";
import { tool } from "@langchain/core/tools";
import { LangChainTracer } from "@langchain/core/tracers/tracer_langchain";
import { FakeRetriever, FakeStreamingChatModel, FakeStreamingLLM } from "@langchain/core/utils/testing";
import {
  Command,
  interrupt,
  type LangGraphRunnableConfig,
  MessagesAnnotation,
  Send,
  START,
  StateGraph,
} from "@langchain/langgraph";
import { ToolNode } from "@langchain/langgraph/prebuilt";
import { afterEach, describe, expect, it, vi } from "vitest";
import { z } from "zod";
import { openRun, type ServedGraph, type StreamSource } from "../../src/graph/source.ts";
import type { GraphEvent } from "../../src/protocol/graph-event.ts";
import { agentOf } from "../runs/scripted.ts";
import { fakeLangSmith } from "../support/fake-langsmith.ts";
import { memory } from "../support/sluice.ts";
import { chatGraph, SteppedModel } from "../support/stepped-model.ts";

/** Random graphs that are compared. `SOURCE_GRAPHS=1000` is the thorough run. */
const RANDOM_GRAPHS = Number(process.env.SOURCE_GRAPHS ?? 25);
const PATIENCE_MS = 20_000 + RANDOM_GRAPHS * 1_000;

function request(stateKeys: readonly string[] = []) {
  return {
    agent: "agent",
    threadId: "t",
    runId: "r",
    input: { kind: "messages" as const, messages: [{ id: "u", role: "user" as const, content: "hi" }], state: {} },
    checkpointId: undefined,
    offered: { tools: [], context: [] },
    stateKeys,
    configurable: {},
  };
}

const IDS = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g;

/**
 * The id that LangGraph gives a message without one, in a chunk of the root. The message is given it while the chunk waits
 * to be read, so its presence depends on the reader's pace. Nothing else is left out.
 */
const GIVEN_ID = ',"id":"#"';

/** The same value with its keys in the order of the alphabet. */
function sorted(value: unknown): unknown {
  const plain: unknown = JSON.parse(JSON.stringify(value) ?? "null");
  return plain && typeof plain === "object" ? Object.fromEntries(Object.entries(plain).sort()) : plain;
}

/** Each run's events in their order, without the ids that are made anew each time. */
async function read(
  graph: object,
  source: StreamSource,
  { stateKeys, last = Number.POSITIVE_INFINITY }: { stateKeys?: readonly string[]; last?: number } = {},
) {
  const runs = new Map<string, string[]>();
  const controller = new AbortController();
  const run = openRun(graph as ServedGraph, request(stateKeys), controller.signal, { version: "v2", source });
  let seen = 0;
  const each = (event: GraphEvent) => {
    const lines = runs.get(event.run_id) ?? [];
    runs.set(event.run_id, lines);
    const { event: kind, run_id: _, name, tags, metadata, data, ...more } = event;
    const line = JSON.stringify([kind, name, tags, metadata, sorted(data), sorted(more)]).replace(IDS, "#");
    lines.push(kind === "on_chain_stream" && name === "agent" ? line.replaceAll(GIVEN_ID, "") : line);
    seen += 1;
    if (seen === last) controller.abort(new Error("enough"));
  };
  const thrown: unknown = await run.read(each).then(
    () => undefined,
    (error: unknown) => error,
  );
  const asked = run.interrupts.map(({ value }) => JSON.stringify(value));
  return { runs: [...runs.values()], thrown: String(thrown), asked, seen };
}

/** Returns all events of a graph, with its runs in any order. */
async function runsOf(graph: object, source: StreamSource, stateKeys?: readonly string[]): Promise<string[]> {
  const { runs, thrown, asked } = await read(graph, source, { stateKeys });
  return [...runs.map((lines) => settled(lines).join("\n")).sort(), thrown, ...asked];
}

/** Sorts the root's chunks of each layer, because parallel nodes end in any order. */
function settled(lines: readonly string[]): string[] {
  const layerOf = (line: string) => /^\["on_chain_stream","agent",.*?"chunk":\{"n(\d+)-/.exec(line)?.[1];
  const runs: string[][] = [];
  for (const line of lines) {
    const last = runs.at(-1);
    const layer = layerOf(line);
    if (last && layer !== undefined && layerOf(last[0] ?? "") === layer) last.push(line);
    else runs.push([line]);
  }
  return runs.flatMap((run) => run.sort());
}

type Update = typeof MessagesAnnotation.Update;
type Node = (state: typeof MessagesAnnotation.State, config: LangGraphRunnableConfig) => Update | Promise<Update>;

const speaking = (...chunks: string[]) =>
  new FakeStreamingChatModel({
    chunks: (chunks.length > 0 ? chunks : ["Hel", "lo"]).map((content) => new AIMessageChunk({ content, id: "m" })),
  });

/** Makes a graph around one node, for use as a node of another graph. */
const around = (node: Node, options: object = {}) =>
  new StateGraph(MessagesAnnotation)
    .addNode("inner", node as never, options)
    .addEdge(START, "inner")
    .compile();

const echo = tool(async ({ text }) => `echo ${text}`, {
  name: "echo",
  schema: z.object({ text: z.string().default("") }),
});
const failing = tool(
  () => {
    throw new Error("no luck");
  },
  { name: "failing", schema: z.object({}) },
);

function asking(name: string): Node {
  return () => ({
    messages: [new AIMessage({ id: `ask-${name}`, content: "", tool_calls: [{ id: `c-${name}`, name, args: {} }] })],
  });
}

function fallingBack(): object {
  const broken = new SteppedModel().fail(new Error("overloaded"));
  return broken.withFallbacks([speaking()]);
}

/** A node of each kind. Its output is always the same, so that two runs can be compared. */
const KINDS: Record<string, () => object | Node> = {
  model: () => async (_, config) => ({ messages: [await speaking().invoke("hi", config)] }),
  "model without its config": () => async () => ({ messages: [await speaking().invoke("hi")] }),
  "model that is streamed": () => async (_, config) => {
    let whole: AIMessageChunk | undefined;
    for await (const chunk of await speaking().stream("hi", config)) whole = whole ? whole.concat(chunk) : chunk;
    return { messages: whole ? [whole] : [] };
  },
  "message without an id": () => () => ({ messages: [new AIMessage("plain")] }),
  writer:
    () =>
    (_, { writer }) => {
      writer?.({ name: "progress", value: 1 });
      return {};
    },
  "custom event": () => async (_, config) => {
    await dispatchCustomEvent("progress", { done: 1 }, config);
    return {};
  },
  sequence: () => async (_, config) => {
    const chain = ChatPromptTemplate.fromTemplate("{text}")
      .pipe(speaking())
      .pipe(RunnableLambda.from((message: AIMessageChunk) => message.text));
    for await (const _chunk of await chain.stream({ text: "hi" }, config));
    return { messages: [new AIMessage({ id: "s", content: await chain.invoke({ text: "hi" }, config) })] };
  },
  "sequence as a node": () =>
    RunnableLambda.from(() => "hi")
      .pipe(speaking())
      .pipe(RunnableLambda.from((message: AIMessageChunk) => ({ messages: [message] }))),
  parsers: () => async (_, config) => {
    const prompt = ChatPromptTemplate.fromTemplate("{text}");
    const text = prompt.pipe(speaking()).pipe(new StringOutputParser());
    const json = prompt.pipe(speaking('{"city":', '"Rome"}')).pipe(new JsonOutputParser());
    for await (const _chunk of await json.stream({ text: "hi" }, config));
    return { messages: [new AIMessage({ id: "p", content: await text.invoke({ text: "hi" }, config) })] };
  },
  "branches of a map": () => async (_, config) => {
    const map = RunnableMap.from({ one: RunnableLambda.from((text: string) => `${text}!`) });
    return { messages: [new AIMessage({ id: "b", content: (await map.invoke("hi", config)).one as string })] };
  },
  "language model": () => async (_, config) => ({
    messages: [
      new AIMessage({ id: "l", content: await new FakeStreamingLLM({ responses: ["Hi"] }).invoke("hi", config) }),
    ],
  }),
  retriever: () => async (_, config) => {
    const found = await new FakeRetriever().invoke("hi", config);
    return { messages: [new AIMessage({ id: "f", content: `${found.length} found` })] };
  },
  retry: () => {
    let attempts = 0;
    const node: Node = async () => {
      const answer = await speaking().invoke("hi");
      attempts += 1;
      if (attempts === 1) throw new Error("once");
      return { messages: [answer] };
    };
    return around(node, { retryPolicy: { maxAttempts: 2, initialInterval: 1, jitter: false, logWarning: false } });
  },
  "handoff by a command": () =>
    new StateGraph(MessagesAnnotation)
      .addNode(
        "from",
        () => new Command({ goto: "to", update: { messages: [new AIMessage({ id: "h", content: "over" })] } }),
        {
          ends: ["to"],
        },
      )
      .addNode("to", async () => ({ messages: [await speaking().invoke("hi")] }))
      .addEdge(START, "from")
      .compile(),
  "nodes that are sent to": () =>
    new StateGraph(MessagesAnnotation)
      .addNode("from", () => ({}))
      .addNode("to", async () => ({ messages: [await speaking().invoke("hi")] }))
      .addEdge(START, "from")
      .addConditionalEdges("from", (state) => [new Send("to", state), new Send("to", state)], ["to"])
      .compile(),
  subgraph: () => around(async () => ({ messages: [await speaking().invoke("hi")] })),
  fallback: () => async (_, config) => ({
    messages: [await (fallingBack() as SteppedModel).invoke("hi", config)],
  }),
  tools: () =>
    new StateGraph(MessagesAnnotation)
      .addNode("ask", asking("echo") as never)
      .addNode("run", new ToolNode([echo]))
      .addEdge(START, "ask")
      .addEdge("ask", "run")
      .compile(),
  "tool that fails": () =>
    new StateGraph(MessagesAnnotation)
      .addNode("ask", asking("failing") as never)
      .addNode("run", new ToolNode([failing]))
      .addEdge(START, "ask")
      .addEdge("ask", "run")
      .compile(),
  interrupt: () => () => {
    interrupt({ question: "Go on?" });
    return {};
  },
  error: () => () => {
    throw new Error("broken");
  },
};

/** Layers of nodes: those of a layer run side by side. */
function graphOf(layers: readonly (readonly string[])[]): object {
  const graph = new StateGraph(MessagesAnnotation) as StateGraph<
    typeof MessagesAnnotation.spec,
    typeof MessagesAnnotation.State,
    typeof MessagesAnnotation.Update,
    string
  >;
  let before: string[] = [START];
  layers.forEach((kinds, layer) => {
    const names = kinds.map((_, index) => `n${layer}-${index}`);
    kinds.forEach((kind, index) => void graph.addNode(names[index] as string, KINDS[kind]?.() as never));
    for (const from of before) for (const to of names) graph.addEdge(from as never, to as never);
    before = names.slice(0, 1);
  });
  return graph.compile({ checkpointer: memory() });
}

/** Numbers below `bound` that are the same for the same seed. */
function random(seed: number): (bound: number) => number {
  let state = seed * 2_654_435_761 + 1;
  return (bound) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * bound);
  };
}

/** The layers of a graph; one in four ends in a node that stops it. */
function randomLayers(seed: number): string[][] {
  const below = random(seed);
  const stops = ["error", "interrupt"];
  const kinds = Object.keys(KINDS).filter((kind) => !stops.includes(kind));
  const pick = () => kinds[below(kinds.length)] as string;
  const layers = Array.from({ length: 1 + below(3) }, () => Array.from({ length: 1 + below(3) }, pick));
  return below(4) === 0 ? [...layers, [stops[below(2)] as string]] : layers;
}

/**
 * Checks that each of these runs is the beginning of a different one of the others. The chunks of a layer may be in any
 * order.
 */
function expectBeginnings(begun: readonly string[][], whole: readonly string[][], how: string): void {
  const left = whole.map(settled);
  for (const lines of [...begun].sort((a, b) => b.length - a.length)) {
    const at = left.findIndex((all) => isBeginning(lines, all));
    expect(at, `${how}\n${lines.join("\n")}`).toBeGreaterThanOrEqual(0);
    left.splice(at, 1);
  }
}

function isBeginning(lines: readonly string[], all: readonly string[]): boolean {
  const root = lines[0]?.startsWith('["on_chain_start","agent"') ?? false;
  const [some, whole] = [lines.map(beforeIds), all.map(beforeIds)];
  return some.every((line, index) => (root ? whole.includes(line) : whole[index] === line));
}

/**
 * Where many nodes run side by side, `streamEvents` may lag so far that it reads the end of a node after LangGraph gave
 * the node's message its id.
 */
function beforeIds(line: string): string {
  return line.startsWith('["on_chain_end"') ? line.replaceAll(GIVEN_ID, "") : line;
}

async function expectSame(seed: number): Promise<void> {
  const layers = randomLayers(seed);
  const reported = async (source: StreamSource) => {
    const all = await runsOf(graphOf(layers), source);
    return all.map((lines) => lines.split("\n").map(beforeIds).join("\n")).sort();
  };
  expect(await reported("direct"), `seed ${seed}: ${JSON.stringify(layers)}`).toEqual(await reported("streamEvents"));
}

afterEach(() => {
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
});

describe("both sources report the same", () => {
  it.each(Object.keys(KINDS))("of a graph with a node of the kind: %s", async (kind) => {
    const events = await runsOf(graphOf([[kind], ["model"]]), "direct", ["messages"]);
    expect(events.length).toBeGreaterThan(2);
    expect(events).toEqual(await runsOf(graphOf([[kind], ["model"]]), "streamEvents", ["messages"]));
  });

  it(`of ${RANDOM_GRAPHS} random graphs`, { timeout: PATIENCE_MS }, async () => {
    for (let seed = 1; seed <= RANDOM_GRAPHS; seed += 1) await expectSame(seed);
  });

  it("while LangSmith traces the runs, and after it refuses to", { timeout: PATIENCE_MS }, async () => {
    const langsmith = await fakeLangSmith();
    vi.stubEnv("LANGSMITH_TRACING", "true");
    vi.stubEnv("LANGSMITH_ENDPOINT", langsmith.url);
    vi.stubEnv("LANGSMITH_API_KEY", "key");
    vi.spyOn(console, "warn").mockReturnValue();
    vi.spyOn(console, "error").mockReturnValue();
    for (let seed = 1; seed <= RANDOM_GRAPHS; seed += 1) await expectSame(seed);
    await langsmith.asked;
    langsmith.refuse();
    for (let seed = 1; seed <= 5; seed += 1) await expectSame(seed);
    const { client } = new LangChainTracer();
    // Otherwise it complains beside a later test. LangChain's type leaves this method out.
    await (client as unknown as { awaitPendingTraceBatches(): Promise<void> }).awaitPendingTraceBatches();
    await langsmith.close();
  });

  it("until they are aborted, after any event, and nothing more", { timeout: PATIENCE_MS }, async () => {
    for (let seed = 1; seed <= RANDOM_GRAPHS; seed += 1) {
      const layers = randomLayers(seed);
      const whole = await read(graphOf(layers), "streamEvents");
      const last = 1 + random(seed)(whole.seen);
      for (const source of ["direct", "streamEvents"] as const) {
        const { runs, thrown, seen } = await read(graphOf(layers), source, { last });
        const how = `seed ${seed}, ${source}, after ${last}: ${JSON.stringify(layers)}`;
        await new Promise((resolve) => setImmediate(resolve));
        expect([thrown, seen], how).toEqual(["Error: enough", last]);
        expectBeginnings(runs, whole.runs, how);
      }
    }
  });
});

function open(graph: object, signal = new AbortController().signal) {
  return openRun(graph as ServedGraph, request(), signal, { version: "v2", source: "direct" });
}

it("a run that is aborted after any event reports nothing more, and the model's call ends", async () => {
  for (let last = 1; last <= 6; last += 1) {
    const controller = new AbortController();
    const seen: GraphEvent[] = [];
    const model = new SteppedModel().say("a", "b");
    const reading = open(chatGraph(model), controller.signal).read((event) => {
      seen.push(event);
      if (seen.length === last) controller.abort(new Error("enough"));
    });
    await expect(reading).rejects.toThrow("enough");
    await new Promise((resolve) => setImmediate(resolve));
    expect(seen).toHaveLength(last);
  }
});

it("what a reader throws ends the reading, and stops the graph", async () => {
  const aborted: unknown[] = [];
  const model = new SteppedModel().say("Hi");
  const graph = new StateGraph(MessagesAnnotation)
    .addNode("n", async ({ messages }, { signal }) => {
      signal?.addEventListener("abort", () => aborted.push(true));
      return { messages: await model.invoke(messages) };
    })
    .addEdge(START, "n")
    .compile();
  const enough = new Error("enough");
  const reading = open(graph).read(({ event }) => {
    if (event === "on_chat_model_stream") throw enough;
  });
  await expect(reading).rejects.toBe(enough);
  expect(aborted).toEqual([true]);
});

it("events are handed over outside of the node's asynchronous context", async () => {
  const place = new AsyncLocalStorage<string>();
  const graph = new StateGraph(MessagesAnnotation)
    .addNode("n", (_, config) => place.run("node", async () => ({ messages: [await speaking().invoke("hi", config)] })))
    .addEdge(START, "n")
    .compile();
  const places = new Set<string | undefined>();
  await place.run("run", () => open(graph).read(() => places.add(place.getStore())));
  expect([...places]).toEqual(["run"]);
});

it("an agent's source goes before the setting, and speaks v2 only", () => {
  const graph = graphOf([["model"]]);
  expect(agentOf("a", graph, { env: { STREAM_SOURCE: "" } }).source).toBe("streamEvents");
  expect(agentOf("a", graph, { env: { STREAM_SOURCE: "direct" } }).source).toBe("direct");
  expect(agentOf("a", graph, { env: { STREAM_SOURCE: "direct" }, entry: { source: "streamEvents" } }).source).toBe(
    "streamEvents",
  );
  expect(() => agentOf("a", graph, { env: { STREAM_VERSION: "v1" }, entry: { source: "direct" } })).toThrow(
    'agents.a: the source "direct" speaks v2 only. Set STREAM_VERSION=v2.',
  );
});
