/** Models whose output exceeds the bounds of an agent, a run or an event. */

import { dispatchCustomEvent } from "@langchain/core/callbacks/dispatch";
import type { CallbackManagerForLLMRun } from "@langchain/core/callbacks/manager";
import { AIMessage, AIMessageChunk } from "@langchain/core/messages";
import { ChatGenerationChunk } from "@langchain/core/outputs";
import { tool } from "@langchain/core/tools";
import { END, MessagesAnnotation, START, StateGraph } from "@langchain/langgraph";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { startSluice, type TestSluice } from "../../support/sluice.ts";
import { postRun, userInput } from "../../support/sse-client.ts";
import { chatGraph, SteppedModel } from "../../support/stepped-model.ts";
import { verifyRun } from "../../support/verify.ts";

const PIECE = "x".repeat(1_000);
const PIECES = 4_000;

/** Writes one argument of four megabytes, a thousand characters at a time. */
class WritingModel extends SteppedModel {
  pieces = 0;

  override async *_streamResponseChunks(
    _messages: unknown,
    { signal }: this["ParsedCallOptions"],
    manager?: CallbackManagerForLLMRun,
  ): AsyncGenerator<ChatGenerationChunk> {
    for (let index = 0; index < PIECES; index += 1) {
      signal?.throwIfAborted();
      const [id, name] = index === 0 ? ["c", "write"] : [undefined, undefined];
      const args = `${index === 0 ? '{"text":"' : ""}${PIECE}`;
      const tool_call_chunks = [{ type: "tool_call_chunk" as const, index: 0, id, name, args }];
      const chunk = new ChatGenerationChunk({
        text: "",
        message: new AIMessageChunk({ content: "", tool_call_chunks }),
      });
      this.pieces += 1;
      yield chunk;
      await manager?.handleLLMNewToken("", undefined, undefined, undefined, undefined, { chunk });
    }
  }
}

const models = { usual: new WritingModel(), narrow: new WritingModel() };
/** Calls a model again and again: each call is small. */
function loop(model: SteppedModel) {
  return new StateGraph(MessagesAnnotation)
    .addNode("chat", async ({ messages }) => {
      for (;;) await model.invoke(messages);
    })
    .addEdge(START, "chat")
    .addEdge("chat", END)
    .compile();
}

/** Asks for a tool whose arguments have 600 bytes and more, each time it is called. */
class CallingModel extends SteppedModel {
  override async *_streamResponseChunks(...args: Parameters<SteppedModel["_streamResponseChunks"]>) {
    const call = new SteppedModel().call("write", { text: "x".repeat(600) }, `c${this.prompts.length}`).end();
    this.prompts.push([]);
    yield* call._streamResponseChunks(...args);
  }
}

/** A model that streams only one chunk; the usage with it reports 40 tokens. */
class SilentModel extends SteppedModel {
  override async *_streamResponseChunks(): AsyncGenerator<ChatGenerationChunk> {
    const usage_metadata = { input_tokens: 1, output_tokens: 40, total_tokens: 41 };
    yield new ChatGenerationChunk({ text: "x", message: new AIMessageChunk({ content: "x", usage_metadata }) });
  }
}

let sluice: TestSluice;
beforeAll(async () => {
  sluice = await startSluice({
    usual: { graph: chatGraph(models.usual) },
    narrow: { graph: chatGraph(models.narrow), entry: { maxToolArgumentBytes: 10_000 } },
  });
});
afterAll(() => sluice.close());

