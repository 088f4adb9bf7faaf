import { Document } from "@langchain/core/documents";
import {
  AIMessage,
  AIMessageChunk,
  ChatMessage,
  HumanMessage,
  HumanMessageChunk,
  RemoveMessage,
  SystemMessage,
  ToolMessage,
  ToolMessageChunk,
} from "@langchain/core/messages";
import { tool } from "@langchain/core/tools";
import { FakeStreamingChatModel } from "@langchain/core/utils/testing";
import { Command, MessagesAnnotation, Send, START, StateGraph } from "@langchain/langgraph";
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { type SerializeOptions, serializeGraphEvent } from "../../src/graph/serialize.ts";
import { GRAPH_EVENT_NAMES, type GraphEvent, type GraphEventName } from "../../src/protocol/graph-event.ts";

type Frame = Record<string, unknown> & { data: unknown; metadata: Record<string, unknown> };

function event(name: GraphEventName, data: unknown, more: Partial<GraphEvent> = {}): GraphEvent {
  return { event: name, name: "n", run_id: "r", tags: [], metadata: {}, data, ...more };
}

function frameOf(graphEvent: GraphEvent, options?: SerializeOptions): Frame {
  return JSON.parse(serializeGraphEvent(graphEvent, options)) as Frame;
}

function shapeOf(value: unknown): unknown {
  return frameOf(event("on_custom_event", value)).data;
}

function throwing(): never {
  throw new Error("no");
}

describe("the frame", () => {
  it("is the event, slim", () => {
    const chunk = new AIMessageChunk({ content: "tok", id: "m1" });
    const metadata = { thread_id: "t", langgraph_node: "agent" };
    expect(serializeGraphEvent(event("on_chat_model_stream", { chunk }, { tags: ["a"], metadata }))).toBe(
      '{"event":"on_chat_model_stream","name":"n","run_id":"r","tags":["a"],' +
        '"data":{"chunk":{"type":"ai_chunk","content":"tok","id":"m1"}},' +
        '"metadata":{"thread_id":"t","langgraph_node":"agent"}}',
    );
  });

  it("carries the tool call's id and the finish reason where they are known", () => {
    expect(frameOf(event("on_tool_start", { input: 1 }, { toolCallId: "c1" }))).toMatchObject({ tool_call_id: "c1" });
    expect(frameOf(event("on_chat_model_end", {}, { finishReason: "stop" }))).toMatchObject({ finish_reason: "stop" });
    expect(Object.keys(frameOf(event("on_tool_start", {})))).toEqual([
      "event",
      "name",
      "run_id",
      "tags",
      "data",
      "metadata",
    ]);
  });

  it("shows only metadata that is public: `configurable` is copied into it, and with it somebody's secrets", () => {
    const metadata = {
      thread_id: "t",
      run_id: "r",
      agent: "a",
      langgraph_node: "n",
      langgraph_step: 1,
      langgraph_checkpoint_ns: "n:1",
      langgraph_triggers: ["branch:to:n"],
      langgraph_path: ["__pregel_pull", "n"],
      ls_provider: "openai",
      ls_model_name: "gpt",
      ls_model_type: "chat",
    };
    const all = { ...metadata, openai_api_key: "sk-1", user: { email: "a@b.c" }, checkpoint_ns: "n:1" };
    expect(frameOf(event("on_custom_event", 1, { metadata: all })).metadata).toEqual(metadata);
    const inherited = Object.create({ thread_id: "t" }) as Record<string, unknown>;
    expect(frameOf(event("on_custom_event", 1, { metadata: inherited })).metadata).toEqual({});
  });
});

describe("data: what leaves by default", () => {
  const data = { input: { messages: ["prompt"] }, output: "out", chunk: "chunk" };
  const nothing = {};
  const defaults: Record<GraphEventName, unknown> = {
    on_chat_model_start: nothing,
    on_chat_model_stream: data,
    on_chat_model_end: { output: "out" },
    on_llm_start: nothing,
    on_llm_stream: data,
    on_llm_end: { output: "out" },
    on_chain_start: nothing,
    on_chain_stream: nothing,
    on_chain_end: nothing,
    on_tool_start: data,
    on_tool_end: data,
    on_tool_error: { input: { messages: ["prompt"] } },
    on_retriever_start: data,
    on_retriever_end: data,
    on_prompt_start: nothing,
    on_prompt_end: nothing,
    on_parser_start: data,
    on_parser_stream: data,
    on_parser_end: data,
    on_custom_event: data,
  };
  it.each(GRAPH_EVENT_NAMES)("%s", (name) => {
    expect(frameOf(event(name, data)).data).toEqual(defaults[name]);
  });

  it.each([
    ["text", "plain", "plain"],
    ["nothing", undefined, null],
    ["a list", [1, new HumanMessage("hi")], [1, { type: "human", content: "hi" }]],
  ])("a custom event's value may be %s", (_, value, expected) => {
    expect(shapeOf(value)).toEqual(expected);
  });
});

