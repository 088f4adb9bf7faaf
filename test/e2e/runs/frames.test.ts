/**
 * The `frames` format: many topics on one socket, each of which can be resumed, and answers with the ids of their
 * requests.
 */
import { randomUUID } from "node:crypto";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type AguiEvent, EventType, type RunAgentInput } from "../../../src/protocol/events.ts";
import { threadTopic } from "../../../src/protocol/ids.ts";
import { refusal } from "../../support/raw-socket.ts";
import { startSluice, type TestSluice } from "../../support/sluice.ts";
import { textOf, userInput } from "../../support/sse-client.ts";
import { chatGraph, SteppedModel } from "../../support/stepped-model.ts";
import { verifyRun } from "../../support/verify.ts";
import { connect } from "../../support/ws-client.ts";
import { canonical } from "./canonical.ts";
import { type Frame, type FramesClient, openFrames, over, sends } from "./frames-client.ts";
import { folded } from "./transports.ts";
import { weatherGraph } from "./weather.ts";

let threadId: string;
let topic: string;
let model: SteppedModel;
let sluice: TestSluice;
const closing: (() => Promise<unknown>)[] = [];

async function serve(env: Record<string, string> = {}): Promise<TestSluice> {
  const own = await startSluice(
    {
      stepped: { graph: chatGraph(model) },
      quick: { graph: chatGraph(new SteppedModel({ always: ["Hel", "lo"] })) },
      weather: { graph: weatherGraph(model) },
    },
    env,
  );
  closing.push(() => own.close());
  return own;
}

beforeEach(async () => {
  threadId = `ä/${randomUUID()}`;
  topic = threadTopic(threadId);
  model = new SteppedModel();
  sluice = await serve();
});
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function open(server = sluice): Promise<FramesClient> {
  const client = await openFrames(server.ws);
  closing.push(() => client.drop());
  return client;
}

const input = (more: Partial<RunAgentInput> = {}) => userInput("hi", { threadId, ...more });
const run = (agent: string, more: Partial<RunAgentInput> = {}) => ({ type: "run", agent, input: input(more) });
const eventsIn = (frames: readonly Frame[]): AguiEvent[] => frames.flatMap(({ data }) => data ?? []);
const cursorsIn = (frames: readonly Frame[]): string[] => frames.flatMap(({ cursor, data }) => (data && cursor) || []);

/** Runs `quick` on this test's thread and gives its event frames. */
async function quickRun(server = sluice): Promise<readonly Frame[]> {
  const client = await open(server);
  await client.ask(run("quick"));
  const frames = (await client.until(over)).filter(({ type }) => type === "event");
  await client.close();
  return frames;
}

