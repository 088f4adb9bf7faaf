import { dispatchCustomEvent } from "@langchain/core/callbacks/dispatch";
import { AIMessage, AIMessageChunk, type ToolMessage } from "@langchain/core/messages";
import { ChatGenerationChunk } from "@langchain/core/outputs";
import { AsyncLocalStorageProviderSingleton } from "@langchain/core/singletons";
import { tool } from "@langchain/core/tools";
import { FakeStreamingChatModel } from "@langchain/core/utils/testing";
import {
  Annotation,
  END,
  interrupt,
  type LangGraphRunnableConfig,
  MemorySaver,
  MessagesAnnotation,
  START,
  StateGraph,
} from "@langchain/langgraph";
import { ToolNode } from "@langchain/langgraph/prebuilt";
import { InMemoryCache } from "@langchain/langgraph-checkpoint";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import {
  type GraphInput,
  type GraphRun,
  openRun,
  type ServedGraph,
  type StreamVersion,
} from "../../src/graph/source.ts";
import { type GraphEvent, isNode, nodePath } from "../../src/protocol/graph-event.ts";
import { Gate } from "../runs/scripted.ts";
import { chatGraph, SteppedModel } from "../support/stepped-model.ts";
import { TEST_SOURCE } from "../support/stream-source.ts";

const HELLO: GraphInput = { kind: "messages", messages: [{ id: "u", role: "user", content: "hi" }], state: {} };

interface Options {
  readonly input?: GraphInput;
  readonly signal?: AbortSignal;
  readonly version?: StreamVersion;
}

function open(graph: object, { input = HELLO, signal, version = "v2" }: Options = {}): GraphRun {
  const request = {
    agent: "agent",
    threadId: "t",
    runId: "r",
    input,
    checkpointId: undefined,
    offered: { tools: [], context: [] },
    stateKeys: [],
    configurable: {},
  };
  const source = version === "v2" ? TEST_SOURCE : "streamEvents";
  return openRun(graph as ServedGraph, request, signal ?? new AbortController().signal, { version, source });
}

async function read(run: GraphRun): Promise<GraphEvent[]> {
  const events: GraphEvent[] = [];
  await run.read((event) => events.push(event));
  return events;
}

function named(events: readonly GraphEvent[], name: string): GraphEvent[] {
  return events.filter(({ event }) => event === name);
}

type Node = (state: typeof MessagesAnnotation.State, config: LangGraphRunnableConfig) => unknown;

/** A graph of nodes that run one after the other; in `parallel`, side by side. */
function graphOf(nodes: Record<string, Node>, { parallel = false } = {}) {
  const graph = new StateGraph(MessagesAnnotation) as StateGraph<
    typeof MessagesAnnotation.spec,
    typeof MessagesAnnotation.State,
    typeof MessagesAnnotation.Update,
    string
  >;
  let before: string = START;
  for (const [name, node] of Object.entries(nodes)) {
    graph.addNode(name, node as never);
    graph.addEdge(parallel ? START : (before as never), name as never);
    before = name;
  }
  return graph.compile({ checkpointer: new MemorySaver() });
}

const NOTHING = {};

function calls(...made: { id: string; name: string; args?: object }[]) {
  return {
    messages: [new AIMessage({ content: "", tool_calls: made.map((call) => ({ args: {}, ...call })) as never })],
  };
}

/** A node that asks for these calls, and LangGraph's own node that runs the tools. */
function toolGraph(tools: ConstructorParameters<typeof ToolNode>[0], ...made: { id: string; name: string }[]) {
  return new StateGraph(MessagesAnnotation)
    .addNode("ask", () => calls(...made))
    .addNode("tools", new ToolNode(tools))
    .addEdge(START, "ask")
    .addEdge("ask", "tools")
    .addEdge("tools", END)
    .compile({ checkpointer: new MemorySaver() });
}

const echo = tool(async ({ text }) => `echo ${text}`, {
  name: "echo",
  schema: z.object({ text: z.string().default("") }),
});

