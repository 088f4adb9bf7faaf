/** A client that was cut at any point ends with the same events, text and cursor as one that was never cut. */
import { randomUUID } from "node:crypto";
import { connect } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { AguiEvent, Message } from "../../../src/protocol/events.ts";
import { threadTopic } from "../../../src/protocol/ids.ts";
import { NUM_RUNS } from "../../support/properties.ts";
import { startSluice, type TestSluice } from "../../support/sluice.ts";
import { textOf, userInput } from "../../support/sse-client.ts";
import {
  dataOf,
  eventsOf,
  frameParser,
  hasType,
  openSse,
  type SseFrame,
  type SseReader,
  watchSse,
} from "../../support/sse-frames.ts";
import { SteppedModel } from "../../support/stepped-model.ts";
import { verifyRun } from "../../support/verify.ts";
import { canonical } from "./canonical.ts";
import { openFrames, over } from "./frames-client.ts";
import { type LongRun, longGraph, longRun } from "./long-run.ts";
import { folded } from "./transports.ts";
import { weatherGraph } from "./weather.ts";

const AT_ONCE = 16;

let sluice: TestSluice;
let run: LongRun;
let whole: AguiEvent[];
let cursors: string[];
let model: SteppedModel;

beforeAll(async () => {
  model = new SteppedModel();
  sluice = await startSluice(
    { long: { graph: longGraph() }, stepped: { graph: weatherGraph(model) } },
    // A keep-alive comes between two frames when the machine is busy, and to each reader elsewhere.
    { ORPHAN_GRACE_SECONDS: "20", HEARTBEAT_SECONDS: "3600" },
  );
  run = await longRun(sluice, "long");
  whole = eventsOf(dataOf(run.frames));
  cursors = run.frames.flatMap(({ id }) => id ?? []);
});
afterAll(() => sluice.close());