describe.each(["streamEvents", "direct"])("one run, however many model calls it makes, read through %s,", (source) => {
  let bounded: TestSluice;
  beforeAll(async () => {
    bounded = await startSluice(
      {
        talking: { graph: loop(new SteppedModel({ always: ["a", "b", "c"] })) },
        hidden: {
          graph: loop(new SteppedModel({ always: ["a", "b", "c"] })),
          entry: { filter: { nodes: { exclude: ["chat"] } } },
        },
        silent: { graph: loop(new SilentModel()) },
        calling: { graph: loop(new CallingModel()) },
      },
      {
        STREAM_SOURCE: source,
        MAX_RUN_TOKENS: "100",
        MAX_RUN_ARGUMENT_BYTES: "10000",
        METRICS_TOKEN: "metrics-token-of-this-test",
      },
    );
  });
  afterAll(() => bounded.close());

  it.each([
    ["talking", "100 tokens: MAX_RUN_TOKENS"],
    ["hidden", "100 tokens: MAX_RUN_TOKENS"],
    ["silent", "100 tokens: MAX_RUN_TOKENS"],
    ["calling", "10000 bytes of tool-call arguments: MAX_RUN_ARGUMENT_BYTES"],
  ])("fails when it is %s beyond its bound", async (agent, message) => {
    const events = await (await postRun(bounded.url, userInput("go"), `/agui/agent/${agent}/run`)).done;
    await verifyRun(events);
    const last = { type: "RUN_ERROR", code: "model_error", message: expect.stringContaining(message) };
    expect(events.at(-1)).toMatchObject(last);
    const said = events.filter(({ type }) => type === "TEXT_MESSAGE_CONTENT").length;
    expect(said).toBeLessThanOrEqual(101);
  });

  it("is counted", async () => {
    const headers = { Authorization: "Bearer metrics-token-of-this-test" };
    const metrics = await (await fetch(`${bounded.url}/metrics`, { headers })).text();
    const reached = metrics.match(/^sluice_limits_hit_total\{.*$/gm);
    expect(reached?.sort()).toEqual([
      'sluice_limits_hit_total{limit="MAX_RUN_ARGUMENT_BYTES"} 1',
      'sluice_limits_hit_total{limit="MAX_RUN_TOKENS"} 3',
    ]);
  });
});

it.each([
  ["streamEvents", "0"],
  ["direct", "0"],
  ["streamEvents", "20"],
  ["direct", "20"],
])(
  "through %s and with COALESCE_MS=%s, text that a model says at once is sent in events of MAX_EVENT_BYTES, whole characters each, and larger values are cut",
  async (source, coalesce) => {
    const text = 'a"\u0007é😀'.repeat(2_000);
    const say = new StateGraph(MessagesAnnotation)
      .addNode("chat", async () => {
        await dispatchCustomEvent("large", { text });
        return { messages: new AIMessage(text) };
      })
      .addEdge(START, "chat")
      .addEdge("chat", END)
      .compile();
    const small = await startSluice(
      { say: { graph: say } },
      {
        MAX_EVENT_BYTES: "4096",
        STREAM_SOURCE: source,
        COALESCE_MS: coalesce,
      },
    );
    const events = await (await postRun(small.url, userInput("go"))).done;
    await small.close();
    await verifyRun(events);
    const deltas = events.flatMap((event) => (event.type === "TEXT_MESSAGE_CONTENT" ? [event.delta] : []));
    expect(deltas.join("")).toBe(text);
    expect(deltas.length).toBeGreaterThan(1);
    for (const delta of deltas) {
      expect(Buffer.byteLength(JSON.stringify(delta))).toBeLessThanOrEqual(4_096);
      expect(delta.isWellFormed()).toBe(true);
    }
    const custom = events.find((event) => event.type === "CUSTOM" && event.name === "large");
    expect(JSON.stringify(custom)).toContain("[truncated");
    expect(Buffer.byteLength(JSON.stringify(custom))).toBeLessThan(4_500);
  },
);

it.each([
  ["usual", 262_144],
  ["narrow", 10_000],
] as const)("fails the run of the %s agent after %d bytes, and stops the model", async (agent, bytes) => {
  const { done } = await postRun(sluice.url, userInput("write"), `/agui/agent/${agent}/run`);
  const events = await done;
  await verifyRun(events);
  expect(events.at(-1)).toMatchObject({
    type: "RUN_ERROR",
    code: "model_error",
    message: expect.stringContaining(`${bytes} bytes of tool-call arguments: maxToolArgumentBytes`),
  });
  expect(models[agent].pieces).toBeLessThanOrEqual(bytes / 1_000 + 3);
});

describe("a tool that", () => {
  const LARGE = 50_000_000;
  const large = tool(() => "x".repeat(LARGE), { name: "large", description: "Gives 50 MB.", schema: z.object({}) });
  let signals: AbortSignal[] = [];
  const endless = tool(
    (_, { signal }: { signal?: AbortSignal }) => {
      if (signal) signals.push(signal);
      return new Promise<string>(() => {});
    },
    { name: "endless", description: "Never ends.", schema: z.object({}) },
  );
  const calling = (called: typeof large | typeof endless) =>
    new StateGraph(MessagesAnnotation)
      .addNode("call", async (_, config) => {
        const id = `call-${called.name}`;
        const call = { type: "tool_call" as const, id, name: called.name, args: {} };
        const result = await called.invoke(call, config);
        return { messages: [new AIMessage({ content: "", tool_calls: [call] }), result] };
      })
      .addEdge(START, "call")
      .addEdge("call", END)
      .compile();
  let tools: TestSluice;
  beforeAll(async () => {
    signals = [];
    tools = await startSluice({
      large: { graph: calling(large) },
      endless: { graph: calling(endless), entry: { deadlines: { totalSeconds: 0.5 } } },
    });
  });
  afterAll(() => tools.close());

  it("gives 50 MB: clients get an event of bounded size, which says what is missing", async () => {
    const events = await (await postRun(tools.url, userInput("go"), "/agui/agent/large/run")).done;
    await verifyRun(events);
    const [result] = events.filter(({ type }) => type === "TOOL_CALL_RESULT");
    expect(JSON.stringify(result)).toContain("[truncated");
    for (const event of events) expect(Buffer.byteLength(JSON.stringify(event))).toBeLessThan(1_100_000);
    expect(events.at(-1)).toMatchObject({ type: "RUN_FINISHED" });
  });

  it("never ends: the run does, with the total deadline, and the tool's signal aborts", async () => {
    const events = await (await postRun(tools.url, userInput("go"), "/agui/agent/endless/run")).done;
    await verifyRun(events);
    expect(events.at(-1)).toMatchObject({ type: "RUN_ERROR", code: "timeout_total" });
    expect(signals.map(({ aborted }) => aborted)).toEqual([true]);
    await expect.poll(() => tools.runs.activeCount).toBe(0);
  });
});