describe("what v2 leaves out is filled in", () => {
  it("the model's id of each call, on the start and the end of tools that run side by side", async () => {
    const events = await read(open(toolGraph([echo], { id: "c1", name: "echo" }, { id: "c2", name: "echo" })));
    for (const name of ["on_tool_start", "on_tool_end"]) {
      expect(
        named(events, name)
          .map(({ toolCallId }) => toolCallId)
          .sort(),
      ).toEqual(["c1", "c2"]);
    }
    for (const { run_id, toolCallId } of named(events, "on_tool_start")) {
      const end = named(events, "on_tool_end").find((other) => other.run_id === run_id);
      expect(end?.toolCallId).toBe(toolCallId);
      expect((end?.data as { output: ToolMessage } | undefined)?.output.tool_call_id).toBe(toolCallId);
    }
  });

  it("the message of what a tool threw, without its stack", async () => {
    const failing = tool(
      () => {
        throw new Error("no luck");
      },
      { name: "failing", schema: z.object({}) },
    );
    const events = await read(open(toolGraph([failing], { id: "c1", name: "failing" })));
    expect(named(events, "on_tool_error")).toEqual([
      expect.objectContaining({ toolCallId: "c1", data: expect.objectContaining({ error: "no luck" }) }),
    ]);
    expect(JSON.stringify(named(events, "on_tool_error"))).not.toMatch(/\bat /);
  });

  it("why a model stopped, although the node called it with invoke", async () => {
    class Stopping extends SteppedModel {
      override async *_streamResponseChunks(...args: Parameters<SteppedModel["_streamResponseChunks"]>) {
        for await (const chunk of super._streamResponseChunks(...args)) {
          chunk.generationInfo = { finish_reason: "length" };
          yield chunk;
        }
      }
    }
    const events = await read(open(chatGraph(new Stopping().say("Hi").end())));
    expect(named(events, "on_chat_model_end").map(({ finishReason }) => finishReason)).toEqual(["length"]);
  });
});

describe("custom events", () => {
  it("come from config.writer: a name and a value, or anything", async () => {
    const graph = graphOf({
      n: (_state, { writer }) => {
        writer?.({ name: "progress", value: { done: 1 } });
        writer?.({ name: "only a name" });
        writer?.("text");
        return NOTHING;
      },
    });
    const events = named(await read(open(graph)), "on_custom_event");
    expect(events.map(({ name, data }) => [name, data])).toEqual([
      ["progress", { done: 1 }],
      ["custom", { name: "only a name" }],
      ["custom", "text"],
    ]);
  });

  it("have the place of the node or tool that writes them, also inside another graph", async () => {
    const write: Node = (_state, { writer }) => {
      writer?.("text");
      return NOTHING;
    };
    const inner = graphOf({ deep: write });
    const writing = tool(
      (_input, { writer }: LangGraphRunnableConfig) => {
        writer?.("text");
        return "done";
      },
      { name: "writing", schema: z.object({}) },
    );
    const graph = graphOf({
      own: write,
      inner: inner as never,
      code: async (state) => {
        await inner.invoke(state);
        return NOTHING;
      },
      ask: () => calls({ id: "c", name: "writing" }),
      tools: new ToolNode([writing as never]) as never,
    });
    const events = named(await read(open(graph)), "on_custom_event");
    expect(events.map((event) => nodePath(event).join("/"))).toEqual(["own", "inner/deep", "code/deep", "tools"]);
    expect(events.map(({ subagents = [] }) => subagents.map(({ name }) => name))).toEqual([
      [],
      ["inner"],
      ["code"],
      [],
    ]);
  });

  it("have no place if they are written outside the context of the graph, and come all the same", async () => {
    const graph = graphOf({
      n: (_state, { writer }) => {
        AsyncLocalStorageProviderSingleton.getInstance().run(undefined, () => writer?.({ name: "lost", value: 1 }));
        return NOTHING;
      },
    });
    const [event, ...more] = named(await read(open(graph)), "on_custom_event");
    expect(event).toMatchObject({ name: "lost", data: 1 });
    expect(event && nodePath(event)).toEqual([]);
    expect(more).toEqual([]);
  });

  it("come from dispatchCustomEvent", async () => {
    const graph = graphOf({
      n: async () => {
        await dispatchCustomEvent("progress", { done: 1 });
        return NOTHING;
      },
    });
    const [event, ...more] = named(await read(open(graph)), "on_custom_event");
    expect(event).toMatchObject({ name: "progress", data: { done: 1 }, metadata: { langgraph_node: "n" } });
    expect(more).toEqual([]);
  });
});