describe("data: on_tool_error", () => {
  const stack = "\n    at f (/home/me/app.js:1:2)\n    at /home/me/b.js:3:4";
  it.each<[string, unknown, string]>([
    ["v2's message, message again and stack", `bad thing\n\nTypeError: bad thing${stack}`, "bad thing"],
    ["a message alone", "bad thing", "bad thing"],
    ["an Error", new Error("bad thing"), "bad thing"],
    ["an Error that wraps a stack", new Error(`bad thing${stack}`), "bad thing"],
    ["no message at all", { stack }, "The tool failed."],
    [
      "an Error that cannot be read",
      Object.defineProperty({}, "message", { get: throwing, enumerable: true }),
      "[unreadable]",
    ],
  ])("%s", (_, error, message) => {
    expect(frameOf(event("on_tool_error", { input: { a: 1 }, error, extra: 1 })).data).toEqual({
      input: { a: 1 },
      error: message,
    });
  });

  it("has no stack when it is picked either", () => {
    const error = `bad\n\nError: bad${stack}`;
    expect(frameOf(event("on_tool_error", { error }), { fields: { on_tool_error: ["error"] } }).data).toEqual({
      error: "bad",
    });
    const picked = frameOf(event("on_tool_error", { error: { stack } }), {
      fields: { on_tool_error: ["error.stack"] },
    });
    expect(picked.data).toEqual({ error: "The tool failed." });
  });
});

describe("data: picked fields", () => {
  const output = { answer: "42", draft: { text: "x", secret: "y" }, messages: [new AIMessage("hi")] };
  const picked = (paths: string[], data: unknown = { output, input: "in" }): unknown =>
    frameOf(event("on_chain_end", data), { fields: { on_chain_end: paths } }).data;

  it.each<[string, string[], unknown]>([
    ["a path keeps its nesting", ["output.answer"], { output: { answer: "42" } }],
    [
      "several paths grow together",
      ["output.answer", "output.draft.text", "input"],
      { output: { answer: "42", draft: { text: "x" } }, input: "in" },
    ],
    [
      "the shorter of two paths wins",
      ["output.draft.text", "output.draft"],
      { output: { draft: { text: "x", secret: "y" } } },
    ],
    ["messages are marked as such", ["output.messages"], { output: { messages: [{ type: "ai", content: "hi" }] } }],
    ["an index is a key", ["output.messages.0.content"], { output: { messages: { 0: { content: "hi" } } } }],
    ["unknown paths are skipped", ["output.nope", "nope.nope", "input.length", ""], {}],
    ["nothing is inherited", ["output.constructor", "output.__proto__", "__proto__", "output.answer.length"], {}],
    ["no paths, no data", [], {}],
  ])("%s", (_, paths, expected) => {
    expect(picked(paths)).toEqual(expected);
  });

  it("replaces the default of the events it names, and only of those", () => {
    const fields = { on_chat_model_start: ["input"], on_tool_end: ["output"] };
    const data = { input: "in", output: "out" };
    expect(frameOf(event("on_chat_model_start", data), { fields }).data).toEqual({ input: "in" });
    expect(frameOf(event("on_tool_end", data), { fields }).data).toEqual({ output: "out" });
    expect(frameOf(event("on_chain_end", data), { fields }).data).toEqual({});
  });

  it("are the way to a tool's artifact and to what a command writes", () => {
    const artifact = new ToolMessage({ content: "ok", tool_call_id: "c1", artifact: { rows: 2 } });
    const command = new Command({ update: { answer: 42 }, goto: "next" });
    const of = (output: unknown, field: string) =>
      frameOf(event("on_tool_end", { output }), { fields: { on_tool_end: [field] } }).data;
    expect(of(artifact, "output.artifact")).toEqual({ output: { artifact: { rows: 2 } } });
    expect(of(command, "output.update.answer")).toEqual({ output: { update: { answer: 42 } } });
  });

  it("leaves the graph's data as it is, and picks an own __proto__ without harm", () => {
    const data = JSON.parse('{"output":{"a":{"b":1,"c":2},"__proto__":{"d":3}}}');
    const before = JSON.stringify(data);
    const json = serializeGraphEvent(event("on_chain_end", data), {
      fields: { on_chain_end: ["output.a", "output.a.b", "output.__proto__.d"] },
    });
    expect(json).toContain('"data":{"output":{"a":{"b":1,"c":2},"__proto__":{"d":3}}}');
    expect(JSON.stringify(data)).toBe(before);
  });

  it("marks a field that throws", () => {
    const data = { output: Object.defineProperty({ a: 1 }, "b", { get: throwing, enumerable: true }) };
    expect(picked(["output.a", "output.b"], data)).toEqual({ output: { a: 1, b: "[unreadable]" } });
  });
});

