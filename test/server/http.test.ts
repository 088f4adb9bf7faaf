/**
 * The HTTP routes: AG-UI over SSE and as JSON, the plain chat, histories and probes, and the resume of a cut stream.
 */
import { randomUUID } from "node:crypto";
import { get } from "node:http";
import { AIMessage } from "@langchain/core/messages";
import { tool } from "@langchain/core/tools";
import { END, interrupt, MessagesAnnotation, START, StateGraph } from "@langchain/langgraph";
import { ToolNode, toolsCondition } from "@langchain/langgraph/prebuilt";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { z } from "zod";
import { type AguiEvent, EventType } from "../../src/protocol/events.ts";
import { memory, startSluice, type TestSluice } from "../support/sluice.ts";
import { textOf, userInput } from "../support/sse-client.ts";
import { dataOf, eventsOf, hasType, openSse, type SseFrame } from "../support/sse-frames.ts";
import { chatGraph, SteppedModel } from "../support/stepped-model.ts";
import { verifyRun } from "../support/verify.ts";
import { connect, isType } from "../support/ws-client.ts";

/** A graph that reasons, calls `clock`, and answers in three tokens, without steps by the test. */
function clockGraph() {
  const clock = tool(() => "noon", { name: "clock", description: "The time.", schema: z.object({}) });
  let calls = 0;
  return new StateGraph(MessagesAnnotation)
    .addNode("chat", async ({ messages }) => {
      calls += 1;
      const model = new SteppedModel();
      if (messages.at(-1)?.type === "tool") model.say("It ", "is ", "noon.").end();
      else model.think("hm, ", "time").call("clock", {}, `call-${calls}`).end();
      return { messages: await model.invoke(messages) };
    })
    .addNode("tools", new ToolNode([clock]))
    .addEdge(START, "chat")
    .addConditionalEdges("chat", toolsCondition)
    .addEdge("tools", "chat")
    .compile({ checkpointer: memory() });
}

function askingGraph() {
  return new StateGraph(MessagesAnnotation)
    .addNode("ask", () => ({ messages: [new AIMessage(`You said ${String(interrupt("Shall I?"))}`)] }))
    .addEdge(START, "ask")
    .addEdge("ask", END)
    .compile({ checkpointer: memory() });
}

let threadId: string;
let model: SteppedModel;
let sluice: TestSluice;
let agui: string;

beforeEach(async () => {
  threadId = randomUUID();
  model = new SteppedModel();
  sluice = await startSluice({
    stepped: {
      graph: chatGraph(model),
      entry: { description: "Says what the test wants.", prompts: ["Say hello"], state: ["plan"] },
    },
    quick: { graph: chatGraph(new SteppedModel({ always: ["Hel", "lo"] })) },
    clock: { graph: clockGraph() },
    asking: { graph: askingGraph() },
  });
  agui = `${sluice.url}/agui/agent`;
});
afterEach(() => sluice.close());

const input = (more: Parameters<typeof userInput>[1] = {}) => userInput("hi", { threadId, ...more });

/** Posts JSON (text as it is) and gives the whole answer. */
async function post(path: string, body: unknown, headers: Record<string, string> = {}) {
  const response = await fetch(`${sluice.url}${path}`, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: typeof body === "string" ? body : JSON.stringify(body),
  });
  const type = response.headers.get("content-type") ?? "";
  const text = await response.text();
  return {
    status: response.status,
    type,
    headers: response.headers,
    body: type.includes("json") ? JSON.parse(text) : text,
  };
}

const JSON_ONLY = { accept: "application/json" };
const deltas = (events: readonly AguiEvent[]) =>
  events.flatMap((event) => (event.type === "TEXT_MESSAGE_CONTENT" ? [event.delta] : []));

it.each(["/chat", "/agui", "/agui/agent/quick/run", "/agui/agent/quick/connect"])(
  "POST %s says how to send a body that is not called JSON",
  async (path) => {
    // The content type that curl -d sends.
    const form = await post(path, { message: "hi" }, { "content-type": "application/x-www-form-urlencoded" });
    const message = "body: send JSON, with the header Content-Type: application/json.";
    expect([form.status, form.body]).toMatchObject([400, { error: { code: "bad_request", message } }]);
  },
);

