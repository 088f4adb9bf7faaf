/** LangGraph's Agent Streaming Protocol over a WebSocket, with the SDK's own transport. */
import { once } from "node:events";
import { AIMessage, ToolMessage } from "@langchain/core/messages";
import { interrupt, MessagesAnnotation, START, StateGraph } from "@langchain/langgraph";
import { Client, HttpAgentServerAdapter } from "@langchain/langgraph-sdk";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { WebSocket } from "ws";
import { formatApiKey } from "../../../src/config/keys.ts";
import { makeApiKey } from "../../../src/server/auth/api-keys.ts";
import { type CutLine, cutLine } from "../../support/cut-line.ts";
import { memory, startSluice, type TestSluice } from "../../support/sluice.ts";
import { chatGraph, SteppedModel } from "../../support/stepped-model.ts";

const model = new SteppedModel();

const asking = new StateGraph(MessagesAnnotation)
  .addNode("call", () => ({
    messages: [new AIMessage({ id: "a1", content: "", tool_calls: [{ id: "c1", name: "look", args: { for: "it" } }] })],
  }))
  .addNode("look", () => ({ messages: [new ToolMessage({ id: "t1", tool_call_id: "c1", content: "found" })] }))
  .addNode("ask", () => ({ messages: [new AIMessage({ id: "a2", content: `You said ${interrupt("Go on?")}.` })] }))
  .addEdge(START, "call")
  .addEdge("call", "look")
  .addEdge("look", "ask")
  .compile({ checkpointer: memory() });

let sluice: TestSluice;
let line: CutLine;
beforeAll(async () => {
  sluice = await startSluice(
    { chat: { graph: chatGraph(model) }, asking: { graph: asking } },
    { LANGGRAPH_API: "true", ORPHAN_GRACE_SECONDS: "5" },
  );
  line = await cutLine(sluice.url);
});
afterAll(async () => {
  await line.close();
  await sluice.close();
});

const human = (content: string) => ({ messages: [{ type: "human", content }] });
const webSocketFactory = (url: string) => new WebSocket(url) as unknown as globalThis.WebSocket;
const openSockets = () => sluice.sockets.byFormat.get("langgraph-protocol");

/** A thread as the SDK streams it, over a socket through `line`. */
function threadOf(threadId: string, assistantId: string) {
  const client = new Client({ apiUrl: `${line.url}/langgraph`, apiKey: null });
  return {
    client,
    thread: client.threads.stream(threadId, {
      assistantId,
      transport: "websocket",
      webSocketFactory,
      reconnectDelayMs: () => 0,
    }),
  };
}

/** Calls `seen` with the text of the answer so far, each time that there is more. */
async function read(thread: ReturnType<typeof threadOf>["thread"], seen: (text: string) => void = () => {}) {
  let text = "";
  for await (const message of thread.messages) {
    for await (const piece of message.text) {
      text += piece;
      seen(text);
    }
    return text;
  }
  throw new Error("There was no answer.");
}

const texts = (values: unknown) =>
  (values as { messages: { text: string }[] } | undefined)?.messages.map(({ text }) => text);

test("an answer comes in pieces, and goes on after the wire is cut, without a lost or doubled word", async () => {
  const { thread } = threadOf("cut", "chat");
  const { run_id } = await thread.run.start({ input: human("count") });
  expect(run_id).toEqual(expect.any(String));
  model.say("one ", "two ");
  const text = await read(thread, (soFar) => {
    if (soFar !== "one two ") return;
    expect(openSockets()).toBe(1);
    line.cut();
    model.say("three ", "four").end();
  });
  expect(text).toBe("one two three four");
  expect(texts(await thread.output)).toEqual(["count", "one two three four"]);
  await thread.close();
});

test("a tool's call, a question and its answer come over one socket", async () => {
  const { thread } = threadOf("ask", "asking");
  await thread.run.start({ input: human("do it") });
  const calls = (async () => {
    for await (const call of thread.toolCalls) return { name: call.name, input: call.input, output: await call.output };
    return undefined;
  })();
  const asked = await new Promise<{ interruptId: string; payload: unknown }>((resolve) => {
    const leave = thread.onEvent((event) => {
      if (event.method !== "lifecycle" || event.params.data.event !== "interrupted") return;
      leave();
      resolve(thread.interrupts[0] as { interruptId: string; payload: unknown });
    });
  });
  expect(await calls).toEqual({ name: "look", input: { for: "it" }, output: "found" });
  expect(asked.payload).toBe("Go on?");
  const ended = new Promise<void>((resolve) => {
    thread.onEvent(({ method, params }) => {
      if (method === "lifecycle" && (params.data as { event?: string }).event === "completed") resolve();
    });
  });
  await thread.input.respond({ namespace: [], interrupt_id: asked.interruptId, response: "yes" });
  await ended;
  const { values } = (await thread.state.get({ namespace: [] })) as { values: { messages: { content: string }[] } };
  expect(values.messages.map(({ content }) => content)).toEqual(["do it", "", "found", "You said yes."]);
  expect(openSockets()).toBe(1);
  await thread.close();
});

