/**
 * Three processes of the build share Postgres and Redis, behind a load balancer without stickiness. Each request and
 * each socket goes to the next process. Clients must not notice this.
 */
import { randomUUID } from "node:crypto";
import { join, resolve } from "node:path";
import { HttpAgent } from "@ag-ui/client";
import { HttpAgent as HttpAgent0 } from "ag-ui-client-0.0.59";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import WebSocket from "ws";
import { WebSocketAgent } from "../../src/client/web-socket-agent.ts";
import {
  type AguiEvent,
  EventType,
  type Interrupt,
  type Message,
  type ResumeEntry,
} from "../../src/protocol/events.ts";
import { openFrames } from "../e2e/runs/frames-client.ts";
import { type Balancer, startBalancer } from "../support/balancer.ts";
import { killRest, project, type ServerProcess, serve } from "../support/child.ts";
import { followThread } from "../support/follower.ts";
import { type SharedServers, startShared } from "../support/processes.ts";
import { type ModelCall, type RawModel, rawModel } from "../support/raw-model.ts";
import { textOf, userInput } from "../support/sse-client.ts";
import { dataOf, eventsOf, hasType, openSse, watchSse } from "../support/sse-frames.ts";

const ASKING = `
  import { AIMessage } from "@langchain/core/messages";
  import { END, interrupt, MessagesAnnotation, START, StateGraph } from "@langchain/langgraph";
  export const graph = new StateGraph(MessagesAnnotation)
    .addNode("ask", () => ({ messages: [new AIMessage("You said " + interrupt({ message: "Shall I?" }))] }))
    .addEdge(START, "ask")
    .addEdge("ask", END)
    .compile();
`;

/** Otherwise a client would send all its requests to one process over the same connection. */
const APART = { connection: "close" };

/** With the configuration, and a graph. */
let folder: Awaited<ReturnType<typeof project>>;
let shared: SharedServers;
let model: RawModel;
let processes: ServerProcess[];
let balancer: Balancer;
let url: string;
let ws: string;

beforeAll(async () => {
  [shared, model] = await Promise.all([startShared(), rawModel()]);
  const { databaseUrl: DATABASE_URL, prefix: REDIS_PREFIX } = await shared.deployment();
  const agents = {
    chat: { graph: `${resolve("dist/agents/graphs.js")}:assistant`, orphanGraceSeconds: 30 },
    asking: { graph: "../asking.mjs:graph" },
  };
  folder = await project({ "asking.mjs": ASKING, "config/agents.json": JSON.stringify({ agents }) });
  const env = {
    DATABASE_URL,
    REDIS_URL: shared.redis.url,
    REDIS_PREFIX,
    CONFIG_DIR: join(folder.path, "config"),
    OPENAI_BASE_URL: model.baseUrl,
    // For names of OpenAI's models, LangChain would load tables from the network.
    OPENAI_MODEL: "raw",
    COALESCE_MS: "0",
  };
  processes = await Promise.all([1, 2, 3].map(() => serve(env)));
  balancer = await startBalancer(() => processes.map((each) => Number(new URL(each.url).port)));
  url = `http://127.0.0.1:${balancer.port}`;
  ws = url.replace("http", "ws");
});
afterAll(async () => {
  await balancer.close();
  await Promise.all(processes.map((each) => each.stop()));
  killRest();
  await Promise.all([shared.stop(), model.close(), folder[Symbol.asyncDispose]()]);
});

const get = async <T>(path: string) => (await (await fetch(`${url}${path}`, { headers: APART })).json()) as T;
const post = (path: string, body: object = {}) =>
  fetch(`${url}${path}`, {
    method: "POST",
    headers: { "content-type": "application/json", ...APART },
    body: JSON.stringify(body),
  });
const stored = async (threadId: string) =>
  (await get<{ messages: Message[] }>(`/threads/${threadId}/messages`)).messages;
const said =
  (text: string) =>
  ({ data }: { data?: string }) =>
    data?.includes(`"delta":"${text}"`) === true;

/** Sends one word at a time and waits until it is seen, because words that arrive together may be sent together. */
async function inWords(call: ModelCall, seen: (word: string) => Promise<unknown>, ...words: string[]): Promise<void> {
  for (const word of words) {
    call.say(word);
    await seen(word);
  }
}

interface Client {
  readonly threadId: string;
  readonly messages: Message[];
  addMessage(message: Message): void;
  runAgent(
    parameters: { resume?: ResumeEntry[] },
    subscriber: { onEvent(sent: { event: AguiEvent }): void },
  ): Promise<unknown>;
}

type ClientClass = new (config: { url: string; threadId: string; headers: Record<string, string> }) => Client;