describe("a model's tokens", () => {
  it("are events as they come, with the node they come from", async () => {
    const model = new FakeStreamingChatModel({ chunks: ["Hel", "lo"].map((content) => new AIMessageChunk(content)) });
    const tokens = named(await read(open(chatGraph(model))), "on_chat_model_stream");
    expect(tokens.map(({ data }) => (data as { chunk: AIMessageChunk }).chunk.text).join("")).toBe("Hello");
    expect(tokens[0]?.metadata).toMatchObject({ langgraph_node: "chat", thread_id: "t", run_id: "r", agent: "agent" });
  });

  it("are read as soon as the model says them, not later", async () => {
    const model = new SteppedModel().say("Hel");
    const run = open(chatGraph(model));
    let text = "";
    await run.read((event) => {
      if (event.event !== "on_chat_model_stream") return;
      text += (event.data as { chunk: AIMessageChunk }).chunk.text;
      // The model says no more before this was read.
      if (text === "Hel") model.say("lo").end();
    });
    expect(text).toBe("Hello");
  });

  it("come from v1 under the same names, with the same content", async () => {
    const shape = async (version: StreamVersion) => {
      const model = new SteppedModel().say("Hel", "lo").call("echo", { text: "x" }, "c1").end();
      const events = await read(open(chatGraph(model), { version }));
      const names = events
        .filter(({ event }) => event !== "on_chain_stream")
        .map(({ event, name }) => `${event} ${name}`);
      const tokens = named(events, "on_chat_model_stream").map(({ data }) => (data as { chunk: AIMessageChunk }).chunk);
      const [end] = named(events, "on_chat_model_end").map(({ data }) => (data as { output: AIMessageChunk }).output);
      return {
        names: [...new Set(names)].sort(),
        texts: tokens.map((chunk) => chunk.text),
        calls: tokens.flatMap((chunk) => chunk.tool_call_chunks ?? []),
        end: { text: end?.text, id: end?.id, calls: end?.tool_calls?.length },
      };
    };
    const v2 = await shape("v2");
    expect(v2.texts.join("")).toBe("Hello");
    expect(v2.end).toMatchObject({ text: "Hello", calls: 1 });
    expect(await shape("v1")).toEqual(v2);
  });
});

describe("an interrupt", () => {
  const asking: Node = () => ({ messages: [new AIMessage(String(interrupt({ question: "Go on?" })))] });

  it("is taken out of the events and collected", async () => {
    const run = open(graphOf({ n: asking }));
    const events = await read(run);
    expect(run.interrupts).toEqual([
      expect.objectContaining({ id: expect.stringMatching(/./), value: { question: "Go on?" } }),
    ]);
    expect(JSON.stringify(events)).not.toContain("__interrupt__");
  });

  it("of each of two nodes side by side", async () => {
    const run = open(
      graphOf({ a: () => interrupt("a?") as never, b: () => interrupt("b?") as never }, { parallel: true }),
    );
    await read(run);
    expect(run.interrupts.map(({ value }) => value).sort()).toEqual(["a?", "b?"]);
    expect(new Set(run.interrupts.map(({ id }) => id)).size).toBe(2);
  });

  it("inside a tool is no failure of the tool", async () => {
    const confirm = tool(() => `confirmed: ${interrupt("Sure?")}`, { name: "confirm", schema: z.object({}) });
    const run = open(toolGraph([confirm], { id: "c1", name: "confirm" }));
    const events = await read(run);
    expect(run.interrupts).toMatchObject([{ value: "Sure?" }]);
    const [start] = named(events, "on_tool_start");
    // Its end is only for the run's timeouts, which wait for tools.
    expect(named(events, "on_tool_error")).toMatchObject([{ silent: true, data: {}, run_id: start?.run_id }]);
    expect(named(events, "on_tool_end")).toEqual([]);
  });

  it("is answered by resuming, and the graph goes on", async () => {
    for (const version of ["v2", "v1"] as const) {
      const graph = graphOf({ a: asking });
      const first = open(graph, { version });
      await read(first);
      const [{ id } = { id: "" }] = first.interrupts;
      const second = open(graph, { version, input: { kind: "resume", answers: { [id]: "yes" }, messages: [] } });
      await read(second);
      expect(second.interrupts).toEqual([]);
      const { values } = await graph.getState({ configurable: { thread_id: "t" } });
      expect(values.messages.map((message: AIMessage) => message.text)).toEqual(["hi", "yes"]);
    }
  });

  it("of several is answered one by one, by id", async () => {
    const asks =
      (question: string): Node =>
      () => ({ messages: [new AIMessage(`${question} ${interrupt(question)}`)] });
    const graph = graphOf({ a: asks("a?"), b: asks("b?") }, { parallel: true });
    const first = open(graph);
    await read(first);
    const answers = Object.fromEntries(first.interrupts.map(({ id, value }) => [id, `answer to ${value}`]));
    await read(open(graph, { input: { kind: "resume", answers, messages: [] } }));
    const { values } = await graph.getState({ configurable: { thread_id: "t" } });
    const said = values.messages.map((message: AIMessage) => message.text).sort();
    expect(said).toEqual(["a? answer to a?", "b? answer to b?", "hi"]);
  });
});

