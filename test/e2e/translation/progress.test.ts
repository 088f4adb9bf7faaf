/** `sluice.progress` over the wire: its numbers for a real model call, and the connections that receive it. */
import { randomUUID } from "node:crypto";
import { MessagesAnnotation, START, StateGraph } from "@langchain/langgraph";
import { ChatOpenAI } from "@langchain/openai";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type AguiEvent, EventType } from "../../../src/protocol/events.ts";
import { startSluice, type TestSluice } from "../../support/sluice.ts";
import { userInput } from "../../support/sse-client.ts";
import { dataOf, eventsOf, openSse, watchSse } from "../../support/sse-frames.ts";
import { verifyRun } from "../../support/verify.ts";
import { connect, isType } from "../../support/ws-client.ts";
import { completion, type OpenAIEndpoint, openaiEndpoint } from "./openai-endpoint.ts";
import { ofType, turn } from "./turns.ts";

let endpoint: OpenAIEndpoint;
let sluice: TestSluice;

beforeAll(async () => {
  endpoint = await openaiEndpoint();
  const model = new ChatOpenAI({
    model: "mock",
    apiKey: "none",
    maxTokens: 50,
    streaming: true,
    configuration: { baseURL: endpoint.baseUrl },
  });
  const graph = new StateGraph(MessagesAnnotation)
    .addNode("first", async ({ messages }) => ({ messages: await model.invoke(messages) }))
    .addNode("second", async ({ messages }) => ({ messages: await model.invoke(messages) }))
    .addEdge(START, "first")
    .addEdge("first", "second")
    .compile();
  const silent = new StateGraph(MessagesAnnotation)
    .addNode("none", () => ({}))
    .addEdge(START, "none")
    .compile();
  sluice = await startSluice({
    plain: { graph },
    silent: { graph: silent },
    reporting: { graph, entry: { progress: 0.1 } },
  });
});
afterAll(async () => {
  await sluice.close();
  await endpoint.close();
});

/** Two calls of three pieces each that were 12 and 5 tokens, as the model counts. */
function answerTwice(): void {
  const usage = (completion_tokens: number) => ({ prompt_tokens: 9, completion_tokens, total_tokens: 0 });
  const pieces = [{ content: "Hel" }, { content: "lo, " }, { content: "you" }];
  endpoint.answer(completion(pieces, { usage: usage(12) }), completion(pieces, { usage: usage(5) }));
}

const ask = (progress?: unknown, more: object = {}) =>
  userInput("hi", { threadId: randomUUID(), forwardedProps: { sluice: { progress, ...more } } });

const reports = (events: readonly AguiEvent[]) =>
  ofType(events, EventType.CUSTOM)
    .filter(({ name }) => name === "sluice.progress")
    .map(({ value }) => value as Record<string, number>);

describe("a run that is asked how far it has come", () => {
  it("counts pieces, and then the calls' own tokens, against the limits of the calls", async () => {
    answerTwice();
    const sent = reports(await turn(sluice.url, "plain", ask(60)));
    expect(sent).toEqual([
      { tokens: 1, limit: 50, timeToFirstTokenMs: expect.any(Number), elapsedMs: expect.any(Number) },
      {
        tokens: 17,
        limit: 100,
        timeToFirstTokenMs: sent[0]?.timeToFirstTokenMs,
        tokensPerSecond: expect.any(Number),
        elapsedMs: expect.any(Number),
        final: true,
      },
    ]);
    expect(sent[1]?.elapsedMs).toBeGreaterThanOrEqual(sent[0]?.elapsedMs ?? Number.NaN);
  });

  it("agrees with the usage that the run ends with", async () => {
    answerTwice();
    const events = await turn(sluice.url, "reporting", ask());
    const end = events.at(-1);
    const usage = end?.type === EventType.RUN_FINISHED ? end.usage : undefined;
    expect(reports(events).at(-1)?.tokens).toBe(usage?.[0]?.outputTokens);
  });

  it("says nothing of it otherwise", async () => {
    answerTwice();
    expect(reports(await turn(sluice.url, "plain", ask()))).toEqual([]);
  });

  it("says so with tokens off too, where it is all there is to see until a message is whole", async () => {
    answerTwice();
    const sent = reports(await turn(sluice.url, "plain", ask(true, { tokens: false, reasoning: false })));
    expect(sent.at(-1)).toMatchObject({ tokens: 17, final: true });
  });

  it.each([
    ["events=on_tool_*", 0],
    ["events=on_custom_event", 0],
    ["events=on_chat_model_stream", 2],
    ["events=on_chat_model_end", 2],
    ["tokens=false&reasoning=false", 2],
  ])("reaches a connection narrowed by %s as what models say does", async (query, count) => {
    answerTwice();
    const sse = await openSse(`${sluice.url}/agui/agent/plain/run?${query}`, ask(60));
    const events = eventsOf(dataOf(await sse.done));
    await verifyRun(events);
    expect(reports(events)).toHaveLength(count);
    // The same without tokens from a model: only the last report is sent.
    const silent = await openSse(`${sluice.url}/agui/agent/silent/run?${query}`, ask(60));
    expect(reports(eventsOf(dataOf(await silent.done)))).toHaveLength(Math.min(count, 1));
  });

  it("is sent to a watcher, though another client asked", async () => {
    answerTwice();
    const input = ask(60);
    const watch = await watchSse(`${sluice.url}/threads/${input.threadId}/events`);
    await turn(sluice.url, "plain", input);
    const seen = await watch.until(({ data }) => data?.includes('"final":true') ?? false);
    expect(reports(eventsOf(dataOf(seen)))).toHaveLength(2);
    watch.abort();
  });

  it("has no line in the text format", async () => {
    answerTwice();
    const client = await connect(`${sluice.ws}/ws?agent=reporting&format=text`);
    client.send("hi");
    const lines = await client.until((line) => line === "[done]");
    expect(lines.join("")).toBe("Hello, youHello, you[done]");
    await client.close();
  });

  it("is refused what is no rate", async () => {
    const client = await connect(`${sluice.ws}/ws?agent=plain`);
    client.send(JSON.stringify(ask(0.01)));
    const [error] = eventsOf(await client.until(isType(EventType.RUN_ERROR)));
    expect(error).toMatchObject({ code: "bad_request", message: expect.stringContaining("progress") });
    await client.close();
  });
});