describe("messages, documents, commands", () => {
  const call = { name: "search", args: { q: "x" }, id: "c1", type: "tool_call" as const };
  const callChunk = { name: "search", args: '{"q"', id: "c1", index: 0, type: "tool_call_chunk" as const };
  const usage_metadata = { input_tokens: 1, output_tokens: 2, total_tokens: 3 };

  const cases: [string, unknown, unknown][] = [
    ["a chunk of an answer", new AIMessageChunk("tok"), { type: "ai_chunk", content: "tok" }],
    [
      "a chunk with everything",
      new AIMessageChunk({
        content: [{ type: "text", text: "a" }],
        id: "m1",
        tool_call_chunks: [callChunk],
        usage_metadata,
        response_metadata: { model: "gpt" },
        additional_kwargs: { reasoning_content: "hm" },
      }),
      {
        type: "ai_chunk",
        content: [{ type: "text", text: "a" }],
        id: "m1",
        tool_call_chunks: [callChunk],
        usage_metadata,
        response_metadata: { model: "gpt" },
        additional_kwargs: { reasoning_content: "hm" },
      },
    ],
    [
      "a chunk with calls that came whole",
      new AIMessageChunk({ content: "", tool_calls: [call] }),
      { type: "ai_chunk", content: "", tool_calls: [call] },
    ],
    [
      "an answer",
      new AIMessage({ content: "hi", id: "m1", tool_calls: [call], usage_metadata }),
      { type: "ai", content: "hi", id: "m1", tool_calls: [call], usage_metadata },
    ],
    [
      "a person's message",
      new HumanMessage({ content: "hi", name: "Ann" }),
      { type: "human", content: "hi", name: "Ann" },
    ],
    ["a system message, though it has concat", new SystemMessage("be kind"), { type: "system", content: "be kind" }],
    ["another role", new ChatMessage("hi", "critic"), { type: "generic", content: "hi", role: "critic" }],
    ["a removal", new RemoveMessage({ id: "m1" }), { type: "remove", content: [], id: "m1" }],
    [
      "a tool's answer",
      new ToolMessage({
        content: "ok",
        tool_call_id: "c1",
        name: "search",
        status: "success",
        artifact: new Map([["a", 1]]),
      }),
      { type: "tool", content: "ok", name: "search", tool_call_id: "c1", status: "success" },
    ],
    [
      "what went wrong in a tool, without what an error may hold",
      new ToolMessage({
        content: [{ type: "text", text: "ENOENT: open '/srv/app/keys.json' with sk-abcdef123456" }],
        tool_call_id: "c1",
        status: "error",
      }),
      {
        type: "tool",
        content: [{ type: "text", text: "ENOENT: open '<path>' with <key>" }],
        tool_call_id: "c1",
        status: "error",
      },
    ],
    [
      "a chunk of a tool's answer",
      new ToolMessageChunk({ content: "o", tool_call_id: "c1" }),
      { type: "tool_chunk", content: "o", tool_call_id: "c1" },
    ],
    ["a chunk of a person's message", new HumanMessageChunk("h"), { type: "human_chunk", content: "h" }],
    [
      "a document",
      new Document({ pageContent: "text", metadata: { source: "a.md" } }),
      { page_content: "text", metadata: { source: "a.md" } },
    ],
    [
      "somebody's own object with a pageContent",
      { pageContent: "a", metadata: {}, score: 1 },
      { pageContent: "a", metadata: {}, score: 1 },
    ],
    [
      "a command, without the state that it writes or sends",
      new Command({
        update: { messages: [new AIMessage("hi")] },
        goto: [new Send("next", { m: new HumanMessage("q") })],
      }),
      { lg_name: "Command", goto: [{ lg_name: "Send", node: "next" }] },
    ],
  ];
  it.each(cases)("%s", (_, value, expected) => {
    expect(shapeOf(value)).toEqual(expected);
    expect(shapeOf({ deep: [new Map([["in", value]])] })).toEqual({ deep: [{ in: expected }] });
  });

  it("knows messages of other copies of LangChain by their looks", () => {
    class OldMessage {
      lc_kwargs = { content: "old" };
      lc_serializable = true;
      content = "old";
      additional_kwargs = {};
      _getType(): string {
        return "ai";
      }
    }
    class t extends OldMessage {
      static lc_name(): string {
        return "AIMessageChunk";
      }
    }
    expect(shapeOf([new OldMessage(), new t()])).toEqual([
      { type: "ai", content: "old" },
      { type: "ai_chunk", content: "old" },
    ]);
  });
});

