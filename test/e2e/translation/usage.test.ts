/** The cost of a run: reported for each model call as it ends, and summed up with the run. */

import { END, MessagesAnnotation, START, StateGraph } from "@langchain/langgraph";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openaiModel } from "../../../src/agents/models/openai.ts";
import { EventType } from "../../../src/protocol/events.ts";
import { startSluice, type TestSluice } from "../../support/sluice.ts";
import { userInput } from "../../support/sse-client.ts";
import { completion, type OpenAIEndpoint, openaiEndpoint } from "./openai-endpoint.ts";
import { ofType, turn } from "./turns.ts";

describe("a run of two models", () => {
  let endpoint: OpenAIEndpoint;
  let graph: object;
  let sluice: TestSluice;

  beforeAll(async () => {
    endpoint = await openaiEndpoint();
    const small = openaiModel({ baseUrl: endpoint.baseUrl, model: "small" });
    const large = openaiModel({ baseUrl: endpoint.baseUrl, model: "large" });
    graph = new StateGraph(MessagesAnnotation)
      .addNode("draft", async ({ messages }) => ({ messages: await small.invoke(messages) }))
      .addNode("check", async ({ messages }) => ({ messages: await small.invoke(messages) }))
      .addNode("write", async ({ messages }) => ({ messages: await large.invoke(messages) }))
      .addEdge(START, "draft")
      .addEdge("draft", "check")
      .addEdge("check", "write")
      .addEdge("write", END)
      .compile();
    sluice = await startSluice({ main: { graph } });
  });
  afterAll(async () => {
    await sluice.close();
    await endpoint.close();
  });

  const answer = (prompt_tokens: number, completion_tokens: number) =>
    completion([{ content: "Hm." }], {
      usage: { prompt_tokens, completion_tokens, total_tokens: prompt_tokens + completion_tokens },
    });

  it("reports each call's usage and why it stopped, and sums them by model", async () => {
    endpoint.answer(answer(10, 1), answer(20, 2), answer(40, 4));
    const events = await turn(sluice.url, "main", userInput("hi"));
    const messageIds = ofType(events, EventType.TEXT_MESSAGE_START).map(({ messageId }) => messageId);
    const sent = ofType(events, EventType.CUSTOM).filter(({ name }) => name === "sluice.model_call");
    expect(sent.map(({ value }) => value)).toMatchObject(
      [
        ["small", 10, 1],
        ["small", 20, 2],
        ["large", 40, 4],
      ].map(([model, inputTokens, outputTokens], index) => ({
        messageId: messageIds[index],
        model,
        finishReason: "stop",
        usage: { inputTokens, outputTokens },
      })),
    );
    const end = events.at(-1);
    expect(end).toMatchObject({ type: EventType.RUN_FINISHED, metadata: { finishReason: "stop" } });
    expect(end?.type === EventType.RUN_FINISHED && end.usage).toEqual([
      { provider: "openai", model: "small", inputTokens: 30, outputTokens: 3, totalTokens: 33 },
      { provider: "openai", model: "large", inputTokens: 40, outputTokens: 4, totalTokens: 44 },
    ]);
  });

  it("counts a call once where its tokens and its whole message both are admitted", async () => {
    const own = await startSluice({ main: { graph } }, { STREAM_ALLOWED_EVENTS: "on_chat_model_*" });
    endpoint.answer(answer(10, 1), answer(20, 2), answer(40, 4));
    const end = (await turn(own.url, "main", userInput("hi"))).at(-1);
    expect(end).toMatchObject({ usage: [{ totalTokens: 33 }, { totalTokens: 44 }] });
    await own.close();
  });

  it("says nothing of usage where the endpoint said nothing", async () => {
    endpoint.answer(completion([{ content: "a" }]), completion([{ content: "b" }]), completion([{ content: "c" }]));
    const events = await turn(sluice.url, "main", userInput("hi"));
    expect(events.at(-1)).not.toHaveProperty("usage");
  });
});