describe("a socket", () => {
  it("is greeted with what it needs to know", async () => {
    const client = await open();
    const [hello] = await client.until(() => true);
    expect(hello).toEqual({
      v: 1,
      type: "hello",
      connection: expect.stringMatching(/^[\da-f-]{36}$/),
      heartbeatSeconds: 15,
      limits: { messageBytes: 8_388_608, subscriptions: 64 },
    });
  });

  it("is sent heartbeats, at the pace it was given", async () => {
    const lively = await serve({ HEARTBEAT_SECONDS: "0.02" });
    const client = await open(lively);
    const [hello, ...beats] = await client.until(
      ({ type }) => type === "heartbeat" && client.frames.filter((frame) => frame.type === "heartbeat").length > 2,
    );
    expect(hello).toMatchObject({ heartbeatSeconds: 0.02 });
    expect(new Set(beats.map((beat) => JSON.stringify(beat)))).toEqual(new Set(['{"v":1,"type":"heartbeat"}']));
  });

  it.each(["ping", "auth"])("%s is answered with its id, run or no run", async (type) => {
    const client = await open();
    const answer = { v: 1, type: type === "ping" ? "pong" : "ack" };
    expect(await client.ask({ type, token: "t" })).toEqual({ ...answer, id: "ask-1" });
    await client.ask(run("stepped"));
    expect(await client.ask({ type, token: "t" })).toEqual({ ...answer, id: "ask-3" });
  });

  it("may speak another subprotocol only if the server does", async () => {
    const { status, error } = await refusal(`${sluice.url}/ws`, { "Sec-WebSocket-Protocol": "chat.v9" });
    expect([status, error.code]).toEqual([400, "bad_request"]);
    expect(error.message).toContain("sluice.v1");
    const both = await connect(`${sluice.ws}/ws`, {}, ["chat.v9", "sluice.v1"]);
    expect(both.socket.protocol).toBe("sluice.v1");
    await both.close();
  });

  it.each<[string, object | string, RegExp]>([
    ["no JSON", "hello", /must be JSON/],
    ["no object", "[1]", /type of a frame is missing or unknown/],
    ["an unknown type", { type: "dance" }, /valid are run, subscribe, unsubscribe, inject, cancel, stats, auth, ping/],
    ["a type of Object's own", { type: "constructor" }, /valid are run/],
    ["no type", {}, /valid are run/],
    ["run without input", { type: "run" }, /run, field input: is missing\.$/],
    ["run without a runId", { type: "run", input: { threadId: "t", messages: [] } }, /field runId/],
    ["run of nobody", { type: "run", agent: "nobody", input: userInput("hi") }, /no agent "nobody"/],
    ["subscribe without a topic", { type: "subscribe" }, /subscribe, field topic: is missing, must be a string\.$/],
    ["auth without a token", { type: "auth" }, /auth, field token: is missing, must be a string\.$/],
    ["subscribe to no topic", { type: "subscribe", topic: "thread:" }, /URL-encoded id of a thread/],
    ["subscribe to a graph topic", { type: "subscribe", topic: "thread:t/graph" }, /URL-encoded id of a thread/],
    ["subscribe to half an escape", { type: "subscribe", topic: "thread:%E0" }, /URL-encoded id of a thread/],
    ["subscribe after no cursor", { type: "subscribe", topic: "thread:t", after: "17" }, /field after.*cursor/],
    ["subscribe to no event", { type: "subscribe", topic: "thread:t", events: "on_dance" }, /on_dance/],
    ["subscribe with tokens that are a word", { type: "subscribe", topic: "thread:t", tokens: "no" }, /field tokens/],
    ["cancel without a thread", { type: "cancel" }, /field threadId/],
    ["cancel of nothing", { type: "cancel", threadId: "nothing" }, /no active run/],
  ])("that says %s learns what is wrong with it, and stays open", async (_, frame, reason) => {
    const client = await open();
    const answered = typeof frame !== "string";
    client.send(answered ? { id: "this", ...frame } : frame);
    const error = (await client.until(({ type }) => type === "error")).at(-1);
    expect(error).toEqual({
      v: 1,
      type: "error",
      ...(answered ? { id: "this" } : {}),
      code: expect.stringMatching(/^(bad_request|not_found)$/),
      message: expect.stringMatching(reason),
      retryable: false,
    });
    expect(await client.ask({ type: "ping" })).toMatchObject({ type: "pong" });
  });

  it("may send fields that nobody knows", async () => {
    const client = await open();
    expect(await client.ask({ type: "subscribe", topic, colour: "red" })).toMatchObject({ type: "ack", topic });
  });

  it("learns that the server goes, sees its run end, and is closed with 1012", async () => {
    const draining = await serve({ DRAIN_SECONDS: "20" });
    const client = await open(draining);
    await client.ask(run("stepped"));
    const closed = draining.close();
    const notice = (await client.until(({ type }) => type === "draining")).at(-1);
    expect(notice).toEqual({ v: 1, type: "draining", reconnectAfterMs: expect.any(Number) });
    expect(notice?.reconnectAfterMs).toBeLessThanOrEqual(5_000);
    expect(await client.ask(run("quick", { threadId: "another" }))).toMatchObject({
      type: "error",
      code: "draining",
      retryable: true,
    });
    model.say("Hello").end();
    await verifyRun(eventsIn(await client.until(over)));
    expect(await client.closed).toEqual({ code: 1012, reason: expect.any(String) });
    await closed;
  });
});