describe("POST /agui", () => {
  it("answers with an event stream of the default agent, LF only, with a cursor as id on each event", async () => {
    const sse = await openSse(`${sluice.url}/agui`, input());
    expect(sse.response.headers.get("content-type")).toBe("text/event-stream");
    expect(sse.response.headers.get("cache-control")).toContain("no-cache");
    model.say("Hello").end();
    const frames = await sse.done;
    await verifyRun(eventsOf(dataOf(frames)));
    const [epoch] = (frames[0]?.id ?? "").split(":");
    expect(frames.map(({ id }) => id)).toEqual(frames.map((_, index) => `${epoch}:${index + 1}`));
  });

  it.each(["*/*", "text/event-stream, application/json;q=0.5", ""])("streams for Accept %j", async (accept) => {
    const { type } = await post("/agui/agent/quick/run", input(), { accept });
    expect(type).toBe("text/event-stream");
  });

  it("/agui/agent/:agent/run is the same for one agent", async () => {
    const sse = await openSse(`${agui}/quick/run`, input());
    const events = eventsOf(dataOf(await sse.done));
    await verifyRun(events);
    expect(textOf(events)).toBe("Hello");
  });

  it("the URL narrows as it does for a WebSocket", async () => {
    const sse = await openSse(`${agui}/clock/run?tokens=false&reasoning=false`, input());
    const events = eventsOf(dataOf(await sse.done));
    await verifyRun(events);
    expect(deltas(events)).toEqual(["It is noon."]);
    expect(events.filter(({ type }) => type.startsWith("REASONING"))).toEqual([]);
  });

  it("a problem of the run is an event, after a status of 200", async () => {
    const sse = await openSse(`${agui}/stepped/run`, input());
    model.say("Hel").fail(new Error("no more tokens"));
    const events = eventsOf(dataOf(await sse.done));
    await verifyRun(events);
    expect(events.at(-1)).toMatchObject({
      type: "RUN_ERROR",
      code: "model_error",
      message: "The model call failed: no more tokens",
    });
  });

  it("comments keep a silent stream alive, between events only", async () => {
    const lively = await startSluice({ stepped: { graph: chatGraph(model) } }, { HEARTBEAT_SECONDS: "0.02" });
    try {
      const sse = await openSse(`${lively.url}/agui`, input());
      await sse.until(({ comment }) => comment === "keep-alive");
      model.say("Hello");
      await sse.until(hasType("TEXT_MESSAGE_CONTENT"));
      const seen = sse.frames.length;
      await sse.until((frame) => frame.comment !== undefined && sse.frames.indexOf(frame) >= seen);
      model.end();
      await verifyRun(eventsOf(dataOf(await sse.done)));
    } finally {
      await lively.close();
    }
  });
});

describe("POST /agui with Accept: application/json", () => {
  it("answers with the whole result", async () => {
    const body = input();
    const { status, body: result } = await post("/agui/agent/clock/run", body, JSON_ONLY);
    expect(status).toBe(200);
    expect(result).toEqual({
      threadId,
      runId: body.runId,
      outcome: "success",
      messages: [
        expect.objectContaining({ role: "reasoning", content: "hm, time" }),
        expect.objectContaining({
          role: "assistant",
          toolCalls: [expect.objectContaining({ function: { name: "clock", arguments: "{}" } })],
        }),
        expect.objectContaining({ role: "tool", content: "noon" }),
        expect.objectContaining({ role: "assistant", content: "It is noon." }),
      ],
    });
  });

  it("an interrupt is a result; the answer to it continues the thread", async () => {
    const asked = await post("/agui/agent/asking/run", input(), JSON_ONLY);
    expect(asked.body).toMatchObject({ outcome: "interrupt", interrupts: [{ message: "Shall I?" }] });
    const resume = [{ interruptId: asked.body.interrupts[0].id, status: "resolved" as const, payload: "yes" }];
    const messages = async () => (await fetch(`${sluice.url}/threads/${asked.body.threadId}/messages`)).json();
    expect(await messages()).toMatchObject({ interrupts: asked.body.interrupts });
    const answered = await post("/agui/agent/asking/run", input({ messages: [], resume }), JSON_ONLY);
    expect(answered.body).toMatchObject({ outcome: "success", messages: [{ content: "You said yes" }] });
    expect(await messages()).not.toHaveProperty("interrupts");
  });

  it("a failed run is an HTTP error, and names its run", async () => {
    const body = input();
    const answer = post("/agui", body, JSON_ONLY);
    model.fail(new Error("no tokens at all"));
    const { status, body: result } = await answer;
    expect(status).toBe(502);
    expect(result).toEqual({
      error: {
        code: "model_error",
        message: "The model call failed: no tokens at all",
        retryable: true,
        details: { threadId, runId: body.runId },
      },
    });
  });
});

