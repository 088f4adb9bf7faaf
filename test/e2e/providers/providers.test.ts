/** The same turn is reported equally for every provider, with the provider's package and wire format. */
import { ChatAnthropic } from "@langchain/anthropic";
import type { BaseChatModel } from "@langchain/core/language_models/chat_models";
import { AIMessage, type BaseMessage, type BaseMessageChunk } from "@langchain/core/messages";
import type { Runnable, RunnableConfig } from "@langchain/core/runnables";
import { tool } from "@langchain/core/tools";
import { concat } from "@langchain/core/utils/stream";
import { ChatGoogleGenerativeAI } from "@langchain/google-genai";
import { ChatGroq } from "@langchain/groq";
import { END, MessagesAnnotation, START, StateGraph } from "@langchain/langgraph";
import { ToolNode } from "@langchain/langgraph/prebuilt";
import { ChatMistralAI } from "@langchain/mistralai";
import { ChatOllama } from "@langchain/ollama";
import { ChatOpenAI } from "@langchain/openai";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { type AguiEvent, EventType } from "../../../src/protocol/events.ts";
import { memory, startSluice, type TestSluice } from "../../support/sluice.ts";
import { postRun, userInput } from "../../support/sse-client.ts";
import { verifyRun } from "../../support/verify.ts";
import { bedrockModel } from "./bedrock.ts";
import { type Endpoint, endpoint } from "./endpoint.ts";
import * as wires from "./wires.ts";

interface Provider {
  readonly wire: (answer: wires.Answer) => wires.Wire;
  readonly model: (url: string) => BaseChatModel;
  /** Why it stopped: to call a tool, and at the end. */
  readonly reasons: readonly [string, string];
  /** The part of its own answer that the model is given again. Default: all of it. */
  readonly given?: (messages: BaseMessage[]) => BaseMessage[];
  /** The package itself detects a cut answer. */
  readonly failsCut?: boolean;
}

const quick = { model: "m", apiKey: "none", maxRetries: 0 };

const PROVIDERS: Readonly<Record<string, Provider>> = {
  openai: {
    wire: wires.openai,
    model: (baseURL) => new ChatOpenAI({ ...quick, configuration: { baseURL }, useResponsesApi: false }),
    reasons: ["tool_calls", "stop"],
  },
  responses: {
    wire: wires.responses,
    model: (baseURL) => new ChatOpenAI({ ...quick, configuration: { baseURL }, useResponsesApi: true }),
    reasons: ["completed", "completed"],
  },
  anthropic: {
    wire: wires.anthropic,
    model: (anthropicApiUrl) => new ChatAnthropic({ ...quick, anthropicApiUrl, maxTokens: 100 }),
    reasons: ["tool_use", "end_turn"],
  },
  google: {
    wire: wires.google,
    model: (baseUrl) => new ChatGoogleGenerativeAI({ ...quick, model: "gemini-2.5-flash", baseUrl }),
    reasons: ["STOP", "STOP"],
  },
  mistral: {
    wire: wires.mistral,
    model: (serverURL) => new ChatMistralAI({ ...quick, serverURL }),
    reasons: ["tool_calls", "stop"],
    // The package refuses to send back the thoughts that it received.
    given: (messages) => messages.map((message) => (AIMessage.isInstance(message) ? withoutThought(message) : message)),
  },
  groq: {
    wire: wires.groq,
    model: (baseUrl) => new ChatGroq({ ...quick, baseUrl }),
    reasons: ["tool_calls", "stop"],
  },
  ollama: {
    wire: wires.ollama,
    model: (baseUrl) => new ChatOllama({ model: "m", baseUrl, think: true, maxRetries: 0 }),
    reasons: ["stop", "stop"],
    failsCut: true,
  },
  bedrock: {
    wire: wires.bedrock,
    model: bedrockModel,
    reasons: ["tool_use", "end_turn"],
  },
};

const TURN: readonly wires.Answer[] = [
  { thought: "Hm.", text: "Looking. ", call: { id: "call00001", name: "look", args: { q: "x" } } },
  { text: "Found." },
];

const look = tool(() => "a result", { name: "look", description: "Looks.", schema: z.object({ q: z.string() }) });

function withoutThought({ id, text, tool_calls = [] }: AIMessage): AIMessage {
  return new AIMessage({ content: text, tool_calls, ...(id === undefined ? {} : { id }) });
}

type Ask = (messages: BaseMessage[], config: RunnableConfig) => Promise<BaseMessage>;

/** The two ways in which nodes ask a model. */
const invoking =
  (model: Runnable<BaseMessage[], BaseMessageChunk>): Ask =>
  (messages, config) =>
    model.invoke(messages, config);
const streaming =
  (model: Runnable<BaseMessage[], BaseMessageChunk>): Ask =>
  async (messages, config) => {
    let whole: BaseMessageChunk | undefined;
    for await (const chunk of await model.stream(messages, config)) whole = whole ? concat(whole, chunk) : chunk;
    return whole ?? new AIMessage("");
  };

