/**
 * One of two servers has a run with more events than the log keeps. Late readers of the other server get its beginning
 * too.
 */
import { END, MessagesAnnotation, START, StateGraph } from "@langchain/langgraph";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { AguiEvent, Message } from "../../src/protocol/events.ts";
import { Transcript } from "../../src/store/transcript.ts";
import { type Deployment, type SharedServers, startShared } from "../support/processes.ts";
import type { TestSluice } from "../support/sluice.ts";
import { userInput } from "../support/sse-client.ts";
import { dataOf, eventsOf, hasType, openSse, watchSse } from "../support/sse-frames.ts";
import { SteppedModel } from "../support/stepped-model.ts";

const model = new SteppedModel();
const MAX_EVENTS = 20;
let shared: SharedServers;
let deployment: Deployment;
let here: TestSluice;
let there: TestSluice;
beforeAll(async () => {
  shared = await startShared();
  deployment = await shared.deployment({ maxEvents: MAX_EVENTS });
  const graph = new StateGraph(MessagesAnnotation)
    .addNode("chat", async ({ messages }) => ({ messages: await model.invoke(messages) }))
    .addEdge(START, "chat")
    .addEdge("chat", END);
  const start = () =>
    deployment.start((checkpointer) => ({
      chat: { graph: graph.compile({ checkpointer }), entry: { orphanGraceSeconds: 60 } },
    }));
  [here, there] = [await start(), await start()];
});
afterAll(async () => {
  await deployment.close();
  await shared.stop();
});

const text =
  (part: string) =>
  ({ data }: { data?: string }) =>
    data?.includes(`"delta":"${part}"`) === true;
const messagesOf = async ({ url }: TestSluice, threadId: string) =>
  ((await (await fetch(`${url}/threads/${threadId}/messages`)).json()) as { messages: Message[] }).messages;
const said = (messages: readonly Message[]) => messages.map(({ role, content }) => [role, content]);

function folded(events: readonly AguiEvent[]): Message[] {
  const transcript = new Transcript([]);
  for (const event of events) transcript.push(event);
  return transcript.messages;
}

it("a late reader in another process gets all that was said, and reads on", async () => {
  const { threadId } = userInput("x");
  const first = await openSse(`${here.url}/agui`, userInput("hello", { threadId }));
  model.say("hello").end();
  await first.done;

  const input = userInput("count", { threadId });
  const run = await openSse(`${here.url}/agui`, input);
  model.think("hm");
  const words = Array.from({ length: 3 * MAX_EVENTS }, (_, n) => `${n} `);
  for (const [n, word] of words.entries()) {
    model.say(word);
    await run.until(text(word));
    // At every point of the run, the log reaches back to the stored position.
    if (n % 7 !== 0 || n < MAX_EVENTS) continue;
    const late = await watchSse(`${there.url}/threads/${threadId}/events`);
    await late.until(({ data }) => data?.includes(word) === true);
    late.abort();
    const events = eventsOf(dataOf(late.frames));
    expect(events.slice(0, 2).map(({ type }) => type)).toEqual(["RUN_STARTED", "MESSAGES_SNAPSHOT"]);
    expect(events[0]).toMatchObject({ runId: input.runId });
    const soFar = [
      ["user", "hello"],
      ["assistant", "hello"],
      ["user", "count"],
      ["reasoning", "hm"],
      ["assistant", words.slice(0, n + 1).join("")],
    ];
    expect(said(folded(events))).toEqual(soFar);
    expect(said(await messagesOf(there, threadId))).toEqual(soFar);
  }
  const late = await watchSse(`${there.url}/threads/${threadId}/events`);
  model.say("the end").end();
  await late.until(hasType("RUN_FINISHED"));
  late.abort();
  await run.done;
  expect(folded(eventsOf(dataOf(late.frames)))).toEqual(await messagesOf(here, threadId));
});
