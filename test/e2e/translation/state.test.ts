/** The exposed state keys of an agent: what clients receive of them, and what they may send back. */

import { HttpAgent } from "@ag-ui/client";
import { Annotation, END, MessagesAnnotation, START, StateGraph } from "@langchain/langgraph";
import { HttpAgent as HttpAgent0 } from "ag-ui-client-0.0.59";
import jsonPatch, { type Operation } from "fast-json-patch";
import { afterEach, describe, expect, it } from "vitest";
import { type AguiEvent, EventType } from "../../../src/protocol/events.ts";
import { memory, startSluice, type TestSluice } from "../../support/sluice.ts";
import { userInput } from "../../support/sse-client.ts";
import { ofType, turn } from "./turns.ts";

let sluice: TestSluice | undefined;

afterEach(async () => {
  await sluice?.close();
});

const Basket = Annotation.Root({
  ...MessagesAnnotation.spec,
  /** A reducer that appends, so values that are sent twice appear twice. */
  items: Annotation<string[]>({ reducer: (before, added) => [...before, ...added], default: () => [] }),
  total: Annotation<number>,
  note: Annotation<string>,
  /** Not exposed. */
  margin: Annotation<string>,
  owner: Annotation<string>,
});

const LONG = "a note that is long enough for a patch to be shorter than the state it belongs to";

/** Two nodes: one fills the basket, the other counts it. */
function shop() {
  return new StateGraph(Basket)
    .addNode("fill", () => ({ items: ["apple"], note: LONG, margin: "secret: 40 %" }))
    .addNode("count", ({ items }) => ({ total: items.length }))
    .addEdge(START, "fill")
    .addEdge("fill", "count")
    .addEdge("count", END)
    .compile({ checkpointer: memory() });
}

async function serve(state: string[] = ["items", "total", "note"], graph: object = shop()): Promise<string> {
  sluice = await startSluice({ main: { graph, entry: { state } } });
  return sluice.url;
}

/** The state that a client holds after each event that concerns it. A patch that does not apply throws. */
function held(events: readonly AguiEvent[]): unknown[] {
  let state: unknown;
  return events.flatMap((event) => {
    if (event.type === EventType.STATE_SNAPSHOT) state = event.snapshot;
    else if (event.type === EventType.STATE_DELTA) {
      state = jsonPatch.applyPatch(structuredClone(state), event.delta as Operation[], true).newDocument;
    } else return [];
    return [structuredClone(state)];
  });
}

describe("an exposed key", () => {
  it("is sent as it changes: a snapshot, patches that apply to what the client holds, a snapshot at the end", async () => {
    const url = await serve();
    const events = await turn(url, "main", userInput("buy"));
    expect(ofType(events, EventType.STATE_DELTA)).toMatchObject([{ delta: [{ op: "add", path: "/total", value: 1 }] }]);
    const states = held(events);
    expect(states.at(0)).toEqual({ items: [] });
    expect(states.at(-2)).toEqual({ items: ["apple"], note: LONG, total: 1 });
    expect(states.at(-1)).toEqual(states.at(-2));
    const last = events.at(-2);
    expect(last?.type).toBe(EventType.STATE_SNAPSHOT);
  });

  it.each([
    ["1.0.0", HttpAgent],
    ["0.0.59", HttpAgent0 as unknown as typeof HttpAgent],
  ])("is what @ag-ui/client %s ends up with", async (_, Agent) => {
    const url = await serve();
    const agent = new Agent({ url: `${url}/agui` });
    agent.addMessage({ id: "u", role: "user", content: "buy" });
    await agent.runAgent();
    expect(agent.state).toEqual({ items: ["apple"], note: LONG, total: 1 });
  });

  it("is the only thing that leaves: other keys and the messages do not", async () => {
    const url = await serve(["total"]);
    const events = await turn(url, "main", userInput("buy"));
    expect(held(events).at(-1)).toEqual({ total: 1 });
    expect(JSON.stringify(events)).not.toMatch(/secret|apple|a note/);
  });

  it("is exposed by nobody's default: then no state leaves at all", async () => {
    const url = await serve([]);
    const events = await turn(url, "main", userInput("buy"));
    expect(held(events)).toEqual([]);
    expect(JSON.stringify(events)).not.toMatch(/secret|apple|a note/);
  });
});

describe("state that a client sends", () => {
  it("reaches the graph for exposed keys, and for no others", async () => {
    const graph = shop();
    const url = await serve(["items", "total"], graph);
    const input = userInput("buy", { state: { items: ["pear"], owner: "me", unknown: true } });
    const events = await turn(url, "main", input);
    expect(held(events).at(-1)).toEqual({ items: ["pear", "apple"], total: 2 });
    const { values } = await graph.getState({ configurable: { thread_id: input.threadId } });
    expect(values).toMatchObject({ items: ["pear", "apple"], margin: "secret: 40 %" });
    expect(values).not.toHaveProperty("owner");
    expect(values).not.toHaveProperty("unknown");
  });

  it("is not added again when it is only what the client was sent before", async () => {
    const url = await serve();
    const agent = new HttpAgent({ url: `${url}/agui` });
    agent.addMessage({ id: "u1", role: "user", content: "buy" });
    await agent.runAgent();
    // This client sends all the state it holds with every run.
    agent.addMessage({ id: "u2", role: "user", content: "buy more" });
    await agent.runAgent();
    expect(agent.state).toMatchObject({ items: ["apple", "apple"], total: 2 });
  });

  it("is taken key by key: what the client changed goes in, what it did not is left alone", async () => {
    const url = await serve();
    const agent = new HttpAgent({ url: `${url}/agui` });
    agent.addMessage({ id: "u1", role: "user", content: "buy" });
    await agent.runAgent();
    agent.setState({ ...agent.state, total: 99 });
    agent.addMessage({ id: "u2", role: "user", content: "buy more" });
    const seen: unknown[] = [];
    await agent.runAgent({}, { onStateSnapshotEvent: ({ event }) => void seen.push(event.snapshot) });
    expect(seen[0]).toMatchObject({ items: ["apple"], total: 99 });
    expect(agent.state).toMatchObject({ items: ["apple", "apple"], total: 2 });
  });

  it.each([null, "text", ["items"], 7])("may be anything: %j is no state and changes nothing", async (state) => {
    const url = await serve();
    const events = await turn(url, "main", userInput("buy", { state }));
    expect(held(events).at(-1)).toMatchObject({ items: ["apple"], total: 1 });
  });
});
