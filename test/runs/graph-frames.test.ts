/** The `langgraph` format under the rules of a run, an agent and its nodes. */

import { AIMessageChunk } from "@langchain/core/messages";
import { describe, expect, it } from "vitest";
import type { GraphEvent } from "../../src/protocol/graph-event.ts";
import { GraphFrames, type GraphFramesOptions } from "../../src/runs/graph-frames.ts";
import { ai, event, modelEnd, nodeEnd, thought, token, toolEnd, update } from "../translate/events.ts";

const ALL: GraphFramesOptions = { tokens: true, reasoning: true, nodes: {}, reasoningTags: ["think"], fields: {} };

function frames(events: readonly GraphEvent[], options: Partial<GraphFramesOptions>): string[] {
  const sent = new GraphFrames({ ...ALL, ...options });
  return events.flatMap((event) => sent.of(event) ?? []);
}

function contents(events: readonly GraphEvent[], options: Partial<GraphFramesOptions>): unknown[] {
  return frames(events, options).map((frame) => {
    const { chunk, output } = JSON.parse(frame).data;
    return (chunk ?? output).content;
  });
}

const QUIET = [{ reasoning: false }, { nodes: { n: { reasoning: false } } }];
const place = { node: "n" };

describe.each(QUIET)("no reasoning leaves with %j", (options) => {
  it("from beside the text, from its blocks, and from what its provider adds", () => {
    const blocks = [
      { type: "reasoning", reasoning: "secret" },
      { type: "thinking", thinking: "secret", signature: "secret" },
      { type: "redacted_thinking", data: "secret" },
      { type: "text", text: "<think>secret</think>Hi" },
    ];
    const additional_kwargs = { reasoning: { summary: ["secret"] }, reasoning_details: "secret", refusal: "no" };
    const response_metadata = { model_name: "gpt", output: [{ type: "reasoning", summary: "secret" }] };
    const sent = frames(
      [
        thought("a", "secret", place),
        token("b", { content: blocks, additional_kwargs }, place),
        modelEnd("b", { content: blocks, response_metadata }, place),
        event("on_custom_event", "c", { said: ai("x", "Hi", { additional_kwargs }) }, place),
        toolEnd("d", "agent", [ai("x", "<think>secret</think>", { additional_kwargs })], place),
        event("on_parser_end", "e", { input: ai("x", "<think>secret</think>"), output: "secret" }, place),
        event("on_llm_stream", "f", { chunk: { text: "<think>secret</think>Hi", generationInfo: {} } }, place),
        event("on_llm_end", "f", { output: { generations: [[{ text: "<think>secret", generationInfo: {} }]] } }, place),
        nodeEnd("n", { output: update(ai("x", "<think>secret</think>Hi", { additional_kwargs })) }),
      ],
      { ...options, fields: { on_chain_end: ["output.messages"] } },
    );
    expect(sent).toHaveLength(9);
    expect(sent.join("\n")).not.toContain("secret");
    expect(sent[1]).toContain('"content":[{"type":"text","text":"Hi"}]');
    expect(sent[1]).toContain('"additional_kwargs":{"refusal":"no"}');
    expect(sent[2]).toContain('"response_metadata":{"model_name":"gpt"}');
    expect(sent[6]).toContain('"chunk":{"text":"Hi"}');
  });

  it("from between tags, however they are cut, in runs that interleave", () => {
    const pieces = ["<th", "ink>sec", "ret</th", "ink>H", "i <", "b>"];
    const events = pieces.flatMap((text) => [token("a", text, place), token("b", text, place)]);
    const said = ["", "", "", "H", "i ", "<b>"];
    expect(contents(events, options)).toEqual(said.flatMap((text) => [text, text]));
    const whole = modelEnd("a", "<think>secret</think>Hi", place);
    expect(contents([...events, whole], options).at(-1)).toBe("Hi");
  });

  it("to one who comes in the middle of a thought", () => {
    const sent = new GraphFrames({ ...ALL, ...options });
    sent.missed(token("a", "<think>", place));
    expect(sent.of(token("a", "secret", place))).not.toContain("secret");
    expect(sent.of(token("b", "Hi", place))).toContain("Hi");
    expect(sent.of(modelEnd("a", "<think>secret</think>Hi", place))).toContain('"content":"Hi"');
  });

  it("while what others said stays as it is", () => {
    const chunk = new AIMessageChunk({ content: "", tool_call_chunks: [{ index: 0, name: "look", args: "<think>" }] });
    const [call] = frames([event("on_chat_model_stream", "a", { chunk }, place)], options);
    expect(call).toContain('"args":"<think>"');
  });
});

it("reasoning is there where nobody says otherwise", () => {
  const other = { nodes: { other: { reasoning: false } } };
  expect(frames([thought("a", "hm", place)], other).join()).toContain('"reasoning_content":"hm"');
  expect(contents([token("a", "<think>hm</think>", place)], other)).toEqual(["<think>hm</think>"]);
});

it.each([{ tokens: false }, { nodes: { n: { tokens: false } } }])("no token leaves with %j", (options) => {
  const events = [token("a", "Hi", place), event("on_llm_stream", "b", { chunk: { text: "Hi" } }, place)];
  const parsed = event("on_parser_stream", "c", { chunk: "Hi" }, place);
  expect(contents([...events, parsed, modelEnd("a", "Hi", place)], options)).toEqual(["Hi"]);
});

it("a node whose messages do not leave shows no data in which they could be", () => {
  const events = [
    event("on_parser_end", "p", { output: "secret" }, place),
    nodeEnd("n", { output: update(ai("x", "secret")) }),
  ];
  const sent = frames(events, { nodes: { n: { messages: false } }, fields: { on_chain_end: ["output"] } });
  expect(sent).toHaveLength(2);
  expect(sent.join("\n")).not.toContain("secret");
});
