import { describe, expect, it } from "vitest";
import { SluiceError } from "../../src/protocol/errors.ts";
import { type AguiEvent, EventType } from "../../src/protocol/events.ts";
import { toInterrupt } from "../../src/translate/interrupts.ts";
import type { RunEnd } from "../../src/translate/translator.ts";
import { verifyRun } from "../support/verify.ts";
import {
  callPiece,
  custom,
  DONE,
  event,
  linesOf,
  modelEnd,
  nodeStart,
  said,
  terminalOf,
  thought,
  token,
  translate,
} from "./events.ts";

const INTERRUPT = { id: "i1", reason: "input_required", message: "Go on?" };

describe("a run", () => {
  it("begins with its ids, the protocol, and the messages that came with it", () => {
    const fresh = [{ id: "u1", role: "user" as const, content: "hi" }];
    expect(translate([], { fresh })[0]).toEqual({
      type: EventType.RUN_STARTED,
      threadId: "t",
      runId: "r",
      protocolVersion: "1.0",
      input: { threadId: "t", runId: "r", messages: fresh, tools: [], context: [] },
    });
  });

  it.each<[string, RunEnd, AguiEvent]>([
    ["done", DONE, { type: EventType.RUN_FINISHED, threadId: "t", runId: "r" }],
    [
      "cancelled",
      { kind: "cancelled" },
      { type: EventType.RUN_FINISHED, threadId: "t", runId: "r", outcome: { type: "cancelled" } },
    ],
    [
      "interrupted",
      { kind: "interrupted", interrupts: [INTERRUPT] },
      {
        type: EventType.RUN_FINISHED,
        threadId: "t",
        runId: "r",
        outcome: { type: "interrupt", interrupts: [INTERRUPT] },
      },
    ],
    [
      "failed",
      { kind: "failed", error: new SluiceError("model_error", "The model call failed: 401") },
      {
        type: EventType.RUN_ERROR,
        code: "model_error",
        message: "The model call failed: 401",
        metadata: { retryable: true },
      },
    ],
  ])("that is %s ends with one terminal event, whatever was open", async (_, end, terminal) => {
    const open = [
      nodeStart("a"),
      nodeStart("a/b"),
      token("x", "Hi"),
      callPiece("x", { id: "c", name: "add", args: "{" }),
      thought("y", "hm"),
      token("z", { tool_call_chunks: [{ type: "tool_call_chunk", index: 0, name: "sub" }] }),
    ];
    for (const tokens of [true, false]) {
      const events = translate(open, { end, tokens });
      expect(events.at(-1)).toEqual(terminal);
      await verifyRun(events);
    }
    await verifyRun(translate([], { end }));
  });

  it("ends once", async () => {
    const { createTranslator } = await import("../../src/translate/create-translator.ts");
    const options = { threadId: "t", runId: "r", history: [], tokens: true, reasoning: true };
    const translator = createTranslator({
      ...options,
      ownFrom: 0,
      drafts: {},
      followsState: false,
      reasoningTags: [],
      nodes: {},
      stateKeys: [],
      frontendTools: new Set(),
    });
    translator.start([], false);
    expect(translator.finish(DONE)).toHaveLength(1);
    expect(translator.finish({ kind: "cancelled" })).toEqual([]);
  });

  it("says why its last model call stopped", () => {
    const events = [
      ...said("a", ["x"]).map((sent) =>
        sent.event === "on_chat_model_end" ? { ...sent, finishReason: "tool_calls" } : sent,
      ),
      token("b", "y"),
      modelEnd("b", "y", { finishReason: "length" }),
    ];
    expect(terminalOf(events)).toMatchObject({ metadata: { finishReason: "length" } });
  });
});

