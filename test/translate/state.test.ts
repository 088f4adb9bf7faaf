/** The events of the exposed state: a snapshot, then the shortest description of each change. */

import fc from "fast-check";
import jsonPatch, { type Operation } from "fast-json-patch";
import { describe, expect, it } from "vitest";
import { type AguiEvent, EventType } from "../../src/protocol/events.ts";
import { ExposedState, type PredictedCall } from "../../src/translate/state.ts";
import { NUM_RUNS } from "../support/properties.ts";
import { custom, translate } from "./events.ts";

/** The state that a client holds after these events. A patch that does not apply throws. */
function after(events: readonly AguiEvent[], held: unknown = undefined): unknown {
  return events.reduce((state, event) => {
    if (event.type === EventType.STATE_SNAPSHOT) return structuredClone(event.snapshot);
    if (event.type !== EventType.STATE_DELTA) throw new Error(`${event.type} is no state event`);
    return jsonPatch.applyPatch(structuredClone(state), event.delta as Operation[], true).newDocument;
  }, held);
}

/** The update of a node, as the graph reports it. */
function update(node: string, values: object = {}) {
  const data = { chunk: { [node]: values } };
  return { event: "on_chain_stream" as const, name: "graph", run_id: "root", tags: [], metadata: {}, data };
}

/** A call that nobody has carried out. */
const CALL: PredictedCall = { id: "c", answered: false, claim: undefined };

const LIST = Array.from({ length: 20 }, (_, index) => `item number ${index}`);