/** Works on the items, a few at a time, and returns the results in order. */
async function each<T, R>(items: readonly T[], work: (item: T, index: number) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  let next = 0;
  const worker = async () => {
    while (next < items.length) {
      const index = next;
      next += 1;
      results[index] = await work(items[index] as T, index);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return results;
}

/** Returns an even sample of items without the last one, which has no successor. */
const sampled = <T>(items: readonly T[], count: number): T[] =>
  items.slice(0, -1).filter((_, index) => index % Math.ceil(items.length / count) === 0);

/** The events to continue after: all but the last, but at most PROPERTY_RUNS. */
const tried = (): number[] => sampled([...cursors.keys()], NUM_RUNS);

/** Joins a client's events up to its cursor with those after its return. */
const joined = (head: readonly AguiEvent[], rest: readonly AguiEvent[]) =>
  JSON.stringify(canonical([...head, ...rest]));

const sseAfter = async (after: string, query = ""): Promise<SseFrame[]> => {
  const reader = await openSse(`${sluice.url}/agui/agent/long/run${query}`, run.input, { "last-event-id": after });
  return reader.done;
};

/** The event frames after a cursor, up to the run's end. */
const framesAfter = async (after: string, narrowing: object = {}) => {
  const client = await openFrames(sluice.ws);
  client.send({ type: "subscribe", topic: threadTopic(run.input.threadId), after, ...narrowing });
  const frames = (await client.until(over)).filter(({ type }) => type === "event");
  await client.drop();
  return frames;
};

describe("a run of a thousand events", () => {
  it("has them all, one an offset", async () => {
    expect(whole.length).toBeGreaterThan(1_000);
    const [epoch] = (cursors[0] ?? "").split(":");
    expect(cursors).toEqual(whole.map((_, index) => `${epoch}:${index + 1}`));
    expect(new Set(whole.map(({ type }) => type)).size).toBeGreaterThan(14);
    await verifyRun(whole);
  });

  it("goes on over SSE after each of them", async () => {
    const sent = JSON.stringify(canonical(whole));
    // After the last event there is nothing to wait for.
    const wrong = await each([...tried(), cursors.length - 1], async (index) => {
      const after = cursors[index] ?? "";
      const rest = await sseAfter(after);
      const last = rest.findLast(({ id }) => id !== undefined)?.id ?? after;
      const same = joined(whole.slice(0, index + 1), eventsOf(dataOf(rest))) === sent;
      return same && last === cursors.at(-1) ? [] : [after];
    });
    expect(wrong.flat()).toEqual([]);
  });

  it("goes on over frames after each of them", async () => {
    const sent = JSON.stringify(canonical(whole));
    const wrong = await each(tried(), async (index) => {
      const after = cursors[index] ?? "";
      const rest = await framesAfter(after);
      const events = rest.flatMap(({ data }) => data ?? []);
      const covered = rest.reduce((sum, { n = 1 }) => sum + n, 0);
      const same = joined(whole.slice(0, index + 1), events) === sent;
      return same && rest.at(-1)?.cursor === cursors.at(-1) && covered === whole.length - index - 1 ? [] : [after];
    });
    expect(wrong.flat()).toEqual([]);
  });

  /** The first bytes that the thread's watch sends after a cursor. `enough` says how many: there the client breaks off. */
  function bytesAfter(cursor: string, enough: (body: string) => number | undefined): Promise<Buffer> {
    const { hostname, port, host } = new URL(sluice.url);
    const socket = connect(Number(port), hostname);
    // HTTP/1.0 has no chunks: the body is the event stream and nothing else.
    const path = `/threads/${run.input.threadId}/events?protocol=1.0&after=${cursor}`;
    socket.write(`GET ${path} HTTP/1.0\r\nHost: ${host}\r\n\r\n`);
    return new Promise((resolve, reject) => {
      let received = "";
      socket.on("data", (bytes: Buffer) => {
        received += bytes.toString("latin1"); // One character, one byte.
        const head = received.indexOf("\r\n\r\n");
        const body = received.slice(head + 4);
        const most = head < 0 ? undefined : enough(body);
        if (most === undefined || body.length < most) return;
        socket.resetAndDestroy();
        resolve(Buffer.from(body.slice(0, most), "latin1"));
      });
      socket.once("error", reject);
      socket.once("end", () => reject(new Error(`The response ended: ${received}`)));
    });
  }

  /** The bytes up to the end of the first frame that has a position. */
  const firstPosition = (body: string) => {
    const found = /(?:^|\n\n)id: .*\ndata: .*\n\n/.exec(body);
    return found ? found.index + found[0].length : undefined;
  };

  // Some bytes of each event; with PROPERTY_RUNS=10000 each byte.
  it("may be cut after any byte: a client that comes back each time ends up with the run, and no position twice", async () => {
    const read: SseFrame[] = [];
    const last = cursors.at(-1);
    let cuts = 0;
    for (let cursor = (cursors[0] ?? "").replace(/:1$/, ":0"); cursor !== last; ) {
      const next = await bytesAfter(cursor, firstPosition);
      const frames: SseFrame[] = [];
      frameParser((frame) => frames.push(frame))(next);
      const ends = [...sampled([...next.keys()], NUM_RUNS / 20), next.length - 1].map((index) => index + 1);
      const wrong = await each(ends, async (end) => {
        const bytes = await bytesAfter(cursor, () => end);
        return bytes.equals(next.subarray(0, end)) ? [] : [`${end} bytes after ${cursor}`];
      });
      expect(wrong.flat()).toEqual([]);
      cuts += ends.length;
      read.push(...frames);
      cursor = frames.at(-1)?.id ?? "";
    }
    expect(cuts).toBeGreaterThan(whole.length);
    expect(JSON.stringify(canonical(eventsOf(dataOf(read))))).toBe(JSON.stringify(canonical(whole)));
    const positions = read.flatMap(({ id }) => (id === undefined ? [] : [Number(id.split(":")[1])]));
    expect(positions).toEqual([...new Set(positions)].sort((a, b) => a - b));
  }, 180_000);

  it("says over SSE how far the thread's log reaches, to pages of other origins too", async () => {
    const { threadId } = run.input;
    const [after] = cursors;
    const paths = [`/threads/${threadId}/events`, `/threads/${threadId}/events?after=${after}&tokens=false`];
    for (const path of paths) {
      const { headers, body } = await fetch(`${sluice.url}${path}`);
      await body?.cancel();
      expect(headers.get("sluice-head")).toBe(cursors.at(-1));
      expect(headers.get("access-control-expose-headers")).toContain("Sluice-Head");
    }
  });

  const narrowed: [string, Record<string, string | boolean>][] = [
    ["tokens=false", { tokens: false }],
    ["reasoning=false", { reasoning: false }],
    ["events=on_chat_model_stream", { events: "on_chat_model_stream" }],
    ["events=on_tool_*,on_chain_*", { events: "on_tool_*,on_chain_*" }],
    ["tokens=false&reasoning=false", { tokens: false, reasoning: false }],
  ];

  it.each(narrowed)("goes on in a view that is narrowed to %s", async (query, narrowing) => {
    const sse = await sseAfter(cursors[0] ?? "", `?${query}`);
    const undisturbed = [run.frames[0] as SseFrame, ...sse];
    await verifyRun(eventsOf(dataOf(undisturbed)));
    const sent = JSON.stringify(canonical(eventsOf(dataOf(undisturbed))));
    const positions = undisturbed.flatMap(({ id }, index) => (id === undefined ? [] : [{ after: id, index }]));
    const sample = sampled(positions, 40);
    expect(sample.length).toBeGreaterThan(10);
    const wrong = await each(sample, async ({ after, index }) => {
      const head = eventsOf(dataOf(undisturbed.slice(0, index + 1)));
      const overSse = eventsOf(dataOf(await sseAfter(after, `?${query}`)));
      const overFrames = (await framesAfter(after, narrowing)).flatMap(({ data }) => data ?? []);
      return [
        ...(joined(head, overSse) === sent ? [] : [`SSE ${after}`]),
        ...(joined(head, overFrames) === sent ? [] : [`frames ${after}`]),
      ];
    });
    expect(wrong.flat()).toEqual([]);
  });

  it.each(["tokens=false", "reasoning=false", "events=on_chat_model_stream"])(
    "goes on for a watch and for connect that are narrowed to %s",
    async (query) => {
      const { threadId } = run.input;
      const { url } = sluice;
      const undisturbed = [run.frames[0] as SseFrame, ...(await sseAfter(cursors[0] ?? "", `?${query}`))];
      const sent = JSON.stringify(canonical(eventsOf(dataOf(undisturbed))));
      const positions = undisturbed.flatMap(({ id }, index) => (id === undefined ? [] : [{ after: id, index }]));
      const sample = sampled(positions, 20);
      const wrong = await each(sample, async ({ after, index }) => {
        const head = eventsOf(dataOf(undisturbed.slice(0, index + 1)));
        const connected = await openSse(`${url}/agui/agent/long/connect?${query}`, { threadId, after });
        const overConnect = eventsOf(dataOf(await connected.done));
        const watched = await watchSse(`${url}/threads/${threadId}/events?${query}&after=${after}`);
        const overWatch = eventsOf(dataOf(await watched.until(hasType("RUN_FINISHED"))));
        watched.abort();
        return [
          ...(joined(head, overConnect) === sent ? [] : [`connect ${after}`]),
          ...(joined(head, overWatch) === sent ? [] : [`watch ${after}`]),
        ];
      });
      expect(wrong.flat()).toEqual([]);
    },
  );
});

describe("a run that goes on", () => {
  const STEPS: ((id: string) => void)[] = [
    () => model.think("hm, "),
    () => model.think("let me see"),
    () => model.say("I ask "),
    () => model.say("about it. "),
    (id) => model.call("weather", { city: "Bern" }, `${id}-1`),
    () => model.end(),
    () => model.think("aha"),
    () => model.say("Rain "),
    () => model.say("in Bern. "),
    (id) => model.call("weather", { city: "Basel" }, `${id}-2`),
    () => model.end(),
    ...Array.from({ length: 20 }, (_, index) => () => model.say(`word ${index} `)),
    () => model.end(),
  ];

  /** Takes a run step by step; `after` is called when a step's events have reached the client that started it. */
  async function stepwise(after: (cursor: string, threadId: string) => Promise<void>) {
    const input = userInput("hi");
    const { threadId } = input;
    const reader = await openSse(`${sluice.url}/agui/agent/stepped/run`, input);
    await reader.until(hasType("STEP_STARTED"));
    for (const step of STEPS.slice(0, -1)) {
      const seen = reader.frames.length;
      step(threadId);
      await reader.until((frame) => reader.frames.indexOf(frame) >= seen);
      await after(reader.frames.at(-1)?.id ?? "", threadId);
    }
    STEPS.at(-1)?.(threadId);
    const frames = await reader.done;
    return { threadId, input, frames, events: eventsOf(dataOf(frames)) };
  }

  it("is sent by connect and by a watch from any beginning, in one legal sequence with the same messages", async () => {
    const connected: SseReader[] = [];
    const watching: SseReader[] = [];
    const continued: { readonly after: string; readonly reader: SseReader }[] = [];
    const { threadId, frames, events } = await stepwise(async (cursor, thread) => {
      const begun = async (reader: SseReader) => {
        await reader.until(hasType("MESSAGES_SNAPSHOT"));
        return reader;
      };
      const path = `${sluice.url}/threads/${thread}/events`;
      const connect = () => openSse(`${sluice.url}/agui/agent/stepped/connect`, { threadId: thread });
      connected.push(await begun(await connect()));
      watching.push(await begun(await watchSse(path)));
      continued.push({ after: cursor, reader: await watchSse(`${path}?after=${cursor}`) });
      continued.push({ after: cursor, reader: await watchSse(path, { "last-event-id": cursor }) });
      continued.push({
        after: cursor,
        reader: await openSse(`${sluice.url}/agui/agent/stepped/connect`, { threadId: thread, after: cursor }),
      });
    });
    const sent: Message[] = await folded(events);
    for (const reader of [...connected, ...watching]) {
      const own = await reader.until(hasType("RUN_FINISHED"));
      reader.abort();
      await verifyRun(eventsOf(dataOf(own)));
      expect(await folded(eventsOf(dataOf(own)))).toEqual(sent);
      expect(own.at(-1)).toEqual(frames.at(-1));
    }
    for (const { after, reader } of continued) {
      const own = await reader.until(hasType("RUN_FINISHED"));
      reader.abort();
      expect(own).toEqual(frames.slice(frames.findIndex(({ id }) => id === after) + 1));
    }
    expect(connected).toHaveLength(STEPS.length - 1);
    const stored = await (await fetch(`${sluice.url}/threads/${threadId}/messages`)).json();
    expect((stored as { messages: Message[] }).messages).toEqual(sent);
  });

  it("is read by clients that drop after each of its steps and come back, over SSE and over frames", async () => {
    let overSse: SseFrame[] = [];
    const overFrames: { cursor?: string; data?: AguiEvent }[] = [];
    const input = userInput("hi");
    const { threadId } = input;
    const path = `${sluice.url}/agui/agent/stepped/run`;
    const reader = await openSse(path, input);
    const headers = (): Record<string, string> => {
      const id = overSse.at(-1)?.id;
      return id === undefined ? {} : { "last-event-id": id };
    };
    for (const step of STEPS) {
      const sse = await openSse(path, input, headers());
      const after = overFrames.at(-1)?.cursor;
      const client = await openFrames(sluice.ws);
      if (after === undefined) client.send({ type: "run", agent: "stepped", input });
      else client.send({ type: "subscribe", topic: threadTopic(threadId), after });
      const seen = reader.frames.length;
      step(threadId);
      await reader.until((frame) => reader.frames.indexOf(frame) >= seen);
      const head = reader.frames.at(-1)?.id ?? "";
      const isThere = (cursor: string | undefined) => Number(cursor?.split(":")[1]) >= Number(head.split(":")[1]);
      await Promise.all([
        sse.until(({ id }) => isThere(id)),
        client.until(({ cursor, data }) => !!data && isThere(cursor)),
      ]);
      sse.abort();
      await client.drop();
      overSse = [...overSse, ...sse.frames];
      overFrames.push(...client.sent(threadId));
    }
    const whole = await reader.done;
    overSse = [...overSse, ...(await (await openSse(path, input, headers())).done)];
    expect(overSse).toEqual(whole);
    const events = eventsOf(dataOf(whole)).slice(0, overFrames.length);
    expect(overFrames.map(({ data }) => data)).toEqual(events);
    expect(textOf(events)).toContain("word 19");
  });

  it("a watch goes on into the next run, and an idle thread's connect ends at once", async () => {
    const first = await stepwise(async () => {});
    const { threadId } = first;
    const connected = await (await openSse(`${sluice.url}/agui/agent/stepped/connect`, { threadId })).done;
    await verifyRun(eventsOf(dataOf(connected)));
    expect(await folded(eventsOf(dataOf(connected)))).toEqual(await folded(first.events));
    const watcher = await watchSse(`${sluice.url}/threads/${threadId}/events`);
    await watcher.until(hasType("RUN_FINISHED"));
    const seen = watcher.frames.length;
    expect(watcher.frames[seen - 1]?.id).toBe(first.frames.at(-1)?.id);
    model.say("More.").end();
    const body = userInput("more", { threadId, runId: randomUUID() });
    const second = await (await openSse(`${sluice.url}/agui/agent/stepped/run`, body)).done;
    await watcher.until(({ id }) => id === second.at(-1)?.id);
    expect(watcher.frames.slice(seen)).toEqual(second);
    watcher.abort();
  });
});