describe("run", () => {
  it("is acknowledged before its first event, with where it begins", async () => {
    const client = await open();
    const body = input();
    client.send({ type: "run", id: "r", agent: "quick", input: body });
    const [, ack, ...events] = await client.until(over);
    expect(ack).toEqual({
      v: 1,
      type: "ack",
      id: "r",
      topic,
      runId: body.runId,
      cursor: expect.stringMatching(/^\w+:0$/),
    });
    await verifyRun(eventsIn(events));
    const [epoch] = (ack?.cursor ?? "").split(":");
    expect(events.map(({ cursor }) => cursor)).toEqual(events.map((_, index) => `${epoch}:${index + 1}`));
    for (const frame of events)
      expect(frame).toEqual({ v: 1, type: "event", topic, cursor: frame.cursor, data: frame.data });
  });

  it("narrows as the URL of other formats does", async () => {
    const client = await open();
    model.think("hm").say("Hel", "lo").end();
    await client.ask({ ...run("stepped"), tokens: false, reasoning: false });
    const events = eventsIn(await client.until(over));
    await verifyRun(events);
    expect(events.flatMap((event) => (event.type === EventType.TEXT_MESSAGE_CONTENT ? [event.delta] : []))).toEqual([
      "Hello",
    ]);
    expect(events.filter(({ type }) => type.startsWith("REASONING"))).toEqual([]);
  });

  it("that attaches to one that is over gives it again, from its start", async () => {
    const body = input();
    const [one, two] = [await open(), await open()];
    await one.ask({ type: "run", agent: "quick", input: body });
    const first = await one.until(over);
    expect(await two.ask({ type: "run", agent: "quick", input: body })).toMatchObject({ type: "ack" });
    const again = await two.until(over);
    expect(again.slice(2)).toEqual(first.slice(2));
  });

  it("on a thread that is subscribed to is sent once", async () => {
    const client = await open();
    await client.ask({ type: "subscribe", topic });
    await client.until(over);
    const seen = client.frames.length;
    const { runId } = await client.ask(run("quick"));
    await client.until(({ data }) => data?.type === EventType.RUN_FINISHED && data.runId === runId);
    const events = eventsIn(client.frames.slice(seen));
    await verifyRun(events);
    expect(textOf(events)).toBe("Hello");
  });
});