describe("usage", () => {
  const usage = (input_tokens: number, output_tokens: number) => ({
    usage_metadata: { input_tokens, output_tokens, total_tokens: input_tokens + output_tokens },
  });
  const gpt = { metadata: { ls_provider: "openai", ls_model_name: "gpt" } };

  it("is summed by provider and model", () => {
    const events = [
      token("a", usage(10, 2), gpt),
      modelEnd("a", usage(10, 2), gpt),
      modelEnd("b", usage(5, 1), gpt),
      modelEnd("c", usage(7, 7), { metadata: { ls_provider: "x", ls_model_name: "y" } }),
    ];
    expect(terminalOf(events)).toMatchObject({
      usage: [
        { provider: "openai", model: "gpt", inputTokens: 15, outputTokens: 3, totalTokens: 18 },
        { provider: "x", model: "y", inputTokens: 7, outputTokens: 7, totalTokens: 14 },
      ],
    });
  });

  it("of a call's chunks adds up, and its whole message does not count again", () => {
    const events = [token("a", usage(10, 0)), token("a", usage(0, 3)), modelEnd("a", usage(10, 3))];
    expect(terminalOf(events)).toMatchObject({ usage: [{ inputTokens: 10, outputTokens: 3 }] });
  });

  it("is reported of failed runs too, and not at all when no model reported any", () => {
    const end: RunEnd = { kind: "failed", error: new SluiceError("graph_error") };
    expect(terminalOf([token("a", usage(1, 1))], { end })).toMatchObject({ usage: [{ inputTokens: 1 }] });
    expect(terminalOf(said("a", ["x"]))).not.toHaveProperty("usage");
  });
});

describe("a custom event", () => {
  it("leaves with its name and value", () => {
    expect(linesOf([custom("progress", { done: 3 })])).toEqual(['CUSTOM progress {"done":3}']);
  });

  it("always has a value that is JSON", async () => {
    const loop: Record<string, unknown> = {};
    loop.self = loop;
    const values = [undefined, null, 10n, Number.NaN, () => 1, Symbol("s"), new Map([[1, 2]]), new Error("no"), loop];
    const events = translate(values.map((value) => custom("odd", value)));
    expect(events).toHaveLength(values.length + 2);
    for (const event of events.slice(1, -1)) expect(event).toHaveProperty("value");
    await verifyRun(JSON.parse(JSON.stringify(events)) as AguiEvent[]);
  });
});

it("what has no place of its own in AG-UI is a custom event with the graph event's name", () => {
  expect(linesOf([event("on_retriever_end", "q", { output: ["a"] }, { name: "docs" })])).toEqual([
    'CUSTOM on_retriever_end {"name":"docs","data":{"output":["a"]}}',
  ]);
});

it("prompts and state updates do not leave", () => {
  const secret = { input: { messages: ["the secret prompt"] } };
  const events = [
    event("on_chat_model_start", "a", secret),
    event("on_llm_start", "b", secret),
    event("on_chain_stream", "root", { chunk: secret }),
    event("on_chain_start", "root", secret),
    event("on_chain_end", "root", { output: secret }),
  ];
  expect(linesOf(events)).toEqual([]);
});

describe("an interrupt", () => {
  it.each<[string, unknown, object]>([
    ["text", "Go on?", { reason: "input_required", message: "Go on?", metadata: { value: "Go on?" } }],
    ["a question", { question: "Go on?" }, { message: "Go on?", metadata: { value: { question: "Go on?" } } }],
    ["a prompt", { prompt: "Go on?" }, { message: "Go on?" }],
    ["a reason", { reason: "approval", message: "Buy?" }, { reason: "approval", message: "Buy?" }],
    ["a tool call", { message: "Run it?", toolCallId: "c1" }, { toolCallId: "c1" }],
    ["a schema", { message: "?", response_schema: { type: "boolean" } }, { responseSchema: { type: "boolean" } }],
    ["nothing", undefined, { reason: "input_required", metadata: { value: null } }],
    ["what JSON cannot hold", { n: 1n }, { metadata: { value: { n: "1" } } }],
  ])("with %s", async (_, value, interrupt) => {
    const sent = toInterrupt({ id: "i1", value });
    expect(sent).toMatchObject({ id: "i1", ...interrupt });
    expect(Object.values(sent)).not.toContain(undefined);
    await verifyRun(translate([], { end: { kind: "interrupted", interrupts: [sent] } }));
  });
});
