/** Graph events without a matching AG-UI event, and messages in custom events of a graph. */

import { Document } from "@langchain/core/documents";
import { HumanMessage } from "@langchain/core/messages";
import { ChatPromptTemplate } from "@langchain/core/prompts";
import { expect, it } from "vitest";
import { EventType } from "../../src/protocol/events.ts";
import type { GraphEventName } from "../../src/protocol/graph-event.ts";
import { ai, custom, event, token, translate } from "./events.ts";

const thinking = ai("a", "Hi", { additional_kwargs: { reasoning_content: "secret" } });
const of = (name: GraphEventName, data: unknown, options = {}) =>
  translate([event(name, "1", data, { name: "N", node: "n" })], options).slice(1, -1);

it("a prompt never leaves", async () => {
  const output = await ChatPromptTemplate.fromMessages([["system", "the prompt"]]).invoke({});
  for (const name of ["on_prompt_start", "on_prompt_end"] as const) {
    const value = { name: "N", data: {} };
    expect(of(name, { input: { q: "the prompt" }, output })).toEqual([{ type: EventType.CUSTOM, name, value }]);
  }
});

it("documents and messages have their plain shape", () => {
  const output = [new Document({ pageContent: "text", metadata: { source: "a.md" } })];
  const documents = [{ page_content: "text", metadata: { source: "a.md" } }];
  expect(of("on_retriever_end", { output })).toMatchObject([{ value: { data: { output: documents } } }]);
  const messages = { asked: [new HumanMessage("hi")] };
  expect(translate([custom("progress", messages)])).toContainEqual(
    expect.objectContaining({ name: "progress", value: { asked: [{ type: "human", content: "hi" }] } }),
  );
});

it("no reasoning leaves where none may be sent: a parser's data is all that a model said", () => {
  expect(of("on_parser_start", { input: thinking })).toMatchObject([{ value: { data: { input: { content: "Hi" } } } }]);
  const quiet = [{ reasoning: false }, { nodes: { n: { reasoning: false } } }, { nodes: { n: { messages: false } } }];
  for (const options of quiet) {
    expect(of("on_parser_start", { input: thinking }, options)).toMatchObject([{ value: { data: {} } }]);
  }
  expect(of("on_parser_stream", { chunk: "H" }, { tokens: false })).toEqual([]);
  const value = translate([custom("progress", thinking)], { reasoning: false });
  expect(JSON.stringify(value)).toContain("Hi");
  expect(JSON.stringify(value)).not.toContain("secret");
});

it("counts the usage of a hundred thousand chunks without copying what it has counted", () => {
  const usage_metadata = { input_tokens: 0, output_tokens: 1, total_tokens: 1 };
  const chunk = token("a", { content: "", usage_metadata });
  const started = performance.now();
  const end = translate(new Array(100_000).fill(chunk)).at(-1);
  expect(end).toMatchObject({ usage: [{ outputTokens: 100_000 }] });
  expect(performance.now() - started).toBeLessThan(4_000);
});
