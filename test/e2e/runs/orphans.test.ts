/** A run after its clients leave, come back, stop it or send another message. */
import { randomUUID } from "node:crypto";
import type { ServerResponse } from "node:http";
import { setImmediate as endOfTurn } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type AguiEvent, EventType, isTerminal, type RunAgentInput } from "../../../src/protocol/events.ts";
import { threadTopic } from "../../../src/protocol/ids.ts";
import { startSluice, type TestSluice } from "../../support/sluice.ts";
import { textOf, userInput } from "../../support/sse-client.ts";
import { dataOf, eventsOf, hasType, openSse, watchSse } from "../../support/sse-frames.ts";
import { chatGraph, SteppedModel } from "../../support/stepped-model.ts";
import { verifyRun } from "../../support/verify.ts";
import { connect, isType } from "../../support/ws-client.ts";
import { openFrames, over, sends } from "./frames-client.ts";

let threadId: string;
let model: SteppedModel;
const closing: (() => Promise<unknown>)[] = [];

/** A grace period that ends at once, and one that does not end during a test. */
const [SHORT, LONG] = ["0.03", "3600"];

async function serve(env: Record<string, string>, entry: object = {}): Promise<TestSluice> {
  const sluice = await startSluice(
    {
      stepped: { graph: chatGraph(model), entry },
      quick: { graph: chatGraph(new SteppedModel({ always: ["Hel", "lo"] })) },
    },
    env,
  );
  closing.push(() => sluice.close());
  return sluice;
}

beforeEach(() => {
  threadId = randomUUID();
  model = new SteppedModel();
});
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

const input = (more: Partial<RunAgentInput> = {}) => userInput("hi", { threadId, ...more });

/** The events of a run that nobody followed, once it is over. */
async function ending({ runs, log }: TestSluice): Promise<AguiEvent[]> {
  while (await runs.active(threadId)) await endOfTurn();
  const { entries } = await log.read(threadTopic(threadId), null, 10_000);
  return entries.map(({ json }) => JSON.parse(json) as AguiEvent);
}

const cancelled = { type: "RUN_FINISHED", outcome: { type: "cancelled" } };

/** The outcome of a terminal event; empty for success. */
const endOf = (event: AguiEvent | undefined) =>
  event?.type === "RUN_FINISHED" ? (event.outcome?.type ?? "success") : event?.type;

/** Posts a run that says one word, and goes away; resolves when the server has seen it go. */
async function abandoned({ url, server }: TestSluice, body = input()) {
  const closed = new Promise<void>((resolve) => {
    server.once("request", (_, response: ServerResponse) => response.once("close", () => resolve()));
  });
  const sse = await openSse(`${url}/agui`, body);
  model.say("Well, ");
  await sse.until(hasType("TEXT_MESSAGE_CONTENT"));
  sse.abort();
  await closed;
  return sse.frames;
}

describe("a client over SSE that goes away", () => {
  it("and stays away: its run is cancelled when the grace is over, and kept as it is", async () => {
    const sluice = await serve({ ORPHAN_GRACE_SECONDS: SHORT });
    await abandoned(sluice);
    const events = await ending(sluice);
    await verifyRun(events);
    expect(events.at(-1)).toMatchObject(cancelled);
    const { messages } = (await (await fetch(`${sluice.url}/threads/${threadId}/messages`)).json()) as {
      messages: unknown[];
    };
    expect(messages).toMatchObject([{ content: "hi" }, { content: "Well, " }]);
  });

  it("and comes back in time: its run goes on where it was", async () => {
    const sluice = await serve({ ORPHAN_GRACE_SECONDS: LONG });
    const body = input();
    const head = await abandoned(sluice, body);
    expect(await sluice.runs.active(threadId)).toMatchObject({ runId: body.runId });
    const back = await openSse(`${sluice.url}/agui`, body, { "last-event-id": head.at(-1)?.id ?? "" });
    model.say("here I am.").end();
    const events = eventsOf(dataOf([...head, ...(await back.done)]));
    await verifyRun(events);
    expect(textOf(events)).toBe("Well, here I am.");
    expect(model.prompts).toHaveLength(1);
  });

  it("while another watches: its run goes on until that one leaves too", async () => {
    const sluice = await serve({ ORPHAN_GRACE_SECONDS: "0.001" });
    const watcher = await connect(`${sluice.ws}/ws?thread=${threadId}&protocol=1.0`);
    await abandoned(sluice);
    await watcher.until(isType("TEXT_MESSAGE_CONTENT"));
    model.say("still here.");
    await watcher.until((frame) => frame.includes("still here."));
    await watcher.close();
    expect((await ending(sluice)).at(-1)).toMatchObject(cancelled);
  });

  it("has what its agent's entry gives it", async () => {
    const sluice = await serve({ ORPHAN_GRACE_SECONDS: LONG }, { orphanGraceSeconds: 0 });
    await abandoned(sluice);
    expect((await ending(sluice)).at(-1)).toMatchObject(cancelled);
  });

  it("has what it asked for itself: graceSeconds, longer or shorter than the setting", async () => {
    const sluice = await serve({ ORPHAN_GRACE_SECONDS: LONG });
    await abandoned(sluice, input({ forwardedProps: { sluice: { graceSeconds: 0 } } }));
    expect((await ending(sluice)).at(-1)).toMatchObject(cancelled);
    const hasty = await serve({ ORPHAN_GRACE_SECONDS: "0.001" });
    threadId = randomUUID();
    await abandoned(hasty, input({ forwardedProps: { sluice: { graceSeconds: 3_600 } } }));
    model.say("alone.").end();
    const events = await ending(hasty);
    expect(endOf(events.at(-1))).toBe("success");
    expect(textOf(events)).toBe("Well, alone.");
  });
});