describe("POST /agui/agent/:agent/stop/:threadId", () => {
  it("cancels the thread's run, whatever is in the thread's id", async () => {
    const odd = `ä/${threadId}?#`;
    const sse = await openSse(`${agui}/stepped/run`, input({ threadId: odd }));
    await sse.until(hasType("RUN_STARTED"));
    expect(await post(`/agui/agent/stepped/stop/${encodeURIComponent(odd)}`, {})).toMatchObject({
      status: 200,
      body: { stopped: true },
    });
    const events = eventsOf(dataOf(await sse.done));
    await verifyRun(events);
    expect(events.at(-1)).toMatchObject({ type: "RUN_FINISHED", outcome: { type: "cancelled" } });
  });

  it("is 404 where nothing runs, and for an agent that is not there", async () => {
    expect(await post(`/agui/agent/quick/stop/${threadId}`, {})).toMatchObject({
      status: 404,
      body: { error: { code: "not_found" } },
    });
    expect(await post(`/agui/agent/nobody/stop/${threadId}`, {})).toMatchObject({ status: 404 });
  });
});

describe("POST /chat", () => {
  it("answers with the whole message on a new thread, which a next message may continue", async () => {
    const first = await post("/chat", { message: "hi", agent: "quick" });
    expect(first.status).toBe(200);
    expect(first.body).toEqual({
      threadId: expect.any(String),
      runId: expect.any(String),
      message: "Hello",
      toolCalls: [],
      usage: [],
      finishReason: null,
    });
    const second = await post("/chat", { message: "again", agent: "quick", threadId: first.body.threadId });
    expect(second.body.threadId).toBe(first.body.threadId);
    const { messages } = (await (await fetch(`${sluice.url}/threads/${first.body.threadId}/messages`)).json()) as {
      messages: unknown[];
    };
    expect(messages).toMatchObject([
      { content: "hi" },
      { content: "Hello" },
      { content: "again" },
      { content: "Hello" },
    ]);
  });

  it("names the tools that were used, what they gave, and what was thought", async () => {
    const { body } = await post("/chat", { message: "What time is it?", agent: "clock" });
    expect(body).toMatchObject({
      message: "It is noon.",
      reasoning: "hm, time",
      toolCalls: [{ id: expect.stringMatching(/^call-/), name: "clock", arguments: "{}", result: "noon" }],
    });
  });

  it("says what the agent asks", async () => {
    const { status, body } = await post("/chat", { message: "go", agent: "asking", threadId });
    expect(status).toBe(200);
    expect(body).toMatchObject({ message: "", finishReason: "interrupt", interrupts: [{ message: "Shall I?" }] });
  });

  it("a failed run is an HTTP error with a JSON body", async () => {
    const answer = post("/chat", { message: "hi", agent: "stepped", threadId });
    model.say("Hel").fail(new Error("no more tokens"));
    expect(await answer).toMatchObject({
      status: 502,
      body: { error: { code: "model_error", retryable: true, details: { threadId, runId: expect.any(String) } } },
    });
  });

  it("a cancelled run is an answer: what was said until then, and why there is no more", async () => {
    const client = await connect(`${sluice.ws}/ws?thread=${threadId}`);
    const answer = post("/chat", { message: "hi", agent: "stepped", threadId });
    model.say("Hel");
    await client.until(isType("TEXT_MESSAGE_CONTENT"));
    client.send("/cancel");
    expect(await answer).toMatchObject({ status: 200, body: { message: "Hel", finishReason: "cancelled" } });
    await client.close();
  });

  it.each([
    [{}, /body, field message/],
    [{ message: "" }, /body, field message/],
    [{ message: 1 }, /body, field message/],
    [{ message: "hi", threadId: "" }, /threadId must be 1 to 256 bytes/],
    ["[]", /body/],
  ])("%j is a bad request", async (body, reason) => {
    const { status, body: answer } = await post("/chat", body);
    expect([status, answer.error.code]).toEqual([400, "bad_request"]);
    expect(answer.error.message).toMatch(reason);
  });
});

