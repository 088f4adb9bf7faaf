/** Messages into active runs, over every route that accepts them. */
import { randomUUID } from "node:crypto";
import { AIMessage } from "@langchain/core/messages";
import { MessagesAnnotation, START, StateGraph } from "@langchain/langgraph";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import { takeInjected } from "../../src/authoring/injected.ts";
import { SluiceConnection, type WebSocketConstructor } from "../../src/client/connection.ts";
import { type AguiEvent, EventType } from "../../src/protocol/events.ts";
import { SUBPROTOCOL } from "../../src/protocol/frames.ts";
import { memory, startSluice, type TestSluice } from "../support/sluice.ts";
import { postRun, userInput } from "../support/sse-client.ts";
import { verifyRun } from "../support/verify.ts";
import { connect } from "../support/ws-client.ts";

/** Gates by thread: the first step waits for one. */
const gates = new Map<string, () => void>();
const graph = new StateGraph(MessagesAnnotation)
  .addNode("waits", async (_, config) => {
    await new Promise<void>((resolve) => gates.set(String(config.configurable?.thread_id), resolve));
    return { messages: [new AIMessage("I begin.")] };
  })
  .addNode("takes", async (_, config) => {
    const sent = await takeInjected(config);
    return { messages: [...sent, new AIMessage(sent.map(({ text }) => `You said ${text}.`).join(" "))] };
  })
  .addEdge(START, "waits")
  .addEdge("waits", "takes")
  .compile({ checkpointer: memory() });

let sluice: TestSluice;
beforeAll(async () => {
  sluice = await startSluice({ agent: { graph } }, { ORPHAN_GRACE_SECONDS: "30", LANGGRAPH_API: "true" });
});
afterEach(() => {
  for (const open of gates.values()) open();
  gates.clear();
});
afterAll(() => sluice.close());

/** A run whose first step waits. */
async function waiting() {
  const input = userInput("Hi");
  const run = await postRun(sluice.url, input);
  await run.until(EventType.STEP_STARTED);
  const { threadId } = input;
  const open = async () => {
    while (!gates.has(threadId)) await new Promise((resolve) => setImmediate(resolve));
    gates.get(threadId)?.();
  };
  return { input, run, threadId, open };
}

const post = (path: string, body: object, accept = "application/json") =>
  fetch(`${sluice.url}${path}`, {
    method: "POST",
    headers: { "content-type": "application/json", accept },
    body: JSON.stringify(body),
  });

const texts = (events: readonly AguiEvent[]) =>
  events.flatMap((event) => (event.type === EventType.TEXT_MESSAGE_CONTENT ? [event.delta] : []));

const reports = (events: readonly AguiEvent[]) =>
  events.flatMap((event) => (event.type === EventType.CUSTOM && event.name === "sluice.injected" ? [event.value] : []));

const WAITING = { messageId: "m", state: "waiting", content: "Use euros" };
const TAKEN = { messageId: "m", state: "taken" };
const ANSWER = ["I begin.", "Use euros", "You said Use euros."];
const MESSAGE = { id: "m", content: "Use euros" };

describe("frames", () => {
  it("takes it, and the ack says what became of it", async () => {
    const { run, threadId, open } = await waiting();
    const client = await connect(`${sluice.ws}/ws`, {}, [SUBPROTOCOL]);
    client.send({ type: "inject", id: "1", threadId, message: MESSAGE });
    const acked = (id: string) => client.until((frame) => frame.includes(`"id":"${id}"`));
    const ack = JSON.parse((await acked("1")).at(-1) ?? "") as object;
    const topic = `thread:${threadId}`;
    expect(ack).toEqual({ v: 1, type: "ack", id: "1", topic, runId: expect.any(String) as string, ...WITHOUT_TEXT });
    client.send({ type: "inject", id: "2", threadId, message: { ...MESSAGE, content: "Other" } });
    expect((await acked("2")).at(-1)).toContain('"code":"bad_request"');
    client.send({ type: "inject", id: "3", threadId });
    expect((await acked("3")).at(-1)).toContain("inject, field message: must be a text, or an object like");
    client.send({ type: "inject", id: "4", threadId: randomUUID(), message: "Hello?" });
    expect((await acked("4")).at(-1)).toContain('"code":"not_found"');
    await open();
    const events = await run.done;
    await verifyRun(events);
    expect([texts(events), reports(events)]).toEqual([ANSWER, [WAITING, TAKEN]]);
    await client.close();
  });

  it("takes one that follows its run at once", async () => {
    const client = await connect(`${sluice.ws}/ws`, {}, [SUBPROTOCOL]);
    const input = userInput("Hi");
    const { threadId } = input;
    client.send({ type: "run", id: "r", input });
    client.send({ type: "inject", id: "i", threadId, message: MESSAGE });
    await client.until((frame) => frame.includes('"id":"i"') && frame.includes('"state":"waiting"'));
    await client.until((frame) => frame.includes('"stepName":"waits"'));
    while (!gates.has(threadId)) await new Promise((resolve) => setImmediate(resolve));
    gates.get(threadId)?.();
    await client.until((frame) => frame.includes("You said Use euros."));
    await client.close();
  });

  it("takes it from the client of the package", async () => {
    const { run, threadId, open } = await waiting();
    const connection = new SluiceConnection({
      url: `${sluice.url}/ws`,
      WebSocket: WebSocket as unknown as WebSocketConstructor,
    });
    await connection.inject(threadId, MESSAGE);
    await open();
    expect(texts(await run.done)).toEqual(ANSWER);
    await expect(connection.inject(randomUUID(), MESSAGE)).rejects.toMatchObject({ code: "not_found" });
    connection.close();
  });
});

