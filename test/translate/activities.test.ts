/** Activities that a graph asks for with custom events. */
import { describe, expect, it } from "vitest";
import { type AguiEvent, EventType, type Message } from "../../src/protocol/events.ts";
import { Transcript } from "../../src/store/transcript.ts";
import { custom, modelEnd, token, translate } from "./events.ts";

const emitted = (value: object) => custom("manually_emit_activity", value, { node: "work" });
const shown = (content: object, more: object = {}) =>
  emitted({ message_id: "a", activity_type: "PLAN", content, ...more });
const patched = (patch: readonly object[], more: object = {}) => emitted({ message_id: "a", patch, ...more });

const about = (events: readonly AguiEvent[]) =>
  events.flatMap((event) => {
    if (event.type === EventType.ACTIVITY_SNAPSHOT) return [[event.messageId, event.activityType, event.content]];
    if (event.type === EventType.ACTIVITY_DELTA) return [[event.messageId, event.activityType, event.patch]];
    return event.type === EventType.CUSTOM ? [[event.name]] : [];
  });

/** The activities that a late reader has. */
function kept(events: readonly AguiEvent[], history: readonly Message[] = []) {
  const transcript = new Transcript(history);
  for (const event of events) transcript.push(event);
  return transcript.closed.filter(({ role }) => role === "activity");
}

describe("an activity", () => {
  it("is shown, changed and shown anew, and is one message in its place", () => {
    const events = translate([
      shown({ steps: ["dig"] }),
      token("r", "Digging."),
      modelEnd("r"),
      patched([{ op: "add", path: "/steps/1", value: "plant" }]),
    ]);
    expect(about(events)).toEqual([
      ["a", "PLAN", { steps: ["dig"] }],
      ["sluice.model_call"],
      ["a", "PLAN", [{ op: "add", path: "/steps/1", value: "plant" }]],
    ]);
    const [activity] = kept(events);
    expect(activity).toEqual({ id: "a", role: "activity", activityType: "PLAN", content: { steps: ["dig", "plant"] } });
    const anew = translate([shown({ steps: [] }, { activity_type: "DONE" })], { history: [activity as Message] });
    expect(kept(anew, [activity as Message])).toMatchObject([{ activityType: "DONE", content: { steps: [] } }]);
  });

  it("that is there already stays with replace: false, and nothing is sent", () => {
    const events = translate([shown({ n: 1 }), shown({ n: 2 }, { replace: false })]);
    expect(about(events)).toEqual([["a", "PLAN", { n: 1 }]]);
  });

  it("without an id is one for its type and run", () => {
    const plan = emitted({ activity_type: "PLAN", content: { n: 1 } });
    const events = translate([plan, emitted({ activity_type: "MAP", content: {} }), plan]);
    expect(kept(events).map(({ id }) => id)).toEqual(["r-PLAN", "r-MAP"]);
  });

  it("takes no other message's id, and no message takes its id", () => {
    const history: Message[] = [{ id: "a", role: "user", content: "Mine." }];
    expect(about(translate([shown({ n: 1 })], { history }))).toEqual([["manually_emit_activity"]]);
    const events = translate([shown({ n: 1 }), token("r", { id: "a", content: "Hello." }), modelEnd("r")]);
    expect(events.flatMap((event) => (event.type === EventType.TEXT_MESSAGE_START ? [event.messageId] : []))).toEqual([
      "run-r",
    ]);
    expect(kept(events)).toMatchObject([{ content: { n: 1 } }]);
  });

  it.each<[string, readonly object[]]>([
    ["no list", [{ op: "add", path: "/steps/x", value: 1 }]],
    ["nothing there", [{ op: "replace", path: "/none/at/all", value: 1 }]],
    ["no operation", [{ op: "jump", path: "/steps" }]],
    ["the whole content", [{ op: "replace", path: "", value: "text" }]],
    ["a prototype", [{ op: "add", path: "/__proto__/x", value: 1 }]],
  ])("is not changed by a patch that does not fit (%s): the event leaves as it is", (_, patch) => {
    const events = translate([shown({ steps: [] }), patched(patch)]);
    expect(about(events)).toEqual([["a", "PLAN", { steps: [] }], ["manually_emit_activity"]]);
    expect(kept(events)).toMatchObject([{ content: { steps: [] } }]);
  });

  it("that nobody was shown is not changed", () => {
    expect(about(translate([patched([], { activity_type: "PLAN" })]))).toEqual([["manually_emit_activity"]]);
  });

  it("is patched in operations that every client knows", () => {
    const events = translate([shown({ from: [1, 2] }), patched([{ op: "move", from: "/from", path: "/to" }])]);
    const ops = events.flatMap((event) => (event.type === EventType.ACTIVITY_DELTA ? event.patch : []));
    expect(new Set(ops.map(({ op }) => op))).toEqual(new Set(["add", "remove"]));
    expect(kept(events)).toMatchObject([{ content: { to: [1, 2] } }]);
  });

  it("has a bound: what grows beyond it is sent anew, cut", () => {
    const text = "x".repeat(600);
    const events = translate([shown({ log: text }), patched([{ op: "add", path: "/more", value: text }])], {
      maxEventBytes: 1_000,
    });
    const contents = events.flatMap((event) => (event.type === EventType.ACTIVITY_SNAPSHOT ? [event.content] : []));
    expect(contents).toHaveLength(2);
    expect(JSON.stringify(contents[1]).length).toBeLessThanOrEqual(1_000);
    expect(JSON.stringify(contents[1])).toContain("truncated");
    expect(kept(events)).toMatchObject([{ content: contents[1] }]);
  });
});
