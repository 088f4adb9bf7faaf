import fc from "fast-check";
import { expect, it } from "vitest";
import { ShortTopics } from "../../src/client/short-topics.ts";
import type { Cursor } from "../../src/protocol/cursor.ts";
import { EventFrames } from "../../src/protocol/frames.ts";
import { shortEncoder } from "../../src/protocol/short-frames.ts";

const topic = "thread:9b2f0c1e-54a1-4d0e-8a70-1a2b3c4d5e6f";
const delta = { type: "TEXT_MESSAGE_CONTENT", messageId: "6f1b7c2a-95d4-4b0b-8f5e-2f6a7c8d9e0f", delta: "token" };

it("a short frame says the same as a whole one, whatever the positions", () => {
  const cursors = fc.option(fc.record({ epoch: fc.constantFrom("a", "b", "7"), offset: fc.nat(1_000_000) }), {
    nil: undefined,
  });
  fc.assert(
    fc.property(fc.array(fc.tuple(cursors, fc.integer({ min: 1, max: 9 })), { maxLength: 20 }), (events) => {
      const [whole, short] = [new EventFrames().encoder(topic), shortEncoder(3)];
      const topics = new ShortTopics();
      topics.whole({ v: 1, type: "ack", topic, short: 3 });
      for (const [cursor, count] of events) {
        const expected = JSON.parse(whole(cursor, count, JSON.stringify(delta)));
        const frame = topics.whole(JSON.parse(short(cursor, count, JSON.stringify(delta))));
        expect({ v: 1, ...frame }).toEqual(expected);
      }
    }),
  );
});

it("a token takes at most 120 bytes and what it says, of ids of the usual length", () => {
  const encode = shortEncoder(1);
  const at = (offset: number): Cursor => ({ epoch: "7d5552626c2c", offset });
  encode(at(1), 1, "{}");
  expect(encode(at(1_234), 1, JSON.stringify(delta)).length).toBeLessThanOrEqual(120);
});

it("the position before a topic's first entry is one, also in the epoch that is known", () => {
  const encode = shortEncoder(1);
  const start: Cursor = { epoch: "a", offset: 0 };
  expect([start, start, undefined].map((at) => encode(at, 1, "{}"))).toEqual([
    '[1,"a:0",{}]',
    '[1,"a:0",{}]',
    "[1,0,{}]",
  ]);
});

it("a number that stands for nothing is ignored, also that of an earlier subscription to the topic", () => {
  const topics = new ShortTopics();
  expect(topics.whole([1, "a:1", delta])).toBeUndefined();
  topics.whole({ v: 1, type: "ack", topic, short: 1 });
  expect(topics.whole([1, "a:1", delta])).toMatchObject({ topic, cursor: "a:1" });
  topics.whole({ v: 1, type: "ack", topic, short: 2 });
  expect(topics.whole([1, 2, delta])).toBeUndefined();
  expect(topics.whole([2, "b:5", delta])).toMatchObject({ topic, cursor: "b:5" });
});