function agentOf(
  model: BaseChatModel,
  asking: typeof invoking,
  given: NonNullable<Provider["given"]> = (messages) => messages,
) {
  const ask = asking((model.bindTools?.([look]) ?? model) as Runnable<BaseMessage[], BaseMessageChunk>);
  return new StateGraph(MessagesAnnotation)
    .addNode("model", async ({ messages }, config) => ({ messages: [await ask(given(messages), config)] }))
    .addNode("tools", new ToolNode([look]))
    .addEdge(START, "model")
    .addConditionalEdges("model", ({ messages }) => {
      const calls = (messages.at(-1) as { tool_calls?: unknown[] } | undefined)?.tool_calls ?? [];
      return calls.length > 0 ? "tools" : END;
    })
    .addEdge("tools", "model")
    .compile({ checkpointer: memory() });
}

const endpoints = new Map<string, Endpoint>();
let sluice: TestSluice;

beforeAll(async () => {
  const agents = [];
  for (const [name, { wire, model, given }] of Object.entries(PROVIDERS)) {
    const own = await endpoint(wire, name === "bedrock");
    endpoints.set(name, own);
    const graph = agentOf(model(own.url), invoking, given);
    agents.push([name, { graph, entry: { reasoningTags: ["think"] } }]);
    const streams = agentOf(model(own.url), streaming, given);
    agents.push([`${name}-streams`, { graph: streams, entry: { reasoningTags: ["think"] } }]);
    agents.push([`${name}-all`, { graph, entry: { reasoningTags: ["think"], allow: { events: ["*"] } } }]);
  }
  sluice = await startSluice(Object.fromEntries(agents));
});
afterAll(async () => {
  await sluice.close();
  for (const { close } of endpoints.values()) await close();
});

async function run(provider: string, agent: string, threadId: string, answers = TURN, cut = false) {
  endpoints.get(provider)?.answer(answers, cut);
  const { done } = await postRun(sluice.url, userInput("hi", { threadId }), `/agui/agent/${agent}/run`);
  const events = await done;
  await verifyRun(events);
  return events;
}

/** The result of a run, without the ids that providers choose. */
function digest(events: readonly AguiEvent[]) {
  const texts: Record<string, string> = {};
  const thoughts: Record<string, string> = {};
  const calls: Record<string, { name: string; args: string; result?: unknown }> = {};
  const reasons: unknown[] = [];
  for (const event of events) {
    if (event.type === EventType.TEXT_MESSAGE_CONTENT) append(texts, event.messageId, event.delta);
    if (event.type === EventType.REASONING_MESSAGE_CONTENT) append(thoughts, event.messageId, event.delta);
    if (event.type === EventType.TOOL_CALL_START) calls[event.toolCallId] = { name: event.toolCallName, args: "" };
    const call = calls[("toolCallId" in event && event.toolCallId) || ""];
    if (call && event.type === EventType.TOOL_CALL_ARGS) call.args += event.delta;
    if (call && event.type === EventType.TOOL_CALL_RESULT) call.result = event.content;
    if (event.type === EventType.CUSTOM && event.name === "sluice.model_call") {
      reasons.push((event.value as { finishReason?: string }).finishReason);
    }
  }
  const end = events.at(-1);
  const usage =
    end && "usage" in end ? end.usage?.map(({ inputTokens, outputTokens }) => [inputTokens, outputTokens]) : [];
  return {
    texts: Object.values(texts),
    thoughts: Object.values(thoughts),
    calls: Object.values(calls),
    usage,
    reasons,
  };
}

function append(to: Record<string, string>, key: string, text: string): void {
  to[key] = (to[key] ?? "") + text;
}

describe.each(Object.entries(PROVIDERS))("%s", (name, { reasons, failsCut = false }) => {
  it.each([
    ["with the usual filter", name],
    ["with everything admitted", `${name}-all`],
    ["when its node streams it", `${name}-streams`],
  ])("is reported as every other, %s", async (_, agent) => {
    const events = await run(name, agent, `${agent}-turn`);
    expect(digest(events)).toEqual({
      texts: ["Looking. ", "Found."],
      thoughts: ["Hm."],
      calls: [{ name: "look", args: '{"q":"x"}', result: "a result" }],
      usage: [[2 * wires.USED.input, 2 * wires.USED.output]],
      reasons,
    });
    expect(events.at(-1)).toMatchObject({ type: EventType.RUN_FINISHED, metadata: { finishReason: reasons[1] } });
    expect(events.at(-1)).not.toHaveProperty("metadata.incomplete");
  });

  it("is not whole when its stream just ends", async () => {
    const events = await run(name, name, `${name}-cut`, [{ text: "Half of" }], true);
    expect(digest(events).texts).toEqual(["Half of"]);
    expect(events.at(-1)).toMatchObject(failsCut ? { code: "model_error" } : { metadata: { incomplete: true } });
    expect(events.at(-1)).not.toHaveProperty("metadata.finishReason");
  });
});
