/** Short frames: a socket with short frames is sent the same events, cursors and counts as one without. */
import { randomUUID } from "node:crypto";
import { afterEach, beforeEach, expect, it } from "vitest";
import { ShortTopics } from "../../../src/client/short-topics.ts";
import { threadTopic } from "../../../src/protocol/ids.ts";
import { startSluice, type TestSluice } from "../../support/sluice.ts";
import { userInput } from "../../support/sse-client.ts";
import { chatGraph, SteppedModel } from "../../support/stepped-model.ts";
import { type Frame, type FramesClient, openFrames } from "./frames-client.ts";

let threadId: string;
let topic: string;
let model: SteppedModel;
let sluice: TestSluice;
const clients: FramesClient[] = [];

beforeEach(async () => {
  threadId = randomUUID();
  topic = threadTopic(threadId);
  model = new SteppedModel();
  sluice = await startSluice({ stepped: { graph: chatGraph(model) } }, { LOG_MAX_EVENTS: "200" });
});
afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.drop()));
  await sluice.close();
});

async function open(): Promise<FramesClient> {
  const client = await openFrames(sluice.ws);
  clients.push(client);
  return client;
}

const eventOf = (frame: Frame) => (Array.isArray(frame) ? frame[2] : frame.data) as { type?: string } | undefined;
const over = (frame: Frame) => eventOf(frame)?.type === "RUN_FINISHED";
const says = (delta: string) => (frame: Frame) => (eventOf(frame) as { delta?: string } | undefined)?.delta === delta;

/** The gaps and events of a client, short ones made whole. */
function sent(client: FramesClient): unknown[] {
  const topics = new ShortTopics();
  return client.frames.flatMap((frame) => {
    const whole = topics.whole(frame);
    return whole?.type === "event" || whole?.type === "gap" ? [{ v: 1, ...whole }] : [];
  });
}

it("says the same as whole frames: live, after a gap, and where deltas are merged", async () => {
  const [whole, short] = [await open(), await open()];
  const input = userInput("hi", { threadId });
  await whole.ask({ type: "run", agent: "stepped", input });
  // From the run's beginning on, like the other.
  const { short: number } = await short.ask({ type: "run", agent: "stepped", input, short: true });
  expect(number).toBe(1);
  model.say("one ", "two ");
  await Promise.all([whole, short].map((client) => client.until(says("two "))));
  expect(short.frames.filter(Array.isArray).length).toBeGreaterThan(2);
  for (let index = 0; index < 300; index += 1) {
    model.say(`${index} `);
    await whole.until(says(`${index} `));
  }
  await short.until(says("299 "));
  expect(sent(short)).toEqual(sent(whole));

  // Their cursor is no longer kept; and the one in the log has many deltas after it.
  const after = whole.frames.at(-100)?.cursor;
  const again = await Promise.all(["lost:3", after].flatMap((cursor) => [reader(cursor, false), reader(cursor, true)]));
  model.say("end").end();
  await Promise.all(again.map((client) => client.until(over)));
  const [lost, lostInShort, late, lateInShort] = again.map(sent);
  expect(lost?.[0]).toMatchObject({ type: "gap", reason: "epoch" });
  expect(lostInShort).toEqual(lost);
  expect(late).toContainEqual(expect.objectContaining({ n: expect.toSatisfy((n: number) => n > 50) }));
  expect(lateInShort).toEqual(late);
});

async function reader(after: string | undefined, short: boolean): Promise<FramesClient> {
  const client = await open();
  await client.ask({ type: "subscribe", topic, after, short });
  return client;
}

it("never gives a number twice on a socket, and none to whom does not ask or follows already", async () => {
  const client = await open();
  const ask = (more: object) => client.ask({ type: "subscribe", topic, ...more });
  expect((await ask({ short: true })).short).toBe(1);
  expect((await ask({ short: true })).short).toBe(2);
  expect(await ask({})).not.toHaveProperty("short");
  expect((await ask({ topic: threadTopic("other"), short: true })).short).toBe(3);
  await client.ask({ type: "unsubscribe", topic });
  expect((await ask({ short: true })).short).toBe(4);
  const input = userInput("hi", { threadId });
  expect(await client.ask({ type: "run", agent: "stepped", input, short: true })).not.toHaveProperty("short");
  model.say("end").end();
  await client.until(over);
  expect(client.frames.filter(Array.isArray).at(-1)?.[0]).toBe(4);
});