test("a run is cancelled, and the socket reports it", async () => {
  const { client, thread } = threadOf("stop", "chat");
  const { run_id } = await thread.run.start({ input: human("go") });
  model.say("never ");
  await read(thread, () => void client.runs.cancel("stop", String(run_id)));
  expect(texts(await thread.output)).toEqual(["go", "never "]);
  expect(thread.interrupted).toBe(true);
  await thread.close();
});

test("HttpAgentServerAdapter takes the same socket", async () => {
  const adapter = new HttpAgentServerAdapter({
    apiUrl: `${sluice.url}/langgraph`,
    threadId: "adapter",
    webSocketFactory,
  });
  await adapter.open();
  // `client.threads.stream` of SDK 1.15 takes the adapter for one of SSE, so its commands are sent by hand.
  const params = { assistant_id: "chat", input: human("hi") };
  await adapter.send({ id: 1, method: "subscription.subscribe", params: { channels: ["messages", "lifecycle"] } });
  expect(await adapter.send({ id: 2, method: "run.start", params })).toMatchObject({ type: "success", id: 2 });
  model.say("hel", "lo").end();
  let text = "";
  for await (const message of adapter.events()) {
    if (message.type !== "event") continue;
    const data = message.params.data as { event?: string; delta?: { text: string } };
    text += data.delta?.text ?? "";
    if (data.event === "completed") break;
  }
  expect(text).toBe("hello");
  await adapter.close();
});