describe("subscribe", () => {
  it("to an idle thread reports how its last run ended, and so does the thread itself", async () => {
    const thread = async () => (await fetch(`${sluice.url}/threads/${encodeURIComponent(threadId)}`)).json();
    const [started] = await quickRun();
    const first = started?.data as { runId?: string } | undefined;
    expect(await thread()).toMatchObject({ lastRun: { runId: first?.runId, outcome: "success" } });
    model.fail(new Error("The model is ill."));
    const client = await open();
    const { runId } = await client.ask(run("stepped"));
    await client.until(over);
    const late = await open();
    await late.ask({ type: "subscribe", topic });
    const stood = eventsIn(await late.until(over));
    await verifyRun(stood);
    expect(stood[0]).toMatchObject({ type: "RUN_STARTED", runId });
    const last = stood.at(-1) as { code?: string };
    expect(last).toMatchObject({ type: "RUN_ERROR", code: expect.stringMatching(/^(graph|model)_error$/) });
    expect(await thread()).toMatchObject({ lastRun: { runId, outcome: "error", code: last.code } });
  });

  it("to a thread that nobody knows is empty at first, then reports what happens", async () => {
    const client = await open();
    const ack = await client.ask({ type: "subscribe", topic });
    const cursor = expect.stringMatching(/^\w+:0$/);
    expect(ack).toEqual({ v: 1, type: "ack", id: "ask-1", topic, cursor, head: ack.cursor });
    const standing = eventsIn(await client.until(over));
    expect(standing).toMatchObject([
      { type: "RUN_STARTED", threadId },
      { type: "MESSAGES_SNAPSHOT", messages: [] },
      { type: "RUN_FINISHED" },
    ]);
    await verifyRun(standing);
    const seen = client.frames.length;
    const frames = await quickRun();
    await client.until(({ cursor }) => cursor === frames.at(-1)?.cursor);
    expect(client.frames.slice(seen)).toEqual(frames);
  });

  it("without a cursor, to a thread that rests: what was said in one legal bracket, and the head's cursor at its end", async () => {
    const sent = await quickRun();
    const client = await open();
    const ack = await client.ask({ type: "subscribe", topic });
    const standing = (await client.until(over)).filter(({ data }) => data);
    expect(ack.cursor).toBe(sent.at(-1)?.cursor);
    expect(ack.runId).toBeUndefined();
    expect(standing.map(({ cursor }) => cursor)).toEqual([undefined, undefined, sent.at(-1)?.cursor]);
    await verifyRun(eventsIn(standing));
    expect(await folded(eventsIn(standing))).toEqual(await folded(eventsIn(sent)));
  });

  it("without a cursor, in the middle of a run: what is open is opened again, and the run goes on", async () => {
    const starter = await open();
    const { runId } = await starter.ask(run("stepped"));
    model.think("hm", "m").say("Hel");
    await starter.until(sends("TEXT_MESSAGE_CONTENT"));
    const client = await open();
    expect(await client.ask({ type: "subscribe", topic })).toMatchObject({ type: "ack", runId });
    await client.until(sends("TEXT_MESSAGE_CONTENT"));
    model.say("lo").end();
    const events = eventsIn(await client.until(over));
    await verifyRun(events);
    expect(events[0]).toMatchObject({ type: "RUN_STARTED", runId });
    const whole = eventsIn(await starter.until(over));
    expect(await folded(events)).toEqual(await folded(whole));
  });

  it("after a cursor goes on exactly there, and on into later runs", async () => {
    const first = await quickRun();
    for (const [index, { cursor }] of first.entries()) {
      const client = await open();
      const ack = await client.ask({ type: "subscribe", topic, after: cursor });
      expect(ack).toEqual({ v: 1, type: "ack", id: "ask-1", topic, cursor, head: first.at(-1)?.cursor });
      if (index < first.length - 1) await client.until(over);
      expect(client.sent(threadId)).toEqual(first.slice(index + 1));
    }
    const client = await open();
    await client.ask({ type: "subscribe", topic, after: first[2]?.cursor });
    const second = await quickRun();
    await client.until(({ cursor }) => cursor === second.at(-1)?.cursor);
    expect(client.sent(threadId)).toEqual([...first.slice(3), ...second]);
  });

  it("again replaces what the socket followed: nothing is sent twice", async () => {
    const client = await open();
    await client.ask(run("stepped"));
    model.say("Hel");
    const cursor = (await client.until(sends("TEXT_MESSAGE_CONTENT"))).at(-1)?.cursor;
    await client.ask({ type: "subscribe", topic, after: cursor });
    model.say("lo").end();
    await client.until(over);
    const cursors = cursorsIn(client.frames);
    expect(new Set(cursors).size).toBe(cursors.length);
    expect(textOf(eventsIn(client.frames))).toBe("Hello");
  });

  it("may narrow, a topic for itself", async () => {
    const client = await open();
    const other = `${threadId} too`;
    await client.ask({ type: "subscribe", topic, tokens: false, events: "on_chat_model_*" });
    await client.ask({ type: "subscribe", topic: threadTopic(other) });
    const starter = await open();
    const narrow = await starter.ask(run("stepped"));
    const whole = await starter.ask(run("quick", { threadId: other }));
    model.say("Hel", "lo").end();
    for (const { runId } of [narrow, whole]) {
      await client.until(({ data }) => data?.type === EventType.RUN_FINISHED && data.runId === runId);
    }
    const types = (thread: string) =>
      client.sent(thread).flatMap(({ data }) => (data.type === "CUSTOM" ? [] : data.type));
    const text = ["TEXT_MESSAGE_START", "TEXT_MESSAGE_CONTENT", "TEXT_MESSAGE_END"];
    const stood = ["RUN_STARTED", "MESSAGES_SNAPSHOT", "RUN_FINISHED"];
    expect(types(threadId)).toEqual([...stood, "RUN_STARTED", ...text, "RUN_FINISHED"]);
    expect(types(other)).toEqual(expect.arrayContaining(["STEP_STARTED", "STEP_FINISHED"]));
  });

  it("follows many threads on one socket, each with its own cursors", async () => {
    const client = await open();
    const threads = Array.from({ length: 20 }, (_, index) => `${threadId} ${index}`);
    await Promise.all(threads.map((each) => client.ask({ type: "subscribe", topic: threadTopic(each) })));
    const starter = await open();
    await Promise.all(threads.map((each) => starter.ask(run("quick", { threadId: each }))));
    for (const each of threads) {
      const ends = () => client.sent(each).filter(over).length;
      // The first end belongs to the report of the thread's state.
      await client.until((frame) => frame.topic === threadTopic(each) && ends() === 2);
      const sent = client.sent(each).slice(3);
      await verifyRun(eventsIn(sent));
      expect(cursorsIn(sent).map((cursor) => Number(cursor.split(":")[1]))).toEqual(sent.map((_, index) => index + 1));
    }
  });

  it("ends at 64 topics; one that is let go makes room", async () => {
    const client = await open();
    const topics = Array.from({ length: 64 }, (_, index) => `thread:t${index}`);
    for (const each of topics)
      expect(await client.ask({ type: "subscribe", topic: each })).toMatchObject({ type: "ack" });
    expect(await client.ask({ type: "subscribe", topic })).toMatchObject({ type: "error", code: "overloaded" });
    expect(await client.ask(run("quick"))).toMatchObject({ type: "error", code: "overloaded" });
    // A second subscription to the same topic is not counted.
    expect(await client.ask({ type: "subscribe", topic: "thread:t5" })).toMatchObject({ type: "ack" });
    await client.ask({ type: "unsubscribe", topic: "thread:t0" });
    expect(await client.ask({ type: "subscribe", topic })).toMatchObject({ type: "ack" });
  });
});

