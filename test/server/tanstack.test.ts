/** The routes that TanStack AI's clients read besides a run's events. Their own packages use it in test/clients. */
import { randomUUID } from "node:crypto";
import { AIMessage, ToolMessage } from "@langchain/core/messages";
import { interrupt, MessagesAnnotation, START, StateGraph } from "@langchain/langgraph";
import { afterAll, beforeAll, expect, test } from "vitest";
import { memory, startSluice, type TestSluice } from "../support/sluice.ts";
import { userInput } from "../support/sse-client.ts";
import { chatGraph, SteppedModel } from "../support/stepped-model.ts";
import { connect } from "../support/ws-client.ts";

const model = new SteppedModel();
const asking = new StateGraph(MessagesAnnotation)
  .addNode("call", () => ({
    messages: [new AIMessage({ id: "a1", content: "", tool_calls: [{ id: "c1", name: "look", args: { for: "it" } }] })],
  }))
  .addNode("look", () => ({ messages: [new ToolMessage({ id: "t1", tool_call_id: "c1", content: "found" })] }))
  .addNode("ask", () => ({ messages: [new AIMessage({ id: "a2", content: String(interrupt("Go on?")) })] }))
  .addEdge(START, "call")
  .addEdge("call", "look")
  .addEdge("look", "ask")
  .compile({ checkpointer: memory() });

let sluice: TestSluice;
beforeAll(async () => {
  sluice = await startSluice(
    { chat: { graph: chatGraph(model) }, asking: { graph: asking } },
    { ORPHAN_GRACE_SECONDS: "5" },
  );
});
afterAll(() => sluice.close());

const HI = { id: "u1", role: "user", content: "hi" };
const at = (agent: string) => `${sluice.url}/agui/agent/${agent}/run`;
const get = async (address: string, headers: Record<string, string> = {}) => {
  const response = await fetch(address, { headers });
  return { status: response.status, text: await response.text() };
};
const start = (agent: string, threadId: string, runId: string = randomUUID()) =>
  fetch(at(agent), {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(userInput("hi", { threadId, runId })),
  });
const wordsIn = (text: string) =>
  [...text.matchAll(/"TEXT_MESSAGE_CONTENT".*?"delta":"(.*?)"/g)].map(([, word]) => word);

test("a thread is read with its calls and its questions", async () => {
  await (await start("asking", "asks")).text();
  const { status, text } = await get(`${at("asking")}?threadId=asks`);
  expect(status).toBe(200);
  expect(JSON.parse(text)).toEqual({
    messages: [
      { id: expect.any(String), role: "user", parts: [{ type: "text", content: "hi" }] },
      {
        id: "a1",
        role: "assistant",
        parts: [
          { type: "tool-call", id: "c1", name: "look", arguments: '{"for":"it"}', state: "complete" },
          { type: "tool-result", toolCallId: "c1", content: "found", state: "complete" },
        ],
      },
    ],
    activeRun: null,
    interrupts: { runId: expect.any(String), pending: [expect.objectContaining({ id: expect.any(String) })] },
    page: { truncated: false },
  });
  const nothing = await get(`${sluice.url}/agui?threadId=new`);
  expect(JSON.parse(nothing.text)).toMatchObject({ messages: [], activeRun: null, interrupts: null });
});

test("a run that is under way is joined from its start, and from a position, and over a socket too", async () => {
  const response = await start("chat", "joined", "r1");
  const reader = response.body?.getReader();
  let text = "";
  // One at a time: words that come together may leave together.
  for (const word of ["one ", "two "]) {
    model.say(word);
    while (!text.includes(word)) text += new TextDecoder().decode((await reader?.read())?.value);
  }
  const hydrated = JSON.parse((await get(`${at("chat")}?threadId=joined`)).text) as object;
  expect(hydrated).toMatchObject({ messages: [{ role: "user" }], activeRun: { runId: "r1" } });
  const join = get(`${at("chat")}?threadId=joined&offset=-1&runId=r1`);
  const address = `${sluice.ws}/ws?agent=chat&thread=joined&format=tanstack`;
  const socket = await connect(`${address}&offset=-1&runId=r1`);
  await socket.until((frame) => frame.includes("two"));
  model.say("three").end();
  expect(wordsIn((await join).text)).toEqual(["one ", "two ", "three"]);
  await socket.until((frame) => frame.includes("RUN_FINISHED"));
  expect((await socket.closed).code).toBe(1000);
  expect(wordsIn(socket.frames.join("\n"))).toEqual(["one ", "two ", "three"]);
  const [{ id }] = socket.frames
    .filter((frame) => frame.includes('"delta":"one "'))
    .map((frame) => JSON.parse(frame) as { id: string }) as [{ id: string }];
  const rest = await get(`${at("chat")}?threadId=joined&offset=-1&runId=r1`, { "last-event-id": id });
  expect(wordsIn(rest.text)).toEqual(["two ", "three"]);
  const resumed = await connect(`${address}&runId=r1&offset=${id}`);
  await resumed.until((frame) => frame.includes("RUN_FINISHED"));
  expect(wordsIn(resumed.frames.join("\n"))).toEqual(["two ", "three"]);
});

test("a call to a tool of the page comes with its input before the run's end, also after a cut", async () => {
  const tools = [{ name: "paint", description: "Paints.", parameters: { type: "object" } }];
  const ask = (address: string, threadId: string, lastId?: string) =>
    fetch(address, {
      method: "POST",
      headers: { "content-type": "application/json", ...(lastId ? { "last-event-id": lastId } : {}) },
      body: JSON.stringify({ ...userInput("paint it", { threadId, runId: `run-${threadId}`, tools }), messages: [HI] }),
    });
  model.call("paint", { colour: "red" }, "c1").end();
  const address = `${at("chat")}?threadId=paints`;
  const text = await (await ask(address, "paints")).text();
  const value = { toolCallId: "c1", toolName: "paint", input: { colour: "red" } };
  const available = (from: string) =>
    [...from.matchAll(/^data: (.*"tool-input-available".*)$/gm)].map(([, json]) => JSON.parse(String(json)) as object);
  expect(available(text)).toMatchObject([{ type: "CUSTOM", value }]);
  expect(text.indexOf("tool-input-available")).toBeLessThan(text.indexOf("RUN_FINISHED"));
  const [, start] = /id: (.*)\ndata: .*TOOL_CALL_END/.exec(text) ?? [];
  const rest = await (await ask(address, "paints", start)).text();
  expect(rest).not.toContain("TOOL_CALL_START");
  expect(available(rest)).toMatchObject([{ value }]);

  // A client that watches the run carries nothing out, and neither do AG-UI's own clients by this event.
  const joined = await get(`${address}&runId=run-paints&offset=-1`);
  expect(available(joined.text)).toEqual([]);
  model.call("paint", {}, "c2").end();
  expect(available(await (await ask(at("chat"), "plain")).text())).toEqual([]);
});

test("what is missing or wrong is named", async () => {
  const cases = [
    [400, "threadId", `${at("chat")}`],
    [404, "run", `${at("chat")}?threadId=t&runId=gone&offset=-1`],
    [404, "agent", `${at("nobody")}?threadId=t`],
  ] as const;
  for (const [status, word, address] of cases) {
    const answer = await get(address);
    expect([answer.status, answer.text]).toEqual([status, expect.stringContaining(word)]);
  }
});