const WITHOUT_TEXT = { messageId: "m", state: "waiting" };

describe("a socket with bare events", () => {
  it("takes it as a command, on this thread or on another", async () => {
    const { run, threadId, open } = await waiting();
    const client = await connect(`${sluice.ws}/ws?thread=${threadId}`);
    client.send({ type: "inject", message: MESSAGE });
    await client.until((frame) => frame.includes('"state":"waiting"'));
    const other = await connect(`${sluice.ws}/ws`);
    other.send({ type: "inject", threadId, message: "And be brief" });
    await client.until((frame) => frame.includes("And be brief"));
    await open();
    await run.done;
    await client.until((frame) => frame.includes("You said Use euros. You said And be brief."));
    other.send("/inject Nobody there");
    await other.until((frame) => frame.includes('"code":"not_found"'));
    other.send("/inject");
    await other.until((frame) => frame.includes("/inject needs a message"));
    await Promise.all([client.close(), other.close()]);
  });

  it("shows it to a person", async () => {
    const { threadId, open } = await waiting();
    const client = await connect(`${sluice.ws}/ws?format=text&thread=${threadId}`);
    client.send("/inject Use euros");
    await client.until((frame) => frame.includes("waiting"));
    await open();
    const lines = await client.until((frame) => frame === "[done]");
    expect(lines.filter((line) => !line.startsWith("[sluice"))).toEqual([
      "I begin.",
      "[user] Use euros",
      "You said Use euros.",
      "[done]",
    ]);
    await client.close();
  });
});

describe("POST /agui", () => {
  const inject = (threadId: string, messages: object[]) => ({
    ...userInput("", { threadId }),
    messages,
    forwardedProps: { sluice: { inject: true } },
  });

  it("takes the last messages of the user, and answers with the rest of the run", async () => {
    const { input, run, threadId, open } = await waiting();
    const body = inject(threadId, [...input.messages, { ...MESSAGE, role: "user" }]);
    const joined = await postRun(sluice.url, body as typeof input);
    await joined.until(EventType.CUSTOM);
    await open();
    const events = await joined.done;
    await verifyRun(events);
    expect(events[0]).toMatchObject({ type: EventType.RUN_STARTED, runId: input.runId });
    expect([texts(events), reports(events)]).toEqual([ANSWER, [WAITING, TAKEN]]);
    await run.done;
  });

  it("answers a client that wants JSON with what became of them", async () => {
    const { input, threadId, open } = await waiting();
    const body = inject(threadId, [...input.messages, { ...MESSAGE, role: "user" }]);
    const answer = await post("/agui", body);
    expect([answer.status, await answer.json()]).toEqual([
      202,
      {
        threadId,
        runId: input.runId,
        messages: [{ messageId: input.messages[0]?.id, state: "taken" }, WITHOUT_TEXT],
      },
    ]);
    await open();
  });

  it("refuses what it cannot take, and starts nothing", async () => {
    const threadId = randomUUID();
    const refused = async (path: string, body: object) => {
      const answer = await post(path, body, "text/event-stream");
      return [answer.status, ((await answer.json()) as { error: { message: string } }).error.message];
    };
    expect(await refused("/agui", inject(threadId, [{ ...MESSAGE, role: "user" }]))).toEqual([
      404,
      "There is no active run that could take this message. Start a run with it.",
    ]);
    expect(await refused("/agui", inject(threadId, []))).toEqual([
      400,
      "messages: has to end with a message of the user.",
    ]);
    expect((await fetch(`${sluice.url}/threads/${threadId}`)).status).toBe(404);
  });

  it("is the only door that takes it so", async () => {
    const client = await connect(`${sluice.ws}/ws`);
    client.send(inject(randomUUID(), [{ ...MESSAGE, role: "user" }]));
    await client.until((frame) => frame.includes("only POST /agui takes it"));
    await client.close();
  });
});

describe("LangGraph's protocol", () => {
  const command = async (threadId: string, params: object) => {
    const answer = await post(`/langgraph/threads/${threadId}/commands`, { id: 1, method: "input.inject", params });
    return { status: answer.status, ...((await answer.json()) as { result?: object; message?: string }) };
  };

  it("takes input.inject", async () => {
    const { input, run, threadId, open } = await waiting();
    const message = { ...MESSAGE, role: "user" };
    expect(await command(threadId, { namespace: [], message })).toMatchObject({
      status: 200,
      result: { run_id: input.runId, message_id: "m", state: "waiting" },
    });
    expect(await command(threadId, { namespace: [], message: { ...message, role: "system" } })).toMatchObject({
      status: 400,
      message: expect.stringContaining("params, field message.role: must be user") as string,
    });
    await open();
    expect(texts(await run.done)).toEqual(ANSWER);
    const state = await fetch(`${sluice.url}/langgraph/threads/${threadId}/state`);
    const { values } = (await state.json()) as { values: { messages: { type: string; content: string }[] } };
    expect(values.messages.map(({ type, content }) => `${type}: ${content}`)).toEqual([
      "human: Hi",
      "ai: I begin.",
      "human: Use euros",
      "ai: You said Use euros.",
    ]);
  });
});