describe.each([
  ["1.0.0", HttpAgent as unknown as ClientClass],
  ["0.0.59", HttpAgent0 as unknown as ClientClass],
])("HttpAgent of @ag-ui/client %s", (generation, HttpAgentClass) => {
  const client = (agent: string) =>
    new HttpAgentClass({ url: `${url}/agui/agent/${agent}/run`, threadId: randomUUID(), headers: APART });

  async function turn(agent: Client, asked: string | ResumeEntry[], heard = (_: AguiEvent) => {}) {
    const events: AguiEvent[] = [];
    if (typeof asked === "string") agent.addMessage({ id: randomUUID(), role: "user", content: asked });
    await agent.runAgent(typeof asked === "string" ? {} : { resume: asked }, {
      onEvent({ event }) {
        events.push(event);
        heard(event);
      },
    });
    return events;
  }

  it("sends its history with each turn, and ends with the messages that are kept", async () => {
    const agent = client("chat");
    for (const answer of ["One.", "Two.", "Three."]) {
      const running = turn(agent, "count");
      const call = await model.call();
      call.say(answer);
      call.finish();
      expect((await running).at(-1)).toMatchObject({ type: EventType.RUN_FINISHED });
    }
    expect(agent.messages.map(({ content }) => content)).toEqual([
      ...["count", "One.", "count", "Two.", "count", "Three."],
    ]);
    expect(await stored(agent.threadId)).toEqual(agent.messages);
  });

  it("is asked by one process, and answers another", async () => {
    const agent = client("asking");
    const asked = await turn(agent, "hi");
    const { outcome } = asked.at(-1) as { outcome?: { interrupts: Interrupt[] } };
    const [{ id = "" } = {}] = outcome?.interrupts ?? [];
    await turn(agent, [{ interruptId: id, status: "resolved", payload: "yes" }]);
    expect(agent.messages.at(-1)).toMatchObject({ role: "assistant", content: "You said yes" });
    expect(await stored(agent.threadId)).toEqual(agent.messages);
  });

  it("sees its run end when another process is asked to stop it", async () => {
    const agent = client("chat");
    let hear = () => {};
    const heard = new Promise<void>((resolve) => {
      hear = resolve;
    });
    const running = turn(agent, "hi", ({ type }) => {
      if (type === EventType.TEXT_MESSAGE_CONTENT) hear();
    });
    const call = await model.call();
    call.say("Well");
    await heard;
    expect(await (await post(`/agui/agent/chat/stop/${agent.threadId}`)).json()).toEqual({ stopped: true });
    expect((await running).at(-1)).toMatchObject(
      generation === "1.0.0"
        ? { type: EventType.RUN_FINISHED, outcome: { type: "cancelled" } }
        : { type: EventType.RUN_ERROR, code: "cancelled" },
    );
    expect(await call.closed).toBe("hung up");
    expect(await stored(agent.threadId)).toEqual(agent.messages);
  });
});

it("an event stream is read on with Last-Event-ID from every process in turn: nothing is missing, and nothing comes twice", async () => {
  const input = userInput("count");
  const all: AguiEvent[] = [];
  let reader = await openSse(`${url}/agui`, input, APART);
  const call = await model.call();
  for (const word of ["a", "b", "c", "d", "e"]) {
    call.say(word);
    const frames = await reader.until(said(word));
    all.push(...eventsOf(dataOf(frames)));
    reader.abort();
    reader = await openSse(`${url}/agui`, input, { ...APART, "last-event-id": frames.at(-1)?.id ?? "" });
  }
  call.finish();
  all.push(...eventsOf(dataOf(await reader.done)));
  expect(textOf(all)).toBe("abcde");
  for (const type of ["RUN_STARTED", "TEXT_MESSAGE_START", "TEXT_MESSAGE_END", "RUN_FINISHED"]) {
    expect(all.filter((event) => event.type === type)).toHaveLength(1);
  }
});

it("watchers of all processes, early and late, over frames and SSE, see the same run", async () => {
  const input = userInput("count");
  const clients = await Promise.all([1, 2, 3].map(() => openFrames(ws)));
  const [first] = clients;
  for (const each of clients.slice(1)) await each.ask({ type: "subscribe", topic: `thread:${input.threadId}` });
  await first?.ask({ type: "run", input, agent: "chat" });
  const call = await model.call();
  const everywhere = (word: string) =>
    Promise.all(clients.map((each) => each.until(({ data }) => JSON.stringify(data ?? "").includes(`"${word}"`))));
  await inWords(call, everywhere, "one ", "two ");
  const late = await Promise.all([1, 2, 3].map(() => watchSse(`${url}/threads/${input.threadId}/events`, APART)));
  for (const each of late) await each.until(hasType("TEXT_MESSAGE_CONTENT"));
  await inWords(call, everywhere, "three");
  call.finish();
  const [sent = [], ...others] = await Promise.all(
    clients.map(async (each) => {
      await each.until(({ data }) => data?.type === EventType.RUN_FINISHED && data.runId === input.runId);
      const events = each.sent(input.threadId).map(({ cursor, data }) => ({ cursor, data }));
      // A watcher is sent the thread's state before the run.
      return events.slice(events.findIndex(({ data }) => "runId" in data && data.runId === input.runId));
    }),
  );
  for (const other of others) expect(other).toEqual(sent);
  for (const each of late) {
    const frames = await each.until(hasType("RUN_FINISHED"));
    expect(textOf(eventsOf(dataOf(frames)))).toBe("one two three");
    each.abort();
  }
  for (const each of clients) await each.close();
});