describe("a client over frames that goes away", () => {
  async function left(sluice: TestSluice) {
    const client = await openFrames(sluice.ws);
    await client.ask({ type: "run", input: input() });
    model.say("Well, ");
    await client.until(sends("TEXT_MESSAGE_CONTENT"));
    await client.drop();
    return client.sent(threadId);
  }

  it("leaves its run to go on without it, for DETACHED_GRACE_SECONDS", async () => {
    const sluice = await serve({ ORPHAN_GRACE_SECONDS: "0.001", DETACHED_GRACE_SECONDS: LONG });
    const head = await left(sluice);
    while (sluice.sockets.size > 0) await endOfTurn();
    model.say("I wrote it down.").end();
    const events = await ending(sluice);
    expect(endOf(events.at(-1))).toBe("success");
    const back = await openFrames(sluice.ws);
    await back.ask({ type: "subscribe", topic: threadTopic(threadId), after: head.at(-1)?.cursor });
    await back.until(over);
    expect([...head, ...back.sent(threadId)].map(({ data }) => data)).toEqual(events);
    await back.close();
  });

  it("and stays away longer than that: its run is cancelled", async () => {
    const sluice = await serve({ ORPHAN_GRACE_SECONDS: LONG, DETACHED_GRACE_SECONDS: SHORT });
    await left(sluice);
    const events = await ending(sluice);
    await verifyRun(events);
    expect(events.at(-1)).toMatchObject(cancelled);
  });

  it("or only lets go of the topic: that is going away too", async () => {
    const sluice = await serve({ ORPHAN_GRACE_SECONDS: LONG, DETACHED_GRACE_SECONDS: SHORT });
    const client = await openFrames(sluice.ws);
    await client.ask({ type: "run", input: input() });
    await client.ask({ type: "unsubscribe", topic: threadTopic(threadId) });
    expect((await ending(sluice)).at(-1)).toMatchObject(cancelled);
    await client.close();
  });
});