describe("GET", () => {
  const fetched = async (path: string) => {
    const response = await fetch(`${sluice.url}${path}`);
    return { status: response.status, body: (await response.json()) as Record<string, unknown> };
  };

  it("/agui/info lists the agents in the shape CopilotKit asks for", async () => {
    const { status, body } = await fetched("/agui/info");
    expect(status).toBe(200);
    expect(body).toMatchObject({
      version: "test",
      agents: { stepped: { name: "stepped", description: "Says what the test wants.", className: expect.any(String) } },
      audioFileTranscriptionEnabled: false,
    });
    // Further fields that frontends may read.
    expect(body.agents).toMatchObject({
      stepped: { prompts: ["Say hello"], stateKeys: ["plan"], demo: false },
      quick: { prompts: [], stateKeys: [], demo: false },
    });
    expect(Object.keys(body.agents as object)).toEqual(["stepped", "quick", "clock", "asking"]);
  });

  it("/threads/:id/messages is what clients were sent, in the middle of a run too", async () => {
    const path = `/threads/${encodeURIComponent(threadId)}/messages`;
    expect((await fetched(path)).status).toBe(404);
    const sse = await openSse(`${agui}/stepped/run`, input());
    model.say("Hel");
    await sse.until(hasType("TEXT_MESSAGE_CONTENT"));
    expect(await fetched(path)).toMatchObject({
      body: {
        threadId,
        messages: [
          { role: "user", content: "hi" },
          { role: "assistant", content: "Hel" },
        ],
      },
    });
    model.say("lo").end();
    await sse.done;
    expect(await fetched(path)).toMatchObject({ body: { messages: [{ content: "hi" }, { content: "Hello" }] } });
  });

  it("/healthz and /readyz answer whoever asks, by whatever name", async () => {
    for (const path of ["/healthz", "/readyz"]) {
      const status = await new Promise((resolve, reject) => {
        get(`${sluice.url}${path}`, { headers: { host: "10.0.0.7:8123" } }, (response) =>
          resolve(response.resume().statusCode),
        ).on("error", reject);
      });
      expect([path, status]).toEqual([path, 200]);
    }
  });

  it("/readyz is 503 while the server drains, and says so; /healthz stays 200", async () => {
    const draining = await startSluice({ stepped: { graph: chatGraph(model) } }, { DRAIN_SECONDS: "20" });
    const sse = await openSse(`${draining.url}/agui`, input());
    await sse.until(hasType("RUN_STARTED"));
    const closed = draining.close();
    const ready = await fetch(`${draining.url}/readyz`);
    expect([ready.status, await ready.json()]).toEqual([503, { status: "draining" }]);
    expect((await fetch(`${draining.url}/healthz`)).status).toBe(200);
    const late = await fetch(`${draining.url}/chat`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: '{"message":"hi"}',
    });
    expect([late.status, late.headers.get("retry-after"), await late.json()]).toMatchObject([
      503,
      "1",
      { error: { code: "draining" } },
    ]);
    model.say("Hello").end();
    await verifyRun(eventsOf(dataOf(await sse.done)));
    await closed;
  });

  it.each(["/nothing", "/agui/agent", "/threads/t/nothing"])("%s is a 404 in JSON", async (path) => {
    expect(await fetched(path)).toMatchObject({ status: 404, body: { error: { code: "not_found" } } });
  });

  it("no answer has browsers ask the operator's domain over HTTPS alone", async () => {
    const { headers } = await fetch(`${sluice.url}/healthz`);
    expect([headers.get("x-content-type-options"), headers.get("strict-transport-security")]).toEqual([
      "nosniff",
      null,
    ]);
  });

  it("the address of the WebSocket asks for the Upgrade header that a proxy may have removed", async () => {
    const response = await fetch(`${sluice.url}/ws`);
    expect([response.status, response.headers.get("upgrade")]).toEqual([426, "websocket"]);
    expect(await response.json()).toMatchObject({ error: { message: expect.stringContaining("no Upgrade header") } });
  });

  it("a HEAD request to a watch ends", async () => {
    const response = await fetch(`${sluice.url}/threads/t/events`, { method: "HEAD" });
    expect([response.status, response.headers.get("content-type")]).toEqual([
      200,
      expect.stringContaining("event-stream"),
    ]);
  });

  it("a path that is not well-formed is a bad request", async () => {
    expect(await fetched("/threads/%ZZ/messages")).toMatchObject({
      status: 400,
      body: { error: { code: "bad_request" } },
    });
  });
});

