/** Clients of other dialects use one process while another process drives the run. */
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import type { BaseCheckpointSaver } from "@langchain/langgraph";
import { END, MessagesAnnotation, START, StateGraph } from "@langchain/langgraph";
import pg from "pg";
import { afterAll, beforeAll, expect, it } from "vitest";
import { WebSocket } from "ws";
import { type Deployment, type SharedServers, startShared } from "../support/processes.ts";
import type { TestSluice } from "../support/sluice.ts";
import { SteppedModel } from "../support/stepped-model.ts";

/** Each test ends its steps. Both servers share this model, so either may call it. */
const model = new SteppedModel();
let shared: SharedServers;
let deployment: Deployment;
let here: TestSluice;
let there: TestSluice;
beforeAll(async () => {
  shared = await startShared();
  deployment = await shared.deployment();
  const agents = (checkpointer: BaseCheckpointSaver) => ({
    chat: {
      graph: new StateGraph(MessagesAnnotation)
        .addNode("chat", async ({ messages }) => ({ messages: await model.invoke(messages) }))
        .addEdge(START, "chat")
        .addEdge("chat", END)
        .compile({ checkpointer }),
    },
  });
  const env = { AI_SDK_API: "true", LANGGRAPH_API: "true", ORPHAN_GRACE_SECONDS: "30" };
  [here, there] = (await Promise.all([deployment.start(agents, env), deployment.start(agents, env)])) as [
    TestSluice,
    TestSluice,
  ];
});
afterAll(async () => {
  await deployment.close();
  await shared.stop();
});

const headers = { "content-type": "application/json" };
const post = (url: string, body: object) => fetch(url, { method: "POST", headers, body: JSON.stringify(body) });

/** Reads a response as it arrives. */
function reading({ body }: Response) {
  let text = "";
  const reader = (body as ReadableStream<Uint8Array>).getReader();
  const decoder = new TextDecoder();
  return async (part?: string) => {
    while (part === undefined || !text.includes(part)) {
      const { done, value } = await reader.read();
      if (done) break;
      text += decoder.decode(value, { stream: true });
    }
    return text;
  };
}

it("the AI SDK's chat joins the answer, leaves it out of the history, and stops it", async () => {
  const id = randomUUID();
  const messages = [{ id: "m1", role: "user", parts: [{ type: "text", text: "hi" }] }];
  const driven = reading(await post(`${here.url}/ai-sdk/chat`, { id, agent: "chat", messages }));
  // One word at a time, because words that arrive together may be sent together.
  for (const word of ["one ", "two "]) {
    model.say(word);
    await driven(word);
  }
  const history = (await (await fetch(`${there.url}/ai-sdk/chat/${id}`)).json()) as object;
  expect(history).toMatchObject({ active: true, messages: [{ id: "m1", role: "user" }] });
  const joined = reading(await fetch(`${there.url}/ai-sdk/chat/${id}/stream`));
  const words = await joined("two ");
  expect(words.match(/"delta":"\w+ "/g)).toEqual(['"delta":"one "', '"delta":"two "']);
  expect((await post(`${there.url}/ai-sdk/chat/${id}/stop`, {})).status).toBe(200);
  for (const read of [driven, joined]) expect(await read()).toContain("[DONE]");
  // For the other process, the run has ended when its row says so. Readers get the end earlier.
  await expect.poll(async () => (await fetch(`${there.url}/ai-sdk/chat/${id}/stream`)).status).toBe(204);
});

it("LangGraph's clients and TanStack AI's join it too", async () => {
  const database = new pg.Client(deployment.databaseUrl);
  await database.connect();
  const threadId = randomUUID();
  const input = { messages: [{ type: "human", content: "hi" }] };
  const started = await post(`${here.url}/langgraph/threads/${threadId}/runs`, { assistant_id: "chat", input });
  const { run_id: runId } = (await started.json()) as { run_id: string };
  const legacy = reading(
    await fetch(`${there.url}/langgraph/threads/${threadId}/runs/${runId}/stream?stream_mode=messages-tuple`),
  );
  const socket = new WebSocket(`${there.ws}/langgraph/threads/${threadId}/stream/events`);
  let received = "";
  const completed = new Promise<void>((resolve) => {
    socket.on("message", (data) => {
      received += `${String(data)}\n`;
      if (received.includes('"event":"completed"')) resolve();
    });
  });
  await once(socket, "open");
  const params = { channels: ["messages", "lifecycle"] };
  socket.send(JSON.stringify({ id: 1, method: "subscription.subscribe", params }));
  const hydrated = (await (await fetch(`${there.url}/agui?threadId=${threadId}`)).json()) as object;
  expect(hydrated).toMatchObject({ activeRun: { runId } });
  const tanstack = reading(await fetch(`${there.url}/agui?threadId=${threadId}&runId=${runId}&offset=-1`));
  model.say("one ", "two").end();
  await completed;
  const wordsIn = (text: string, field: string) =>
    [...text.matchAll(new RegExp(`"${field}":"(.*?)"`, "g"))].map(([, word]) => word).join("");
  expect(wordsIn(received, 'type":"text-delta","text')).toBe("one two");
  expect(wordsIn(await legacy(), 'AIMessageChunk","id":".*?","content')).toBe("one two");
  expect(wordsIn(await tanstack(), "delta")).toBe("one two");
  // LangGraph's SDK joins a run again that still counts as running after its stream.
  const address = `${there.url}/langgraph/threads/${threadId}/runs/${runId}`;
  expect(await (await fetch(address)).json()).toMatchObject({ status: "success" });
  await database.query("UPDATE sluice.runs SET status = 'ending', outcome = 'failed' WHERE run_id = $1", [runId]);
  expect(await (await fetch(address)).json()).toMatchObject({ status: "error" });
  await database.end();
  socket.close();
});