describe("stop and type on", () => {
  it("a reader that hangs up and starts another run at once does not hear that the thread is busy", async () => {
    const sluice = await serve({ ORPHAN_GRACE_SECONDS: LONG });
    for (let round = 0; round < 20; round += 1) {
      const sse = await openSse(`${sluice.url}/agui`, input({ runId: `stopped ${round}` }));
      model.say(`${round} `);
      await sse.until(hasType("TEXT_MESSAGE_CONTENT"));
      sse.abort();
      const next = await openSse(`${sluice.url}/agui/agent/quick/run`, userInput("but", { threadId }));
      const events = eventsOf(dataOf(await next.done));
      await verifyRun(events);
      expect(textOf(events)).toBe("Hello");
    }
    const ends = (await ending(sluice)).filter(({ type }) => isTerminal(type));
    expect(ends).toHaveLength(40);
    for (const [index, end] of ends.entries()) {
      expect(endOf(end)).toBe(index % 2 === 0 ? "cancelled" : "success");
    }
  });

  it("one that is cancelled makes way at once, over frames, agui and HTTP", async () => {
    const sluice = await serve({});
    const client = await openFrames(sluice.ws);
    await client.ask({ type: "run", input: input() });
    client.send({ type: "cancel", threadId });
    expect(await client.ask({ type: "run", input: input() })).toMatchObject({ type: "ack" });
    const tab = await connect(`${sluice.ws}/ws?thread=${threadId}&protocol=1.0`);
    await tab.until(isType("RUN_STARTED"));
    tab.send("/cancel");
    tab.send("but");
    await tab.until((frame) => isType("RUN_STARTED")(frame) && frame.includes("but"));
    await fetch(`${sluice.url}/agui/agent/stepped/stop/${threadId}`, { method: "POST" });
    const next = await openSse(`${sluice.url}/agui/agent/quick/run`, userInput("and", { threadId }));
    expect(textOf(eventsOf(dataOf(await next.done)))).toBe("Hello");
    expect((await ending(sluice)).filter(({ type }) => isTerminal(type)).map(endOf)).toEqual([
      "cancelled",
      "cancelled",
      "cancelled",
      "success",
    ]);
    await client.close();
    await tab.close();
  });

  it("one whom somebody still watches is not taken from them", async () => {
    const sluice = await serve({ ORPHAN_GRACE_SECONDS: LONG });
    const watcher = await connect(`${sluice.ws}/ws?thread=${threadId}`);
    await abandoned(sluice);
    await expect(openSse(`${sluice.url}/agui`, input())).rejects.toThrow(/^409 .*thread_busy/);
    model.say("go on").end();
    await watcher.until(isType("RUN_FINISHED"));
    await watcher.close();
  });

  it("one over frames, which was meant to go on alone, is not taken either", async () => {
    const sluice = await serve({ DETACHED_GRACE_SECONDS: LONG });
    const client = await openFrames(sluice.ws);
    await client.ask({ type: "run", input: input() });
    await client.drop();
    await expect(openSse(`${sluice.url}/agui`, input())).rejects.toThrow(/^409 .*thread_busy/);
  });
});

describe("cancelling", () => {
  it("is anybody's right who watches, and once is enough", async () => {
    const sluice = await serve({});
    const reader = await openSse(`${sluice.url}/agui`, input());
    await reader.until(hasType("RUN_STARTED"));
    const watcher = await openFrames(sluice.ws);
    await watcher.ask({ type: "subscribe", topic: threadTopic(threadId) });
    const cancel = { type: "cancel", threadId };
    const answers = await Promise.all([watcher.ask(cancel), watcher.ask(cancel), watcher.ask(cancel)]);
    for (const { type, code } of answers) expect(["ack", "not_found"]).toContain(code ?? type);
    expect(answers).toContainEqual(expect.objectContaining({ type: "ack", topic: threadTopic(threadId) }));
    const events = eventsOf(dataOf(await reader.done));
    await verifyRun(events);
    expect(events.at(-1)).toMatchObject(cancelled);
    while (await sluice.runs.active(threadId)) await endOfTurn();
    expect(await watcher.ask(cancel)).toMatchObject({ type: "error", code: "not_found", retryable: false });
    await watcher.close();
  });

  it("does not wait for a run that waits for its thread", async () => {
    const sluice = await serve({ ORPHAN_GRACE_SECONDS: LONG }, { whenBusy: "enqueue" });
    const client = await openFrames(sluice.ws);
    const first = await client.ask({ type: "run", input: input() });
    client.send({ type: "run", id: "waits", input: input() });
    client.send({ type: "cancel", threadId });
    const endOfRun = (runId: string | undefined) =>
      client.until(({ data }) => data?.type === EventType.RUN_FINISHED && data.runId === runId);
    expect((await endOfRun(first.runId)).at(-1)?.data).toMatchObject(cancelled);
    model.say("Now me.").end();
    const second = (await client.until(({ id }) => id === "waits")).find(({ id }) => id === "waits");
    expect(second).toMatchObject({ type: "ack" });
    expect(endOf((await endOfRun(second?.runId)).at(-1)?.data)).toBe("success");
    await client.close();
  });

  it("a hundred times, while runs end by themselves, gives each one end", async () => {
    const sluice = await serve({});
    const [starter, canceller] = [await openFrames(sluice.ws), await openFrames(sluice.ws)];
    const outcomes: (string | undefined)[] = [];
    for (let round = 0; round < 100; round += 1) {
      const body = userInput("hi");
      const topic = threadTopic(body.threadId);
      starter.send({ type: "run", agent: "quick", input: body });
      // Each round waits a little longer, so that runs are cancelled at every point.
      for (let turn = 0; turn < round; turn += 1) await endOfTurn();
      canceller.send({ type: "cancel", threadId: body.threadId });
      await starter.until((frame) => over(frame) && frame.topic === topic);
      await starter.ask({ type: "unsubscribe", topic });
      while (await sluice.runs.active(body.threadId)) await endOfTurn();
      const { entries } = await sluice.log.read(topic as `thread:${string}`, null, 1_000);
      const events = entries.map(({ json }) => JSON.parse(json) as AguiEvent);
      await verifyRun(events);
      expect(starter.sent(body.threadId).map(({ data }) => data)).toEqual(events);
      outcomes.push(endOf(events.at(-1)));
    }
    // Both outcomes must occur, so this was a real race.
    expect(new Set(outcomes)).toEqual(new Set(["success", "cancelled"]));
    await starter.close();
    await canceller.close();
  });
});

