import { expect, it } from "vitest";
import { type AguiEvent, EventType } from "../../src/protocol/events.ts";
import { HeldDeltas } from "../../src/protocol/held-deltas.ts";

const start: AguiEvent = { type: EventType.TEXT_MESSAGE_START, messageId: "m", role: "assistant" };
const said = (delta: string): AguiEvent => ({ type: EventType.TEXT_MESSAGE_CONTENT, messageId: "m", delta });
const end: AguiEvent = { type: EventType.TEXT_MESSAGE_END, messageId: "m" };

it("what was said in pieces is said at once, before the end", () => {
  expect(new HeldDeltas().pass([start, said("Hel"), said("lo"), end])).toEqual([start, said("Hello"), end]);
});

it("a message that is opened again after a gap brings all it said; what was held of it is void", () => {
  const held = new HeldDeltas();
  expect(held.pass([start, said("Hel")])).toEqual([start]);
  expect(held.pass([start, said("Hello"), end])).toEqual([start, said("Hello"), end]);
  expect(held.flush()).toEqual([]);
});
