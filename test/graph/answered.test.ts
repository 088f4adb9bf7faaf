/** Makes a conversation valid for every model provider, even with unanswered calls. */
import { describe, expect, it } from "vitest";
import { answered, NO_RESULT } from "../../src/graph/answered.ts";
import type { Message } from "../../src/protocol/events.ts";

const user = (id: string): Message => ({ id, role: "user", content: id });
const calling = (id: string, ...calls: string[]): Message => ({
  id,
  role: "assistant",
  toolCalls: calls.map((call) => ({ id: call, type: "function", function: { name: "look", arguments: "{}" } })),
});
const result = (id: string, toolCallId: string): Message => ({ id, role: "tool", toolCallId, content: `of ${id}` });
const none = (call: string) => ({ id: `result-${call}`, role: "tool", toolCallId: call, content: NO_RESULT });

describe("a conversation for a graph without memory", () => {
  it("stays as it is when every call is answered where it was made", () => {
    const whole = [user("u1"), calling("a1", "c1", "c2"), result("t1", "c1"), result("t2", "c2"), user("u2")];
    expect(answered(whole)).toEqual(whole);
  });

  it("gives a call that nobody answered a result of its own", () => {
    expect(answered([user("u1"), calling("a1", "c1", "c2"), result("t2", "c2"), user("u2")])).toEqual([
      user("u1"),
      calling("a1", "c1", "c2"),
      none("c1"),
      result("t2", "c2"),
      user("u2"),
    ]);
  });

  it("has each result directly after its call, although branches ran side by side or the client typed on", () => {
    const mixed = [calling("a1", "c1"), calling("a2", "c2"), result("t2", "c2"), user("u2"), result("t1", "c1")];
    expect(answered(mixed).map(({ id }) => id)).toEqual(["a1", "t1", "a2", "t2", "u2"]);
  });

  it("has one result a call: the last one", () => {
    expect(answered([calling("a1", "c1"), result("t1", "c1"), result("t2", "c1")]).map(({ id }) => id)).toEqual([
      "a1",
      "t2",
    ]);
  });

  it("pairs calls of one id with their results in order", () => {
    const again = [calling("a1", "c"), result("t1", "c"), calling("a2", "c"), result("t2", "c"), calling("a3", "c")];
    expect(answered(again)).toEqual([...again.slice(0, 4), again[4], none("c")]);
  });

  it("keeps a result whose call is not there", () => {
    expect(answered([result("t0", "gone"), user("u1")])).toEqual([result("t0", "gone"), user("u1")]);
  });
});