describe("by hand", () => {
  const connect = async (threadId: string) => {
    const socket = new WebSocket(`${sluice.ws}/langgraph/threads/${threadId}/stream/events`);
    const received: Record<string, unknown>[] = [];
    const waiting = new Set<() => void>();
    socket.on("message", (data) => {
      received.push(JSON.parse(String(data)) as Record<string, unknown>);
      for (const look of waiting) look();
    });
    await once(socket, "open");
    const until = (test: (message: Record<string, unknown>) => boolean) =>
      new Promise<Record<string, unknown>>((resolve) => {
        const look = () => {
          const found = received.find(test);
          if (!found) return;
          waiting.delete(look);
          resolve(found);
        };
        waiting.add(look);
        look();
      });
    const ask = (command: { id: number; method?: unknown; params?: object } | string) => {
      socket.send(typeof command === "string" ? command : JSON.stringify(command));
      const id = typeof command === "string" ? null : command.id;
      return until((message) => message.type !== "event" && message.id === id);
    };
    return { socket, received, ask, until };
  };

  test("an answer names the command, and the field that is wrong", async () => {
    const { socket, ask } = await connect("hand");
    expect(await ask("hello")).toMatchObject({ type: "error", id: null, error: "invalid_argument" });
    const wrong = await ask({ id: 1, method: 7 });
    expect(wrong).toMatchObject({ type: "error", message: expect.stringContaining("command, field method") });
    expect(await ask({ id: 2, method: "state.fork" })).toMatchObject({ type: "error", error: "unknown_command" });
    const empty = await ask({ id: 3, method: "subscription.subscribe", params: { channels: [] } });
    expect(empty).toMatchObject({ error: "invalid_argument", message: expect.stringContaining("field channels") });
    const gone = await ask({ id: 4, method: "subscription.unsubscribe", params: { subscription_id: "x" } });
    expect(gone).toMatchObject({ type: "error", error: "no_such_subscription" });
    const steered = { assistant_id: "chat", input: human("x"), config: { configurable: { user: "root" } } };
    const refused = await ask({ id: 5, method: "run.start", params: steered });
    expect(refused).toMatchObject({ code: "forbidden", message: expect.stringContaining("config.configurable.user") });
    socket.close();
  });

  test("a subscription that is given up gets nothing more, and a bound holds for their number", async () => {
    const { socket, ask, received, until } = await connect("bound");
    const subscribe = (id: number, channels: string[]) =>
      ask({ id, method: "subscription.subscribe", params: { channels } });
    const { result } = (await subscribe(1, ["lifecycle"])) as { result: { subscription_id: string } };
    await ask({ id: 2, method: "subscription.unsubscribe", params: result });
    const kept = await subscribe(3, ["messages"]);
    expect(kept).toMatchObject({ type: "success", result: { subscription_id: expect.any(String) } });
    await ask({ id: 4, method: "run.start", params: { assistant_id: "chat", input: human("hi") } });
    model.say("a").end();
    await until(({ method, params }) => {
      const { data } = (params ?? {}) as { data?: { event?: string } };
      return method === "messages" && data?.event === "message-finish";
    });
    expect(received.filter(({ method }) => method === "lifecycle")).toEqual([]);
    for (const first of [100, 121, 142]) {
      const more = await Promise.all(Array.from({ length: 21 }, (_, index) => subscribe(first + index, ["custom"])));
      expect(more.filter(({ type }) => type !== "success")).toEqual([]);
    }
    expect(await subscribe(200, ["custom"])).toMatchObject({ type: "error", code: "overloaded" });
    socket.close();
  });

  test("a refusal that is final closes with 4000 and its status, and one that is not with a code to come back after", async () => {
    const made = makeApiKey("ann", ["run"]);
    const API_KEYS = formatApiKey({ ...made.known, scopes: [...made.known.scopes] });
    const guarded = await startSluice(
      { chat: { graph: chatGraph(model) } },
      { LANGGRAPH_API: "true", AUTH: "api-key", API_KEYS },
    );
    const headers = { "x-api-key": made.key };
    for (const [status, options] of [
      [4401, {}],
      [4403, { headers }],
    ] as const) {
      const refused = new WebSocket(`${guarded.ws}/langgraph/threads/t/stream/events`, options);
      expect(await once(refused, "close")).toEqual([status, expect.anything()]);
    }
    await guarded.close();

    const long = new WebSocket(`${sluice.ws}/langgraph/threads/${"x".repeat(2_000)}/stream/events`);
    const [bad, why] = (await once(long, "close")) as [number, Buffer];
    expect([bad, String(why)]).toEqual([4400, expect.stringContaining("thread_id")]);

    const closing = await startSluice({ chat: { graph: chatGraph(model) } }, { LANGGRAPH_API: "true" });
    const open = new WebSocket(`${closing.ws}/langgraph/threads/t/stream/events`);
    await once(open, "open");
    const closed = once(open, "close");
    await closing.close();
    expect((await closed)[0]).toBe(1012);
  });

  test("an upgrade is refused when the places for sockets are taken", async () => {
    const full = await startSluice({ chat: { graph: chatGraph(model) } }, { LANGGRAPH_API: "true", MAX_SOCKETS: "1" });
    const address = `${full.ws}/langgraph/threads/t/stream/events`;
    const only = new WebSocket(address);
    await once(only, "open");
    // It does not open, so the SDK takes it for a cut, and comes back.
    const [, refusal] = (await once(new WebSocket(address), "unexpected-response")) as [
      unknown,
      { statusCode: number },
    ];
    expect(refusal.statusCode).toBe(503);
    await full.close();
  });

  test("a page of another origin opens no socket, and without the setting there is none", async () => {
    const address = `${sluice.ws}/langgraph/threads/t/stream/events`;
    const foreign = new WebSocket(address, { origin: "https://evil.example" });
    const [, answer] = (await once(foreign, "unexpected-response")) as [unknown, { statusCode: number }];
    expect(answer.statusCode).toBe(403);
    const plain = await startSluice({ chat: { graph: chatGraph(model) } });
    const absent = new WebSocket(address.replace(sluice.ws, plain.ws));
    const [, missing] = (await once(absent, "unexpected-response")) as [unknown, { statusCode: number }];
    expect(missing.statusCode).toBe(404);
    await plain.close();
    for (const path of ["%E0%A4%A", "%ff"]) {
      const garbled = new WebSocket(`${sluice.ws}/langgraph/threads/${path}/stream/events`);
      const [, unknown] = (await once(garbled, "unexpected-response")) as [unknown, { statusCode: number }];
      expect(unknown.statusCode).toBe(404);
    }
    expect((await fetch(address.replace("ws", "http"))).status).toBe(426);
  });
});
