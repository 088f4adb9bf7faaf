/** The places of messages, for recovery. */
import { expect, it } from "vitest";
import { type AguiEvent, EventType } from "../../src/protocol/events.ts";
import type { GraphEvent } from "../../src/protocol/graph-event.ts";
import { SentPlaces } from "../../src/runs/sent-places.ts";

const sentPlaces = () => new SentPlaces({ threadId: "t", checkpoint: "c", history: [], fresh: [], again: {} });
const at = (place: string) => ({ metadata: { langgraph_checkpoint_ns: place } }) as unknown as GraphEvent;
const text = (messageId: string): AguiEvent => ({
  type: EventType.TEXT_MESSAGE_START,
  messageId,
  role: "assistant",
});
const activity = (messageId: string): AguiEvent => ({
  type: EventType.ACTIVITY_SNAPSHOT,
  messageId,
  activityType: "PLAN",
  content: {},
});
const patch = (messageId: string): AguiEvent => ({
  type: EventType.ACTIVITY_DELTA,
  messageId,
  activityType: "PLAN",
  patch: [],
});

it("a message has the place where it began; an activity that several nodes write has none", () => {
  const places = sentPlaces();
  places.sent([text("m"), activity("one"), activity("two")], at("x:1"));
  places.sent([text("m"), patch("one")], at("x:1"));
  places.sent([text("m"), patch("two")], at("y:2"));
  places.sent([activity("two")], at("x:1"));
  expect(places.soFar.places).toEqual({ m: "x:1", one: "x:1" });
});

it("a message of a graph with a thread of its own has none, nor has that of a graph inside it", () => {
  const places = sentPlaces();
  places.opened("t", "a:1");
  places.opened("other", "");
  places.opened("other", "b:2");
  places.sent([text("within")], at("a:1|says:3"));
  places.sent([text("apart")], at("b:2|says:4"));
  places.sent([text("deeper")], at("b:2|c:5|says:6"));
  places.sent([text("of the node")], at("b:2"));
  expect(places.soFar.places).toEqual({ within: "a:1|says:3", "of the node": "b:2" });
});
