/** After hundreds of runs, however each of them ended, a server holds what it held before. */

import { randomUUID } from "node:crypto";
import { type IncomingMessage, request } from "node:http";
import { setImmediate as endOfTurn } from "node:timers/promises";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { MemoryLog } from "../../../src/log/memory.ts";
import { threadTopic } from "../../../src/protocol/ids.ts";
import { startSluice, type TestSluice } from "../../support/sluice.ts";
import { userInput } from "../../support/sse-client.ts";
import { chatGraph, SteppedModel } from "../../support/stepped-model.ts";
import { connect, isType } from "../../support/ws-client.ts";
import { openFrames, over } from "./frames-client.ts";

/** Some eighty of each life. More would find no more: one thing that one life leaves is counted, and fails the test. */
const RUNS = 600;
const AT_ONCE = 24;

let sluice: TestSluice;

beforeAll(async () => {
  const quick = chatGraph(new SteppedModel({ always: ["Hi."] }));
  // This model never answers, so others must end its run.
  const silent = chatGraph(new SteppedModel());
  sluice = await startSluice(
    {
      quick: { graph: quick },
      silent: { graph: silent },
      hasty: { graph: silent, entry: { deadlines: { totalSeconds: 0.02 } } },
    },
    {
      ORPHAN_GRACE_SECONDS: "0.02",
      DETACHED_GRACE_SECONDS: "0.02",
      LOG_RETENTION_SECONDS: "0.02",
      // A long heartbeat: keep-alives must not reveal that a client has disconnected, and heartbeat timers must not
      // hide other timers.
      HEARTBEAT_SECONDS: "3600",
    },
  );
});
afterAll(() => sluice.close());

/** Posts on a new connection, so that no client resources remain. */
function post(agent: string, body: object): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    request(
      `${sluice.url}/agui/agent/${agent}/run`,
      { method: "POST", agent: false, headers: { "content-type": "application/json", accept: "text/event-stream" } },
      resolve,
    )
      .once("error", reject)
      .end(JSON.stringify(body));
  });
}

/** Reads a response until its text passes the test, or to its end. */
async function read(response: IncomingMessage, test: (text: string) => boolean = () => false): Promise<string> {
  let text = "";
  for await (const bytes of response.setEncoding("utf8")) {
    text += bytes;
    if (test(text)) break; // Leaving the loop closes the connection.
  }
  return text;
}

type Life = (threadId: string) => Promise<string>;

/** Ways in which runs start and end; each reports the end it saw. */
const LIVES: Record<string, Life> = {
  "over SSE, to its end": async (threadId) => read(await post("quick", userInput("hi", { threadId }))),
  "over agui, to its end": async (threadId) => {
    const client = await connect(`${sluice.ws}/ws?agent=quick`);
    client.send(userInput("hi", { threadId }));
    const frames = await client.until(isType("RUN_FINISHED", "RUN_ERROR"));
    await client.close();
    return frames.at(-1) ?? "";
  },
  "over frames, to its end, and watched by another": async (threadId) => {
    const [client, other] = [await openFrames(sluice.ws), await openFrames(sluice.ws)];
    await other.ask({ type: "subscribe", topic: threadTopic(threadId) });
    await client.ask({ type: "run", agent: "quick", input: userInput("hi", { threadId }) });
    const frames = await client.until(over);
    await Promise.all([client.close(), other.drop()]);
    return JSON.stringify(frames.at(-1));
  },
  "over SSE, abandoned": async (threadId) =>
    read(await post("silent", userInput("hi", { threadId })), (text) => text.includes("RUN_STARTED")),
  "over frames, abandoned": async (threadId) => {
    const client = await openFrames(sluice.ws);
    await client.ask({ type: "run", agent: "silent", input: userInput("hi", { threadId }) });
    await client.drop();
    return "RUN_STARTED";
  },
  "over SSE, cancelled": async (threadId) => {
    const response = await post("silent", userInput("hi", { threadId }));
    await sluice.runs.cancel(threadId);
    return read(response);
  },
  "over agui, cancelled": async (threadId) => {
    const client = await connect(`${sluice.ws}/ws?agent=silent&protocol=1.0`);
    client.send(userInput("hi", { threadId }));
    await client.until(isType("RUN_STARTED"));
    client.send("/cancel");
    const frames = await client.until(isType("RUN_FINISHED", "RUN_ERROR"));
    await client.close();
    return frames.at(-1) ?? "";
  },
  "over SSE, timed out": async (threadId) => read(await post("hasty", userInput("hi", { threadId }))),
};

const ENDS: Record<string, RegExp> = {
  end: /"RUN_FINISHED"/,
  another: /"RUN_FINISHED"/,
  abandoned: /"?RUN_STARTED/,
  cancelled: /"type":"cancelled"/,
  out: /"timeout_total"/,
};

/** The resources that keep a process alive, by kind: sockets, timers, requests. */
function resources(): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const kind of process.getActiveResourcesInfo()) counts[kind] = (counts[kind] ?? 0) + 1;
  return counts;
}

/** Waits until `look` returns true, for at most ten seconds. The test then checks the result. */
async function settle(look: () => boolean | Promise<boolean>): Promise<void> {
  const late = performance.now() + 10_000;
  while (!(await look()) && performance.now() < late) await endOfTurn();
}

const connections = () =>
  new Promise<number>((resolve, reject) =>
    sluice.server.getConnections((error, count) => (error ? reject(error) : resolve(count))),
  );

/** Everything a server holds for its runs and their readers. */
async function held() {
  const log = sluice.log as MemoryLog;
  await log.sweep();
  const { topics, bytes, followed } = log.size;
  return {
    active: sluice.runs.activeCount,
    audiences: sluice.runs.audienceCount,
    sockets: sluice.sockets.size,
    connections: await connections(),
    topics,
    bytes,
    followed,
  };
}

const NOTHING = { active: 0, audiences: 0, sockets: 0, connections: 0, topics: 0, bytes: 0, followed: 0 };

it("nothing is left of runs that ended, were abandoned, cancelled or timed out", async () => {
  const lives = Object.entries(LIVES);
  // Runs each kind once first, because objects that are made once and kept are not leaks.
  for (const [, live] of lives) await live(randomUUID());
  await settle(async () => JSON.stringify(await held()) === JSON.stringify(NOTHING));
  const before = resources();

  let next = 0;
  let most = 0;
  const wrong: string[] = [];
  const worker = async () => {
    for (let index = next++; index < RUNS; index = next++) {
      const [name, live] = lives[index % lives.length] as [string, Life];
      const end = await live(`${index}`);
      const expected = ENDS[name.split(" ").at(-1) ?? ""];
      if (!expected?.test(end)) wrong.push(`${name}: ${end}`);
      most = Math.max(most, sluice.runs.activeCount);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  expect(wrong).toEqual([]);
  expect(most).toBeGreaterThan(1);

  await settle(async () => JSON.stringify(await held()) === JSON.stringify(NOTHING));
  expect(await held()).toEqual(NOTHING);
  const more = () => Object.entries(resources()).filter(([kind, count]) => count > (before[kind] ?? 0));
  await settle(() => more().length === 0);
  expect(more()).toEqual([]);
});