describe("resuming", () => {
  const resumed = (agent: string, body: object, after: string, query = "") =>
    openSse(`${agui}/${agent}/run${query}`, body, { "last-event-id": after });

  it.each(["", "?tokens=false", "?reasoning=false", "?events=on_chat_model_stream,on_tool_end"])(
    "a finished run goes on after every one of its events, without loss or double (%s)",
    async (query) => {
      const body = input();
      const whole = await (await openSse(`${agui}/clock/run${query}`, body)).done;
      expect(whole.length).toBeGreaterThan(3);
      for (let seen = 1; seen <= whole.length; seen += 1) {
        const head = whole.slice(0, seen);
        const cursor = head.findLast(({ id }) => id !== undefined)?.id;
        if (cursor === undefined) continue;
        // The events after the last id that was seen come again.
        const kept = head.slice(0, head.findLastIndex(({ id }) => id !== undefined) + 1);
        const rest = await (await resumed("clock", body, cursor, query)).done;
        expect([cursor, ...kept, ...rest]).toEqual([cursor, ...whole]);
      }
    },
  );

  it("a cursor after the run's end gives nothing more, even when later runs follow", async () => {
    const body = input();
    const first = await (await openSse(`${agui}/quick/run`, body)).done;
    const second = await (await openSse(`${agui}/quick/run`, input({ runId: randomUUID() }))).done;
    for (const cursor of [first.at(-1)?.id, second[1]?.id, second.at(-1)?.id]) {
      expect(await (await resumed("quick", body, cursor ?? "")).done).toEqual([]);
    }
  });

  it("a cursor of an earlier run gives the run that is asked for, and only that", async () => {
    const earlier = await (await openSse(`${agui}/quick/run`, input())).done;
    const body = input({ messages: [{ id: "second", role: "user", content: "again" }] });
    const frames = await (await resumed("quick", body, earlier[2]?.id ?? "")).done;
    await verifyRun(eventsOf(dataOf(frames)));
    expect(eventsOf(dataOf(frames))[0]).toMatchObject({ type: "RUN_STARTED", runId: body.runId });
  });

  it("a stream that is cut in the middle of a run goes on where it was cut", async () => {
    const patient = await startSluice({ stepped: { graph: chatGraph(model) } }, { ORPHAN_GRACE_SECONDS: "20" });
    try {
      const body = input();
      const watcher = await openSse(`${patient.url}/agui`, body);
      let seen: SseFrame[] = [];
      for (const token of ["One ", "two ", "three "]) {
        const after = seen.at(-1)?.id;
        const sse = await openSse(`${patient.url}/agui`, body, after === undefined ? {} : { "last-event-id": after });
        model.say(token);
        await sse.until(({ data }) => data?.includes(JSON.stringify(token)) === true);
        seen = [...seen, ...sse.frames];
        sse.abort();
      }
      const last = await openSse(`${patient.url}/agui`, body, { "last-event-id": seen.at(-1)?.id ?? "" });
      model.say("four.").end();
      const whole = [...seen, ...(await last.done)];
      expect(whole).toEqual(await watcher.done);
      expect(textOf(eventsOf(dataOf(whole)))).toBe("One two three four.");
    } finally {
      await patient.close();
    }
  });

  it("a WebSocket and an SSE reader of the same thread see the same run", async () => {
    const client = await connect(`${sluice.ws}/ws?thread=${threadId}&protocol=1.0`);
    const sse = await openSse(`${agui}/clock/run`, input());
    const data = dataOf(await sse.done);
    expect(await client.until(isType("RUN_FINISHED"))).toEqual(data);
    await client.close();
  });

  it.each([
    ["epoch", (id: string) => `x${id}`],
    ["ahead", (id: string) => `${id}999`],
  ])("a cursor that cannot be continued is a gap (%s), named, with all that was said", async (reason, wrong) => {
    const body = input();
    const whole = await (await openSse(`${agui}/clock/run`, body)).done;
    const events = eventsOf(dataOf(await (await resumed("clock", body, wrong(whole.at(-1)?.id ?? ""))).done));
    await verifyRun(events);
    expect(events.slice(0, 2)).toMatchObject([
      { type: "RUN_STARTED" },
      { type: "CUSTOM", name: "sluice.gap", value: { reason } },
    ]);
    const snapshot = events.find((event) => event.type === EventType.MESSAGES_SNAPSHOT);
    expect(snapshot).toMatchObject({
      messages: expect.arrayContaining([expect.objectContaining({ content: "It is noon." })]),
    });
  });

  it("a gap in the middle of a run: what is open is opened again with all it said, and the tail follows", async () => {
    const body = input();
    const first = await openSse(`${agui}/stepped/run`, body);
    model.say("Hel");
    await first.until(hasType("TEXT_MESSAGE_CONTENT"));
    const second = await resumed("stepped", body, "lost:5");
    await second.until(hasType("TEXT_MESSAGE_CONTENT"));
    model.say("lo").end();
    const frames = await second.done;
    const events = eventsOf(dataOf(frames));
    await verifyRun(events);
    expect(textOf(events)).toBe("Hello");
    // The last of the made-up events brings the reader to a real position.
    const tail = await first.done;
    const cursor = frames.find(({ id }) => id !== undefined)?.id;
    expect(frames.slice(frames.findIndex(({ id }) => id !== undefined) + 1)).toEqual(
      tail.slice(tail.findIndex(({ id }) => id === cursor) + 1),
    );
  });

  it.each(["17", "k3", "k3:", ":1", "k3:-1", "k3:1:2"])("Last-Event-ID %j is a bad request", async (after) => {
    const { status, body } = await post("/agui", input(), { "last-event-id": after });
    expect([status, body.error.code]).toEqual([400, "bad_request"]);
  });
});