describe("200 topics at once", () => {
  it.each([
    ["subscribes", (each: string) => ({ type: "subscribe", topic: threadTopic(each) })],
    ["runs", (each: string) => run("quick", { threadId: each })],
  ])("as pipelined %s get 64 places, and the rest are refused", async (_, frame) => {
    const client = await open();
    const threads = Array.from({ length: 200 }, () => randomUUID());
    const answers = await Promise.all(threads.map((each) => client.ask(frame(each))));
    const kinds = answers.map(({ type, code }) => String(code ?? type)).sort();
    expect(kinds).toEqual([...Array<string>(64).fill("ack"), ...Array<string>(136).fill("overloaded")]);
    // A refused request is not counted.
    const [first = ""] = threads;
    await client.ask({ type: "unsubscribe", topic: threadTopic(first) });
    expect(await client.ask({ type: "subscribe", topic })).toMatchObject({ type: "ack" });
  });

  it("of which none could be begun leave all places free", async () => {
    const client = await open();
    const runs = Array.from({ length: 64 }, () =>
      client.ask({ ...run("quick", { threadId: randomUUID() }), agent: "nobody" }),
    );
    expect((await Promise.all(runs)).filter(({ code }) => code !== "not_found")).toEqual([]);
    expect(await client.ask({ type: "subscribe", topic })).toMatchObject({ type: "ack" });
  });
});

describe("unsubscribe", () => {
  it("is acknowledged, and nothing more is sent", async () => {
    const client = await open();
    await client.ask({ type: "subscribe", topic });
    await client.until(over);
    expect(await client.ask({ type: "unsubscribe", topic })).toEqual({ v: 1, type: "ack", id: "ask-2", topic });
    const seen = client.frames.length;
    await quickRun();
    expect(await client.ask({ type: "ping" })).toMatchObject({ type: "pong" });
    expect(client.frames).toHaveLength(seen + 1);
  });

  it("from what is not followed changes nothing", async () => {
    const client = await open();
    expect(await client.ask({ type: "unsubscribe", topic })).toMatchObject({ type: "ack", topic });
  });
});

describe("stats", () => {
  it("says how much the allow-list refused, by name and nothing else", async () => {
    const client = await open();
    expect(await client.ask({ type: "stats", topic })).toEqual({
      v: 1,
      type: "stats",
      id: "ask-1",
      topic,
      refused: {},
    });
    model.say("Hel");
    await client.ask(run("stepped"));
    await client.until(sends("TEXT_MESSAGE_CONTENT"));
    const during = await client.ask({ type: "stats", topic });
    expect(during.refused).toMatchObject({ on_chat_model_start: 1 });
    expect(during.refused).not.toHaveProperty("on_chat_model_end");
    model.end();
    await client.until(over);
    const after = await client.ask({ type: "stats", topic });
    expect(after.refused).toMatchObject({ on_chat_model_start: 1, on_chat_model_end: 1 });
    expect(Object.keys(after.refused as object).filter((name) => !name.startsWith("on_"))).toEqual([]);
  });
});