describe("a run in the background", () => {
  const inBackground = { forwardedProps: { sluice: { background: true } } };
  const post = (url: string, body: object, headers: Record<string, string> = {}) =>
    fetch(`${url}/agui`, {
      method: "POST",
      headers: { "Content-Type": "application/json", ...headers },
      body: JSON.stringify(body),
    });

  it.each([
    ["Prefer: respond-async", {}, { Prefer: "wait=10, Respond-Async" }],
    ["forwardedProps.sluice.background", inBackground, {}],
  ])("is accepted with its address by %s, and goes on without readers", async (_, more, headers) => {
    const sluice = await serve({ ORPHAN_GRACE_SECONDS: "0.001", DETACHED_GRACE_SECONDS: "0.001" });
    const body = input(more);
    const response = await post(sluice.url, body, headers);
    expect(response.status).toBe(202);
    expect(response.headers.get("Location")).toBe(`/threads/${threadId}`);
    const { cursor, ...rest } = (await response.json()) as { cursor: string };
    expect(rest).toEqual({ threadId, runId: body.runId, thread: `/threads/${threadId}` });
    model.say("Done ", "alone.").end();
    const events = await ending(sluice);
    await verifyRun(events);
    expect(endOf(events.at(-1))).toBe("success");

    const late = await watchSse(`${sluice.url}/threads/${threadId}/events?after=${cursor}`);
    const sent = eventsOf(dataOf(await late.until(hasType("RUN_FINISHED"))));
    late.abort();
    expect(textOf(sent)).toBe("Done alone.");
    await verifyRun(sent);
  });

  it("is attached to by the same request, cancelled by anybody, and read by a client that comes later", async () => {
    const sluice = await serve({ ORPHAN_GRACE_SECONDS: "0.001" });
    const body = input(inBackground);
    const [first, again] = [await post(sluice.url, body), await post(sluice.url, body)];
    expect([first.status, again.status]).toEqual([202, 202]);
    expect(await again.json()).toEqual(await first.json());
    await abandonedWatch(sluice);
    expect(await sluice.runs.active(threadId)).toBeDefined();
    await fetch(`${sluice.url}/agui/agent/stepped/stop/${threadId}`, { method: "POST" });
    expect((await ending(sluice)).at(-1)).toMatchObject(cancelled);
  });

  it("does not take a grace besides", async () => {
    const sluice = await serve({});
    const response = await post(
      sluice.url,
      input({ forwardedProps: { sluice: { background: true, graceSeconds: 5 } } }),
    );
    expect(response.status).toBe(400);
    expect(await response.text()).toContain("field graceSeconds: a run in the background goes on without readers.");
  });

  /** Watches the thread, and leaves; resolves when the server has seen it go. */
  async function abandonedWatch({ url, server }: TestSluice) {
    const closed = new Promise<void>((resolve) => {
      server.once("request", (_, response: ServerResponse) => response.once("close", () => resolve()));
    });
    const watch = await watchSse(`${url}/threads/${threadId}/events`);
    await watch.until(hasType("RUN_STARTED"));
    watch.abort();
    await closed;
  }
});