it("the package's agent joins a run of any process, and starts one", async () => {
  const input = userInput("count");
  const run = await openSse(`${url}/agui`, input, APART);
  const call = await model.call();
  call.say("one ");
  await run.until(said("one "));
  const { threadId } = input;
  const agents = [1, 2, 3].map(() => new WebSocketAgent({ url: `${ws}/ws`, threadId, WebSocket: WebSocket as never }));
  const heard = agents.map(
    (agent) =>
      new Promise<void>((resolve) => {
        agent.subscribe({ onTextMessageContentEvent: () => resolve() });
      }),
  );
  const joined = agents.map((agent) => agent.connectAgent());
  await Promise.all(heard);
  call.say("two");
  call.finish();
  await Promise.all([...joined, run.done]);
  for (const { messages } of agents) expect(messages).toEqual(await stored(threadId));
  const [agent] = agents as [WebSocketAgent, ...WebSocketAgent[]];
  agent.addMessage({ id: randomUUID(), role: "user", content: "again" });
  const again = agent.runAgent();
  const next = await model.call();
  next.say("Gladly.");
  next.finish();
  await again;
  expect(agent.messages.map(({ content }) => content)).toEqual(["count", "one two", "again", "Gladly."]);
  expect(agent.messages).toEqual(await stored(threadId));
});

it("connect reads what runs anywhere, and what has ended", async () => {
  const input = userInput("count");
  const run = await openSse(`${url}/agui`, input, APART);
  const call = await model.call();
  call.say("one ");
  await run.until(said("one "));
  const connected = await Promise.all(
    [1, 2, 3].map(() => openSse(`${url}/agui/agent/chat/connect`, { threadId: input.threadId }, APART)),
  );
  for (const each of connected) await each.until(hasType("TEXT_MESSAGE_CONTENT"));
  call.say("two");
  call.finish();
  for (const each of connected) expect(textOf(eventsOf(dataOf(await each.done)))).toBe("one two");
  for (let time = 0; time < 3; time += 1) {
    const idle = await openSse(`${url}/agui/agent/chat/connect`, { threadId: input.threadId }, APART);
    const events = eventsOf(dataOf(await idle.done));
    expect(events.at(-1)).toMatchObject({ type: EventType.RUN_FINISHED });
    expect(JSON.stringify(events)).toContain("one two");
  }
});

it("/chat answers on one thread, whichever process is asked", async () => {
  const threadId = randomUUID();
  for (const answer of ["One.", "Two.", "Three."]) {
    const asked = post("/chat", { threadId, agent: "chat", message: "count" });
    const call = await model.call();
    call.say(answer);
    call.finish();
    expect(JSON.stringify(await (await asked).json())).toContain(answer);
  }
  const follower = followThread(url, threadId);
  await follower.until(({ type }) => type === EventType.RUN_FINISHED);
  expect(follower.messages.map(({ content }) => content)).toEqual([
    ...["count", "One.", "count", "Two.", "count", "Three."],
  ]);
  follower.close();
});

it("a busy thread is busy in every process, and free in every process when its run has ended", async () => {
  const input = userInput("count");
  const run = await openSse(`${url}/agui`, input, APART);
  const call = await model.call();
  call.say("one");
  await run.until(said("one"));
  for (let time = 0; time < 3; time += 1) {
    const refused = await post("/agui", userInput("me too", { threadId: input.threadId }));
    expect(await refused.json()).toMatchObject({ error: { code: "thread_busy" } });
    expect(await get(`/threads/${input.threadId}`)).toMatchObject({ active: true });
  }
  call.finish();
  await run.done;
  for (let time = 0; time < 3; time += 1) {
    const next = await openSse(`${url}/agui`, userInput("next", { threadId: input.threadId }), APART);
    const answer = await model.call();
    answer.say("free");
    answer.finish();
    expect(textOf(eventsOf(dataOf(await next.done)))).toBe("free");
  }
});
