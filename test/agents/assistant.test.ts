import { type BaseMessage, HumanMessage, ToolMessage } from "@langchain/core/messages";
import { FakeListChatModel } from "@langchain/core/utils/testing";
import { Command } from "@langchain/langgraph";
import { describe, expect, it } from "vitest";
import { assistant } from "../../src/agents/assistant.ts";
import { demoAssistant, take } from "./turn.ts";

describe("the assistant, with the demo model", () => {
  it("streams its answer token by token", async () => {
    const turn = await take(demoAssistant(), "hello");
    const [chunks = []] = turn.messages;
    expect(chunks.length).toBeGreaterThan(10);
    expect(chunks.filter((chunk) => chunk.text !== "").length).toBe(chunks.length - 1);
    expect(turn.answer).toMatch(/^I am the demo model.*OPENAI_API_KEY or OPENAI_BASE_URL in \.env/s);
    expect(new Set(chunks.map((chunk) => chunk.id)).size).toBe(1);
  });

  it("streams a tool call's arguments in pieces that make up valid JSON", async () => {
    const turn = await take(demoAssistant(), "what is 12 * 7?");
    const pieces = (turn.messages[0] ?? []).flatMap((chunk) => chunk.tool_call_chunks ?? []);
    expect(pieces[0]).toMatchObject({ name: "calculator", id: expect.any(String), index: 0, args: "" });
    expect(pieces.length).toBeGreaterThan(3);
    expect(pieces.slice(1).every((piece) => piece.name === undefined && piece.id === undefined)).toBe(true);
    expect(JSON.parse(pieces.map((piece) => piece.args).join(""))).toEqual({ expression: "12 * 7" });
    expect(turn.answer).toBe("12 * 7 = 84\n\n(demo model)");
  });

  it("calls two tools in one message for two requests in one sentence", async () => {
    const turn = await take(demoAssistant(), "what is 2+2 and what time is it in Paris?");
    expect(turn.wholes[0]?.tool_calls).toMatchObject([
      { name: "calculator", args: { expression: "2+2" } },
      { name: "current_time", args: { place: "Paris" } },
    ]);
    expect(new Set(turn.wholes[0]?.tool_calls?.map(({ id }) => id)).size).toBe(2);
    expect(turn.messages).toHaveLength(2);
    expect(turn.answer).toMatch(/^2\+2 = 4\n\nIt is .* \(Europe\/Paris, /);
  });

  it.each([
    ["convert 5 km to miles", "convert_units", /^5 km = 3\.106855961 miles\./],
    ["How far is 5 km in miles?", "convert_units", /^5 km = 3\.106855961 miles\./],
    ["what time is it in Tokyo?", "current_time", /^It is .* \(Asia\/Tokyo, UTC\+09:00\)/],
    ["15% of 80", "calculator", / = 12\n/],
    ["how do I resume a run?", "search_docs", /^GUIDE\.md says under “Resuming a run”:\n\nOpen the socket again/],
    ["tell me about the allow-list", "search_docs", /^GUIDE\.md says under “The allow-list”:\n\nIt decides/],
    ["What happens on an error?", "search_docs", /^No section .* matches/],
    ["please use a tool", "calculator", /^6 \* 7 = 42/],
  ])("answers %j with %s", async (message, tool, answer) => {
    const turn = await take(demoAssistant(), message);
    expect(turn.named("on_tool_start").map(({ name }) => name)).toEqual([tool]);
    expect(turn.answer).toMatch(answer);
  });

  it("takes messages that come while it answers", async () => {
    // Before and after each call of the model, but not after one that calls a tool.
    const sent = [[], [new HumanMessage("what is 2+2?")], [], [new HumanMessage("hello")], [], []];
    const configurable = { thread_id: "t", sluice: { takeInjected: async () => sent.shift() ?? [] } };
    const input = { messages: [new HumanMessage("what is 12 * 7?")] };
    const { messages } = await demoAssistant().invoke(input, { configurable });
    const said = messages.filter(({ type, text }) => type !== "tool" && text !== "");
    expect(said.map(({ type }) => type)).toEqual(["human", "human", "ai", "human", "ai"]);
    expect(said[2]?.text).toContain("2+2 = 4");
    expect(sent).toEqual([]);
  });

  it("says what failed when a tool fails, and what came of the other", async () => {
    const turn = await take(demoAssistant(), "what time is it in Atlantis and what is 2+2?");
    expect(turn.named("on_tool_error")).toHaveLength(1);
    expect(turn.answer).toContain('The tool `current_time` failed: Unknown time zone or city "Atlantis".');
    expect(turn.answer).not.toContain("fix your mistakes");
    expect(turn.answer).toContain("2+2 = 4");
  });

  it("streams reasoning before it calls a tool, and reports what it cost", async () => {
    const turn = await take(demoAssistant(), "think and use a tool");
    const [chunks = []] = turn.messages;
    const kinds = chunks.map((chunk) =>
      chunk.additional_kwargs.reasoning_content ? "reasoning" : chunk.tool_call_chunks?.length ? "call" : "end",
    );
    expect([...new Set(kinds)]).toEqual(["reasoning", "call", "end"]);
    expect(kinds).toEqual([...kinds].sort((a, b) => kinds.indexOf(a) - kinds.indexOf(b)));
    const reasoned = kinds.filter((kind) => kind === "reasoning").length;
    expect(reasoned).toBeGreaterThan(5);

    const whole = turn.wholes[0];
    expect(whole?.additional_kwargs.reasoning_content).toContain('{"name":"calculator","args":{"expression":"6 * 7"}}');
    expect(whole?.usage_metadata).toMatchObject({
      input_tokens: expect.any(Number),
      output_tokens: chunks.length - 1,
      total_tokens: (whole?.usage_metadata?.input_tokens ?? 0) + chunks.length - 1,
      output_token_details: { reasoning: reasoned },
    });
    expect(whole?.usage_metadata?.input_tokens).toBeGreaterThan(5);
    expect(whole?.response_metadata).toMatchObject({ finish_reason: "tool_calls", model_name: "demo" });
    expect(turn.wholes[1]?.response_metadata).toMatchObject({ finish_reason: "stop" });
    expect(turn.wholes[1]?.additional_kwargs.reasoning_content).toBeUndefined();
  });

  it("interrupts, and goes on with the answer it is resumed with", async () => {
    const graph = demoAssistant();
    const asked = await take(graph, "interrupt and what is 3*3?");
    const interrupts = asked.named("on_chain_stream").flatMap(({ data }) => data.chunk?.__interrupt__ ?? []);
    expect(interrupts).toMatchObject([{ value: { question: expect.any(String), message: expect.any(String) } }]);
    expect(asked.wholes.flatMap((whole) => whole.tool_calls?.map(({ name }) => name))).toEqual(["ask_human"]);

    const resumed = await take(graph, new Command({ resume: "carry on" }));
    expect(resumed.answer).toBe(
      "You answered “carry on”. Thank you, the run goes on from there.\n\n3*3 = 9\n\n(demo model)",
    );
  });

  it("hands a structured answer to the model as JSON", async () => {
    const graph = demoAssistant();
    await take(graph, "interrupt");
    expect((await take(graph, new Command({ resume: { approved: true } }))).answer).toContain('“{"approved":true}”');
  });

  it("keeps its prompt out of the state, and each turn to itself", async () => {
    const graph = demoAssistant();
    await take(graph, "what is 1+1?");
    const second = await take(graph, "what is 2+3?");
    expect(second.answer).toBe("2+3 = 5\n\n(demo model)");

    const { messages }: { messages: BaseMessage[] } = (await graph.getState({ configurable: { thread_id: "t" } }))
      .values;
    expect(messages.map(({ type }) => type)).toEqual(["human", "ai", "tool", "ai", "human", "ai", "tool", "ai"]);
    expect(new Set(messages.map(({ id }) => id)).size).toBe(messages.length);
    // The streamed and the stored messages are the same.
    expect(messages.filter((message) => ToolMessage.isInstance(message))[1]?.tool_call_id).toBe(
      second.wholes[0]?.tool_calls?.[0]?.id,
    );
    expect(messages.at(-1)?.id).toBe(second.wholes[1]?.id);
  });

  it("refuses a model that cannot bind tools", () => {
    const model = new FakeListChatModel({ responses: [] });
    Object.assign(model, { bindTools: undefined });
    expect(() => assistant({ model })).toThrow(/cannot bind tools/);
  });
});