describe("a cursor that cannot be continued", () => {
  /** Starts a server whose log keeps twenty entries of a thread, and an active run that has produced many more. */
  async function trimmed() {
    const small = await serve({ LOG_MAX_EVENTS: "20" });
    const starter = await open(small);
    await starter.ask(run("stepped"));
    for (let word = 0; word < 60; word += 1) {
      model.say(`${word} `);
      await starter.until(({ data }) => data?.type === "TEXT_MESSAGE_CONTENT" && data.delta === `${word} `);
    }
    const [first = ""] = cursorsIn(starter.frames);
    return { small, starter, epoch: first.split(":")[0] ?? "" };
  }

  it.each([
    ["window", (epoch: string) => `${epoch}:3`],
    ["epoch", () => "lost:3"],
    ["ahead", (epoch: string) => `${epoch}:999999`],
  ])("is a gap (%s): where the thread stands, then the live tail", async (reason, cursor) => {
    const { small, starter, epoch } = await trimmed();
    const client = await open(small);
    const ack = await client.ask({ type: "subscribe", topic, after: cursor(epoch) });
    expect(ack).toMatchObject({ type: "ack", cursor: cursor(epoch) });
    await client.until(sends("TEXT_MESSAGE_CONTENT"));
    const head = cursorsIn(starter.frames).at(-1);
    const [, , gap, ...rest] = client.frames;
    expect(gap).toEqual({ v: 1, type: "gap", topic, reason, cursor: head });
    expect(cursorsIn(rest)).toEqual([head]);
    expect(rest[1]?.data).toMatchObject({ type: "MESSAGES_SNAPSHOT", messages: [{ role: "user" }] });
    model.say("the ", "end").end();
    const events = eventsIn(await client.until(over));
    await verifyRun(events);
    const whole = eventsIn(await starter.until(over));
    expect(await folded(events)).toEqual(await folded(whole));
    expect(textOf(events)).toBe(textOf(whole));
    expect(client.frames.at(-1)).toEqual(starter.frames.at(-1));
  });

  it.each([
    ["epoch", (head: string) => `x${head}`],
    ["ahead", (head: string) => `${head}9`],
  ])("on a thread that rests is a gap (%s) too, and what happens next is sent", async (reason, cursor) => {
    const sent = await quickRun();
    const head = sent.at(-1)?.cursor ?? "";
    const client = await open();
    await client.ask({ type: "subscribe", topic, after: cursor(head) });
    const frames = await client.until(over);
    expect(frames.find(({ type }) => type === "gap")).toMatchObject({ reason, cursor: head });
    await verifyRun(eventsIn(frames));
    const next = await quickRun();
    await client.until((frame) => frame.cursor === next.at(-1)?.cursor);
    expect(client.sent(threadId).slice(-next.length)).toEqual(next);
  });
});

describe("catching up", () => {
  it("with 500 deltas takes few frames: the same text, each entry counted, the last cursor right", async () => {
    const starter = await open();
    const ack = await starter.ask(run("stepped"));
    const words = Array.from({ length: 500 }, (_, index) => `${index} `);
    for (const word of words) {
      model.say(word);
      await starter.until(({ data }) => data?.type === "TEXT_MESSAGE_CONTENT" && data.delta === word);
    }
    model.end();
    await starter.until(over);
    const sent = starter.sent(threadId);
    expect(sent.length).toBeGreaterThan(500);
    const late = await open();
    await late.ask({ type: "subscribe", topic, after: ack.cursor });
    await late.until(over);
    const caughtUp = late.sent(threadId);
    expect(caughtUp.length).toBeLessThan(sent.length / 10);
    expect(canonical(eventsIn(caughtUp))).toEqual(canonical(eventsIn(sent)));
    await verifyRun(eventsIn(caughtUp));
    // Each frame's cursor is that of the last entry it covers; together they cover every entry once.
    let offset = 0;
    for (const { cursor, n = 1 } of caughtUp) {
      offset += n;
      expect(cursor).toBe(sent[offset - 1]?.cursor);
    }
    expect(offset).toBe(sent.length);
    expect(caughtUp.some(({ n = 1 }) => n > 100)).toBe(true);
  });
});