describe("the exposed state", () => {
  it("begins with a snapshot, even when it is empty", () => {
    expect(new ExposedState().push({})).toEqual([{ type: EventType.STATE_SNAPSHOT, snapshot: {} }]);
  });

  it("says nothing when nothing changed", () => {
    const state = new ExposedState();
    state.push({ list: LIST });
    expect(state.push({ list: [...LIST] })).toEqual([]);
  });

  it("says a small change of a large state as a patch", () => {
    const state = new ExposedState();
    state.push({ list: LIST });
    expect(state.push({ list: [...LIST, "one more"] })).toEqual([
      { type: EventType.STATE_DELTA, delta: [{ op: "add", path: "/list/20", value: "one more" }] },
    ]);
  });

  it("says a change of nearly everything as a snapshot", () => {
    const state = new ExposedState();
    state.push({ a: 1 });
    expect(state.push({ b: 2 })).toEqual([{ type: EventType.STATE_SNAPSHOT, snapshot: { b: 2 } }]);
  });

  it("is sent once more at the end, and not at all when it never was", () => {
    const state = new ExposedState();
    expect(state.finish()).toEqual([]);
    state.push({ a: 1 });
    expect(state.finish()).toEqual([{ type: EventType.STATE_SNAPSHOT, snapshot: { a: 1 } }]);
  });

  it("remembers what was sent, not the object, which the graph may go on changing", () => {
    const state = new ExposedState();
    const list = [...LIST];
    const [first] = state.push({ list });
    list.push("one more");
    expect(first).toEqual({ type: EventType.STATE_SNAPSHOT, snapshot: { list: LIST } });
    expect(after(state.push({ list }), { list: LIST })).toEqual({ list });
  });

  it("takes a part from the graph ahead of time, and leaves the rest as it was sent", () => {
    const state = new ExposedState();
    const events = [
      ...state.push({ list: LIST, done: 0 }),
      ...state.merge({ done: 1, hidden: 2 }, ["list", "done"], "node:1"),
    ];
    expect(events.at(-1)).toEqual({
      type: EventType.STATE_DELTA,
      delta: [{ op: "replace", path: "/done", value: 1 }],
    });
    expect(after(events)).toEqual({ list: LIST, done: 1 });
  });

  it("keeps what the graph said ahead of time until the state can have it, whatever older states come", () => {
    const state = new ExposedState();
    state.push({ n: 0, m: 0 });
    expect(after(state.merge({ n: 2 }, ["n"], "count:1|inner:2"), { n: 0, m: 0 })).toEqual({ n: 2, m: 0 });
    // The state before the step comes late.
    expect(after(state.push({ n: 1, m: 1 }), { n: 2, m: 0 })).toEqual({ n: 2, m: 1 });
    state.updated(update("other"));
    expect(state.push({ n: 1, m: 1 })).toEqual([]);
    state.updated(update("count"));
    expect(after(state.push({ n: 3, m: 1 }), { n: 2, m: 1 })).toEqual({ n: 3, m: 1 });
  });

  it("holds back what would overwrite a prediction, and sends the other keys", () => {
    const state = new ExposedState();
    state.push({ text: "", m: 0 });
    state.predict(["text", "title"], "write:1", CALL);
    expect(state.push({ text: "old", title: "old", m: 1 })).toEqual([
      { type: EventType.STATE_DELTA, delta: [{ op: "replace", path: "/m", value: 1 }] },
    ]);
    state.updated(update("write", { text: "" }));
    // The title is still predicted. A snapshot would take it away.
    expect(state.push({ text: "", m: 1 })).toEqual([]);
    state.updated(update("tools", { title: "new" }));
    const whole = { text: "", title: "new", m: 1 };
    expect(state.push(whole)).toEqual([{ type: EventType.STATE_SNAPSHOT, snapshot: whole }]);
    expect(state.push(whole)).toEqual([]);
  });

  it("sends what the graph emits meanwhile without overwriting a prediction", () => {
    const state = new ExposedState();
    state.push({ text: "", title: "", progress: 0 });
    state.predict(["text", "title"], "write:1", CALL);
    // What a client has filled in from the arguments.
    const predicted = { text: { draft: "Once" }, title: "A t", progress: 0 };
    const emitted = after(state.merge({ progress: 0.5 }, ["text", "title", "progress"], "write:1"), predicted);
    expect(emitted).toEqual({ ...predicted, progress: 0.5 });
    // A predicted key that the graph emits has the emitted value, whatever the client has there.
    state.push({ text: "", title: "", progress: 0 });
    const said = after(
      state.merge({ text: { draft: "Once upon" } }, ["text", "title", "progress"], "write:1"),
      emitted,
    );
    expect(said).toEqual({ text: { draft: "Once upon" }, title: "A t", progress: 0.5 });
    state.updated(update("write", { text: { draft: "Once upon a time" }, title: "A tale" }));
    const whole = { text: { draft: "Once upon a time" }, title: "A tale", progress: 1 };
    expect(state.push(whole)).toEqual([{ type: EventType.STATE_SNAPSHOT, snapshot: whole }]);
  });

  it("sends a snapshot of what the graph emits during a prediction, before any state was sent", () => {
    const state = new ExposedState();
    state.predict(["text"], "write:1", CALL);
    // There is nothing to send but what the client fills in itself.
    expect(state.push({ text: "" })).toEqual([]);
    expect(state.merge({ progress: 0.5 }, ["text", "progress"], "write:1")).toEqual([
      { type: EventType.STATE_SNAPSHOT, snapshot: { progress: 0.5 } },
    ]);
    const said = state.merge({ progress: 0.75 }, ["text", "progress"], "write:1");
    expect(after(said, { text: "Once", progress: 0.5 })).toEqual({ text: "Once", progress: 0.75 });
    expect(state.finish()).toEqual([{ type: EventType.STATE_SNAPSHOT, snapshot: { text: "" } }]);
  });

  it("ends with the state also where it was held back all the time", () => {
    const state = new ExposedState();
    state.predict(["text"], "write:1", CALL);
    expect(state.push({ text: "done" })).toEqual([]);
    expect(state.finish()).toEqual([{ type: EventType.STATE_SNAPSHOT, snapshot: { text: "done" } }]);
  });

  it("sends a snapshot of what the graph emits when nothing else is predicted", () => {
    const state = new ExposedState();
    state.push({ text: "", m: 0 });
    state.predict(["text"], "write:1", CALL);
    expect(state.merge({ text: "Once" }, ["text"], "write:1")).toEqual([
      { type: EventType.STATE_SNAPSHOT, snapshot: { text: "Once", m: 0 } },
    ]);
  });

  it("holds them back until the call is carried out, where the node has only made it", () => {
    const state = new ExposedState();
    const call: { id: string; answered: boolean; claim: PredictedCall["claim"] } = {
      id: "c",
      answered: false,
      claim: undefined,
    };
    state.push({ text: "" });
    state.predict(["text"], "write:1", call);
    state.updated(update("write", { m: 1 }));
    expect(state.push({ text: "" })).toEqual([]);
    call.claim = { place: "tools:2", admitted: true };
    // A node between the two, as middleware is.
    state.updated(update("after_model"));
    expect(state.push({ text: "" })).toEqual([]);
    call.answered = true;
    // Its update comes late.
    state.updated(update("after_model"));
    expect(state.push({ text: "" })).toEqual([]);
    state.updated(update("tools"));
    expect(state.push({ text: "" })).toEqual([{ type: EventType.STATE_SNAPSHOT, snapshot: { text: "" } }]);
  });

  it("sends the value that an update has, whichever node it is of", () => {
    const state = new ExposedState();
    state.push({ text: "" });
    state.predict(["text"], "write:1", CALL);
    state.updated(update("write"));
    state.updated(update("save", { text: "done" }));
    expect(state.push({ text: "done" })).toEqual([{ type: EventType.STATE_SNAPSHOT, snapshot: { text: "done" } }]);
  });

  it("sends the state at the end, where the call was never carried out", () => {
    const state = new ExposedState();
    state.push({ text: "" });
    state.predict(["text"], "write:1", CALL);
    state.updated(update("write"));
    state.updated(update("other"));
    expect(state.push({ text: "" })).toEqual([]);
    expect(state.finish()).toEqual([{ type: EventType.STATE_SNAPSHOT, snapshot: { text: "" } }]);
  });

  it("ends with the graph's state, not with what was only said", () => {
    const state = new ExposedState();
    state.push({ n: 0 });
    state.merge({ n: 2 }, ["n"], "");
    expect(state.finish()).toEqual([{ type: EventType.STATE_SNAPSHOT, snapshot: { n: 0 } }]);
  });

  it("shows values that are no JSON as JSON, the same in snapshots and patches", () => {
    const state = new ExposedState();
    const events = [
      ...state.push({ list: LIST, when: new Date(0) }),
      ...state.push({ list: LIST, when: new Date(0), tags: new Set(["x"]) }),
    ];
    expect(after(events)).toEqual({ list: LIST, when: "1970-01-01T00:00:00.000Z", tags: ["x"] });
  });

  it("whatever it becomes, is what a client holds that applied every event", () => {
    // Keys that JSON Pointer must escape, and values of every kind.
    const key = fc.constantFrom("a", "b/c", "d~e", "", "0");
    const values = fc.dictionary(key, fc.jsonValue({ maxDepth: 3 }), { noNullPrototype: true });
    fc.assert(
      fc.property(fc.array(values, { minLength: 1, maxLength: 8 }), (states) => {
        const state = new ExposedState();
        let held: unknown;
        for (const now of states) {
          held = after(state.push(now), held);
          expect(held).toEqual(JSON.parse(JSON.stringify(now)));
        }
        expect(after(state.finish(), "anything")).toEqual(held);
      }),
      { numRuns: Math.min(NUM_RUNS, 500) },
    );
  });
});

describe("the state a graph emits by itself", () => {
  const emitted = custom("manually_emit_state", { draft: "so far", secret: "no" });

  it("leaves as far as it is exposed", () => {
    const events = translate([emitted], { stateKeys: ["draft"] });
    expect(events.slice(1, -1)).toEqual([
      { type: EventType.STATE_SNAPSHOT, snapshot: { draft: "so far" } },
      { type: EventType.STATE_SNAPSHOT, snapshot: { draft: "so far" } },
    ]);
  });

  it("does not leave at all when nothing of it is", () => {
    expect(translate([emitted], { stateKeys: ["other"] }).slice(1, -1)).toEqual([]);
    expect(translate([emitted]).slice(1, -1)).toEqual([]);
  });
});