describe("stopping", () => {
  it("by reading no further aborts the graph", async () => {
    const aborted: unknown[] = [];
    const model = new SteppedModel().say("Hi");
    const graph = graphOf({
      n: async ({ messages }, { signal }) => {
        signal?.addEventListener("abort", () => aborted.push(true));
        return { messages: await model.invoke(messages) };
      },
    });
    const enough = new Error("enough");
    const reading = open(graph).read((event) => {
      if (event.event === "on_chat_model_stream") throw enough;
    });
    await expect(reading).rejects.toBe(enough);
    expect(aborted).toEqual([true]);
  });

  it("leaves no listener on the run's signal, whichever way it ends", async () => {
    const controller = new AbortController();
    const { signal } = controller;
    let listeners = 0;
    const add = signal.addEventListener.bind(signal);
    const remove = signal.removeEventListener.bind(signal);
    signal.addEventListener = (...args: Parameters<typeof add>) => {
      listeners += 1;
      add(...args);
    };
    signal.removeEventListener = (...args: Parameters<typeof remove>) => {
      listeners -= 1;
      remove(...args);
    };
    await read(open(graphOf({ n: () => NOTHING }), { signal }));
    const enough = () => {
      throw new Error("enough");
    };
    await open(graphOf({ n: () => NOTHING }), { signal })
      .read(enough)
      .catch(() => {});
    await read(open(graphOf({ n: () => Promise.reject(new Error("no")) }), { signal })).catch(() => {});
    expect(listeners).toBe(0);
  });

  it.each<[string, (started: () => void) => object]>([
    [
      "a node",
      (started) =>
        graphOf({
          n: () => {
            started();
            return new Promise(() => {});
          },
        }),
    ],
    [
      "a tool",
      (started) => {
        const stuck = tool(
          () => {
            started();
            return new Promise<string>(() => {});
          },
          { name: "stuck", schema: z.object({}) },
        );
        return toolGraph([stuck], { id: "c1", name: "stuck" });
      },
    ],
    [
      "a graph that never says anything",
      (started) => ({
        streamEvents: async function* () {
          started();
          await new Promise(() => {});
        },
      }),
    ],
  ])("by the signal throws its reason at once, although %s ignores it and never settles", async (_, make) => {
    const controller = new AbortController();
    const reason = new Error("stop");
    const began = new Gate();
    const reading = read(open(make(began.open), { signal: controller.signal }));
    await began.opened;
    controller.abort(reason);
    await expect(reading).rejects.toBe(reason);
  });

  it("before it began never touches the graph", async () => {
    const reason = new Error("stop");
    const untouched = {
      streamEvents: () => {
        throw new Error("was started");
      },
    };
    await expect(read(open(untouched, { signal: AbortSignal.abort(reason) }))).rejects.toBe(reason);
  });

  it("ends a model's call", async () => {
    const controller = new AbortController();
    let seen: AbortSignal | undefined;
    class Watched extends SteppedModel {
      override async *_streamResponseChunks(...args: Parameters<SteppedModel["_streamResponseChunks"]>) {
        seen = args[1].signal;
        yield* super._streamResponseChunks(...args);
      }
    }
    const run = open(chatGraph(new Watched().say("Hi")), { signal: controller.signal });
    const reading = run.read((event) => {
      if (event.event === "on_chat_model_stream") controller.abort(new Error("stop"));
    });
    await expect(reading).rejects.toThrow("stop");
    expect(seen?.aborted).toBe(true);
  });
});