describe("one runId, one run", () => {
  it("the same body under the same runId attaches: fifty at once are one run", async () => {
    const body = input();
    const before = model.prompts.length;
    const readers = await Promise.all(Array.from({ length: 50 }, () => openSse(`${agui}/stepped/run`, body)));
    model.say("Hello").end();
    const [first, ...others] = await Promise.all(readers.map((reader) => reader.done));
    await verifyRun(eventsOf(dataOf(first ?? [])));
    for (const other of others) expect(other).toEqual(first);
    expect(model.prompts.length - before).toBe(1);
  });

  it("another body under the same runId is a conflict, during the run and after it", async () => {
    const body = input();
    const other = { ...body, messages: [{ id: "another", role: "user", content: "something else" }] };
    const sse = await openSse(`${agui}/stepped/run`, body);
    expect(await post("/agui/agent/stepped/run", other)).toMatchObject({
      status: 409,
      body: { error: { code: "run_conflict", retryable: false } },
    });
    model.end();
    await sse.done;
    expect(await post("/agui/agent/stepped/run", other)).toMatchObject({
      status: 409,
      body: { error: { code: "run_conflict" } },
    });
    expect(await post("/agui/agent/quick/run", body)).toMatchObject({
      status: 409,
      body: { error: { code: "run_conflict" } },
    });
  });

  it("another run on a thread that is busy is asked to wait", async () => {
    const body = input();
    const sse = await openSse(`${agui}/stepped/run`, body);
    const { status, headers, body: answer } = await post("/agui/agent/stepped/run", input());
    expect([status, headers.get("retry-after")]).toEqual([409, "1"]);
    expect(answer).toMatchObject({ error: { code: "thread_busy", retryable: true, details: { runId: body.runId } } });
    model.end();
    await sse.done;
  });

  it("a thread that waits for an answer takes nothing else", async () => {
    await (await openSse(`${agui}/asking/run`, input())).done;
    const { status, body } = await post("/agui/agent/asking/run", input());
    expect(status).toBe(409);
    expect(body.error).toMatchObject({ code: "interrupt_pending", details: { interrupts: [{ message: "Shall I?" }] } });
  });
});