describe("bounds", () => {
  it("keeps data within maxBytes and keeps what identifies a long tool answer", () => {
    const output = new ToolMessage({ content: "x".repeat(1_000_000), tool_call_id: "c1" });
    const frame = frameOf(event("on_tool_end", { output, input: { q: 1 } }), { maxBytes: 2_000 });
    expect(Buffer.byteLength(JSON.stringify(frame.data))).toBeLessThanOrEqual(2_000);
    expect(frame.data).toEqual({
      output: { type: "tool", content: expect.stringMatching(/…\[truncated \d+ bytes\]$/), tool_call_id: "c1" },
      input: { q: 1 },
    });
  });

  it("is 256 KiB by default, and bounds what stands around the data too", () => {
    const huge = "x".repeat(1_000_000);
    const json = serializeGraphEvent(
      event("on_custom_event", huge, { name: huge, tags: [huge], metadata: { agent: huge } }),
    );
    expect(json.length).toBeGreaterThan(262_000);
    expect(json.length).toBeLessThan(262_144 + 2 * 16_384 + 100);
  });

  it("never throws, whatever the graph puts into it", () => {
    const anything = fc.anything({
      withBigInt: true,
      withMap: true,
      withSet: true,
      withDate: true,
      withNullPrototype: true,
    });
    const paths = fc.array(fc.string({ maxLength: 8 }), { maxLength: 3 });
    fc.assert(
      fc.property(fc.constantFrom(...GRAPH_EVENT_NAMES), anything, fc.option(paths), (name, value, picked) => {
        const hostile = new Proxy({}, { get: throwing, getOwnPropertyDescriptor: throwing, ownKeys: throwing });
        for (const data of [value, { input: value, output: value, error: value }, hostile]) {
          const odd = event(name, data, { metadata: value as never, tags: value as never });
          const frame = frameOf(odd, picked ? { fields: { [name]: picked } } : {});
          expect(frame).toMatchObject({ event: name, run_id: "r" });
        }
        expect(frameOf(event(name, 1, { metadata: hostile }))).toMatchObject({ event: name });
      }),
    );
  });
});

describe("a real graph, through streamEvents v2", () => {
  const frames: Frame[] = [];
  const of = (name: GraphEventName): Frame[] => frames.filter((frame) => frame.event === name);

  beforeAll(async () => {
    const schema = z.object({ q: z.string() });
    const search = tool(({ q }) => `found ${q}`, { name: "search", schema });
    const broken = tool(() => Promise.reject(new TypeError("bad\nthing")), { name: "broken", schema });
    const model = new FakeStreamingChatModel({ responses: [new AIMessage("hey")] });
    const graph = new StateGraph(MessagesAnnotation)
      .addNode("work", async ({ messages }) => {
        await search.invoke({ id: "c1", name: "search", args: { q: "x" }, type: "tool_call" });
        await broken.invoke({ q: "y" }).catch(() => undefined);
        return { messages: [await model.invoke(messages)] };
      })
      .addEdge(START, "work")
      .compile();
    const events = graph.streamEvents(
      { messages: [new HumanMessage("my secret question")] },
      { version: "v2", configurable: { thread_id: "t1", api_key: "sk-secret" } },
    );
    for await (const real of events) {
      frames.push(frameOf({ ...real, tags: real.tags ?? [] } as GraphEvent, { maxBytes: 10_000 }));
    }
  });

  it("gives tokens", () => {
    const id = expect.stringMatching(/^run-/);
    expect(of("on_chat_model_stream").map((frame) => frame.data)).toEqual(
      ["h", "e", "y"].map((content) => ({ chunk: { type: "ai_chunk", content, id } })),
    );
    expect(of("on_chat_model_stream")[0]?.metadata).toMatchObject({
      thread_id: "t1",
      langgraph_node: "work",
      ls_model_type: "chat",
    });
    expect(of("on_chat_model_end")[0]?.data).toEqual({ output: { type: "ai_chunk", content: "hey", id } });
  });

  it("gives tools, their answers and their errors", () => {
    expect(of("on_tool_start").map((frame) => frame.data)).toEqual([{ input: { q: "x" } }, { input: { q: "y" } }]);
    expect(of("on_tool_end")[0]?.data).toMatchObject({
      input: { q: "x" },
      output: { type: "tool", content: "found x", tool_call_id: "c1", name: "search" },
    });
    expect(of("on_tool_error")[0]?.data).toEqual({ input: { q: "y" }, error: "bad\nthing" });
  });

  it("reveals nothing of the prompt, the state, the configuration or the machine", () => {
    expect(of("on_chain_end").length).toBeGreaterThan(1);
    for (const frame of [
      ...of("on_chain_start"),
      ...of("on_chain_stream"),
      ...of("on_chain_end"),
      ...of("on_chat_model_start"),
    ]) {
      expect(frame.data).toEqual({});
    }
    expect(JSON.stringify(frames)).not.toMatch(/secret|api_key|\.[jt]s:\d| {4}at /);
  });
});