describe("what a graph throws", () => {
  it("is thrown as it is, and distinguished by who threw it", async () => {
    const fault = new Error("401 no key");
    const model = open(chatGraph(new SteppedModel().say("Hi").fail(fault)));
    await expect(read(model)).rejects.toThrow("401 no key");
    expect(model.isModelError(fault)).toBe(true);

    const node = new Error("no luck");
    const graph = open(graphOf({ n: () => Promise.reject(node) }));
    await expect(read(graph)).rejects.toThrow("no luck");
    expect(graph.isModelError(node)).toBe(false);
  });
});

it("a subgraph's events have the path of nodes that leads to them", async () => {
  const inner = new StateGraph(Annotation.Root({ n: Annotation<number>() }))
    .addNode("deep", async () => {
      await dispatchCustomEvent("here", 1);
      return { n: 1 };
    })
    .addEdge(START, "deep")
    .compile();
  const outer = graphOf({
    outer: async (_state, config) => {
      await inner.invoke({ n: 0 }, config);
      return NOTHING;
    },
  });
  const [event] = named(await read(open(outer)), "on_custom_event");
  expect(event && nodePath(event)).toEqual(["outer", "deep"]);
});

describe("a model that waits for nothing", () => {
  /** Produces words only in microtasks, until a timer fires or a bound is reached. */
  class Eager extends SteppedModel {
    said = 0;

    override async *_streamResponseChunks(...args: Parameters<SteppedModel["_streamResponseChunks"]>) {
      const [, , runManager] = args;
      let fired = false;
      setTimeout(() => {
        fired = true;
      }, 0);
      for (; !fired && this.said < 100_000; this.said += 1) {
        const message = new AIMessageChunk({ id: "m", content: "a" });
        const chunk = new ChatGenerationChunk({ text: "a", message });
        yield chunk;
        await runManager?.handleLLMNewToken("a", undefined, undefined, undefined, undefined, { chunk });
      }
    }
  }

  it.each(["invoke", "stream"] as const)("lets timers and sockets have their turn, with %s", async (how) => {
    const model = new Eager();
    const node = async ({ messages }: typeof MessagesAnnotation.State) => {
      if (how === "invoke") return { messages: [await model.invoke(messages)] };
      for await (const _ of await model.stream(messages));
      return {};
    };
    await read(open(graphOf({ node })));
    expect(model.said).toBeGreaterThan(0);
    expect(model.said).toBeLessThan(100_000);
  });
});

describe("a node whose result comes from the cache", () => {
  it("starts and ends as any node, with what it was given", async () => {
    const cache = new InMemoryCache();
    const graph = () =>
      new StateGraph(MessagesAnnotation)
        .addNode("node", () => ({ messages: [new AIMessage({ id: "a", content: "yes" })] }), {
          cachePolicy: { keyFunc: () => "same" },
        })
        // LangGraph leaves a rejection unhandled when all of a step comes from its cache.
        .addNode("beside", () => ({}))
        .addEdge(START, "node")
        .addEdge(START, "beside")
        .compile({ cache });
    const [first, second] = [await read(open(graph())), await read(open(graph()))];
    const node = (events: readonly GraphEvent[]) =>
      events
        .filter(({ metadata }) => metadata.langgraph_node === "node")
        .filter(({ event, name }) => name === "node" && /on_chain_(start|end)/.test(event))
        .map((event) => ({ event: event.event, path: nodePath(event), node: isNode(event), data: event.data }));
    const given = { input: { messages: [expect.objectContaining({ id: "u" })] } };
    const output = { messages: [expect.objectContaining({ id: "a", content: "yes" })] };
    expect(node(second)).toEqual([
      { event: "on_chain_start", path: ["node"], node: true, data: given },
      { event: "on_chain_end", path: ["node"], node: true, data: { ...given, output } },
    ]);
    expect(node(first).map(({ event }) => event)).toEqual(node(second).map(({ event }) => event));
  });
});