describe("bodies", () => {
  const valid = () => ({ threadId, runId: randomUUID(), messages: [{ id: "m", role: "user", content: "hi" }] });

  it.each<[string, (body: ReturnType<typeof valid>) => unknown, RegExp]>([
    ["nothing", () => "", /send JSON/],
    ["half a body", (body) => JSON.stringify(body).slice(0, -5), /not JSON/],
    ["a list", () => [], /RunAgentInput/],
    ["null", () => "null", /./],
    ["no threadId", ({ threadId: _, ...body }) => body, /field threadId/],
    ["no runId", ({ runId: _, ...body }) => body, /field runId/],
    ["no messages", ({ messages: _, ...body }) => body, /field messages/],
    ["messages that are none", (body) => ({ ...body, messages: "hi" }), /field messages/],
    [
      "a message of an unknown role",
      (body) => ({ ...body, messages: [{ id: "m", role: "king", content: "hi" }] }),
      /messages\.0/,
    ],
    ["a threadId that is a number", (body) => ({ ...body, threadId: 7 }), /field threadId/],
    [
      "events that are not known",
      (body) => ({ ...body, forwardedProps: { sluice: { events: ["on_dance"] } } }),
      /forwardedProps\.sluice.*on_dance/,
    ],
    [
      "answers that nobody waits for",
      (body) => ({ ...body, resume: [{ interruptId: "x", status: "resolved" }] }),
      /resume/,
    ],
  ])("%s is a bad request that names what is wrong", async (_, change, reason) => {
    const { status, type, body } = await post("/agui/agent/quick/run", change(valid()));
    expect(status).toBe(400);
    expect(type).toContain("application/json");
    expect(body.error).toMatchObject({ code: "bad_request", retryable: false, message: expect.stringMatching(reason) });
  });

  it.each<[string, object]>([
    ["state: null, and no tools or context", { state: null }],
    ["members nobody knows", { data: { id: 1 }, maxSteps: 3 }],
    [
      "members nobody knows inside messages",
      { messages: [{ id: "m", role: "user", content: "hi", parts: [], createdAt: 1 }] },
    ],
    ["forwardedProps that mean nothing", { forwardedProps: { theme: "dark" } }],
    ["no messages at all", { messages: [] }],
  ])("%s is taken", async (_, more) => {
    const sse = await openSse(`${agui}/quick/run`, { ...valid(), ...more });
    await verifyRun(eventsOf(dataOf(await sse.done)));
  });

  it("a body that is not said to be JSON is a bad request", async () => {
    expect((await post("/agui", JSON.stringify(valid()), { "content-type": "text/plain" })).status).toBe(400);
  });

  it.each([
    "a",
    "ünï/cødé",
    "../../etc/passwd",
    "a b?c#d%25",
    "' OR 1=1 --",
    "thread:*{}",
    "💧".repeat(64),
    "x".repeat(256),
    "__proto__",
  ])("%j is an id of a thread and of a run like any other", async (id) => {
    const unique = id.length === 256 || id.startsWith("💧") ? id : `${id}${threadId}`;
    const body = { ...valid(), threadId: unique, runId: id };
    const events = eventsOf(dataOf(await (await openSse(`${agui}/quick/run`, body)).done));
    await verifyRun(events);
    expect(events[0]).toMatchObject({ threadId: unique, runId: id });
    expect((await fetch(`${sluice.url}/threads/${encodeURIComponent(unique)}/messages`)).status).toBe(200);
  });

  it.each([
    ["is empty", ""],
    ["is blank", "  "],
    ["has 257 bytes", "x".repeat(257)],
    ["has 256 characters but more bytes", "ä".repeat(256)],
    ["has a line break", "a\nb"],
    ["has a NUL", "a\0b"],
    ["has an escape sequence", "a\u001b[31m"],
    ["has half a character", "a\ud800"],
  ])("an id that %s is refused, and not repeated", async (_, id) => {
    for (const field of ["threadId", "runId"]) {
      const { status, body } = await post("/agui/agent/quick/run", { ...valid(), [field]: id });
      expect([status, body.error.message]).toEqual([400, `${field} must be 1 to 256 bytes of printable text.`]);
    }
  });
});

describe("CORS", () => {
  const preflight = (origin: string) =>
    fetch(`${sluice.url}/agui`, {
      method: "OPTIONS",
      headers: {
        origin,
        "access-control-request-method": "POST",
        "access-control-request-headers": "content-type,last-event-id",
      },
    });

  it("an allowed origin may post JSON and read the answer", async () => {
    const asked = await preflight("http://localhost:3000");
    expect(asked.status).toBe(204);
    expect(asked.headers.get("access-control-allow-origin")).toBe("http://localhost:3000");
    expect(asked.headers.get("access-control-allow-methods")).toContain("POST");
    expect(asked.headers.get("access-control-allow-headers")).toBe("content-type,last-event-id");
    const { headers } = await post("/agui/agent/quick/run", input(), { origin: "http://localhost:3000" });
    expect(headers.get("access-control-allow-origin")).toBe("http://localhost:3000");
    expect(headers.get("vary")).toContain("Origin");
  });

  it("a foreign origin is refused before anything is done", async () => {
    const asked = await preflight("https://evil.example");
    expect([asked.status, asked.headers.get("access-control-allow-origin")]).toEqual([403, null]);
  });
});
