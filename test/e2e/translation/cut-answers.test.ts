/** An endpoint that ends its stream without a finish reason, and endpoints that never send one. */

import { MessagesAnnotation, START, StateGraph } from "@langchain/langgraph";
import { ChatOpenAI } from "@langchain/openai";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type AguiEvent, EventType } from "../../../src/protocol/events.ts";
import { type RawModel, rawModel } from "../../support/raw-model.ts";
import { memory, startSluice, type TestSluice } from "../../support/sluice.ts";
import { postRun, userInput } from "../../support/sse-client.ts";
import { chatGraph, SteppedModel } from "../../support/stepped-model.ts";
import { verifyRun } from "../../support/verify.ts";

let endpoint: RawModel;
let sluice: TestSluice;
const quiet = new SteppedModel({ always: ["all", " of it"] });
let graphs: Record<string, ReturnType<typeof chatGraph>>;

beforeAll(async () => {
  endpoint = await rawModel();
  const configuration = { baseURL: endpoint.baseUrl };
  const model = new ChatOpenAI({ model: "m", apiKey: "none", maxRetries: 0, configuration });
  const streams = async ({ messages }: typeof MessagesAnnotation.State) => {
    let whole: Awaited<ReturnType<typeof model.invoke>> | undefined;
    for await (const chunk of await model.stream(messages)) whole = whole ? whole.concat(chunk) : chunk;
    return { messages: whole ? [whole] : [] };
  };
  graphs = {
    invokes: chatGraph(model),
    streams: new StateGraph(MessagesAnnotation)
      .addNode("chat", streams)
      .addEdge(START, "chat")
      .compile({ checkpointer: memory() }) as never,
    strict: chatGraph(model),
    quiet: chatGraph(quiet),
  };
  const agents = Object.entries(graphs).map(([name, graph]) => [
    name,
    { graph, entry: { onCutAnswer: name === "strict" ? ("error" as const) : ("mark" as const) } },
  ]);
  sluice = await startSluice(Object.fromEntries(agents));
});
afterAll(async () => {
  await sluice.close();
  await endpoint.close();
});

/** Says two tokens, then ends the answer as asked. */
async function run(agent: string, end: "cut" | "finish", threadId: string): Promise<AguiEvent[]> {
  const { done } = await postRun(sluice.url, userInput("hi", { threadId }), `/agui/agent/${agent}/run`);
  const call = await endpoint.call();
  call.say("half");
  call.say(" an");
  call[end]();
  const events = await done;
  await verifyRun(events);
  return events;
}

describe.each(["invokes", "streams"])("a node that %s", (agent) => {
  it("marks the run's end when the answer was cut, and not when it was whole", async () => {
    const cut = (await run(agent, "cut", `${agent}-cut`)).at(-1);
    expect(cut).toMatchObject({ type: EventType.RUN_FINISHED, metadata: { incomplete: true } });
    const whole = (await run(agent, "finish", `${agent}-whole`)).at(-1);
    expect(whole).toMatchObject({ type: EventType.RUN_FINISHED, metadata: { finishReason: "stop" } });
    expect(whole).not.toHaveProperty("metadata.incomplete");
  });
});

it("an agent that takes no half answers fails before its graph keeps one", async () => {
  const events = await run("strict", "cut", "strict");
  expect(events.at(-1)).toMatchObject({
    type: EventType.RUN_ERROR,
    code: "model_error",
    metadata: { retryable: true },
  });
  const state = (await graphs.strict?.getState({ configurable: { thread_id: "strict" } })) as {
    values: { messages: { getType(): string }[] };
  };
  expect(state.values.messages.map((message) => message.getType())).toEqual(["human"]);
});

it("the whole answer of POST /chat says it too", async () => {
  const body = JSON.stringify({ message: "hi", threadId: "chat" });
  const headers = { "content-type": "application/json" };
  const answered = fetch(`${sluice.url}/chat`, { method: "POST", headers, body });
  const call = await endpoint.call();
  call.say("half");
  call.cut();
  expect(await (await answered).json()).toMatchObject({ message: "half", incomplete: true });
});

it("a model that never gives a reason is not called cut", async () => {
  const { done } = await postRun(sluice.url, userInput("hi"), "/agui/agent/quiet/run");
  const end = (await done).at(-1);
  expect(end).toMatchObject({ type: EventType.RUN_FINISHED });
  expect(end).not.toHaveProperty("metadata.incomplete");
});
