import { describe, expect, it } from "vitest";
import { event, linesOf, nodeEnd, nodeStart, token } from "./events.ts";

describe("a step", () => {
  it("is one run of a node", () => {
    expect(linesOf([nodeStart("plan"), nodeEnd("plan"), nodeStart("write"), nodeEnd("write")])).toEqual([
      "STEP_STARTED plan",
      "STEP_FINISHED plan",
      "STEP_STARTED write",
      "STEP_FINISHED write",
    ]);
  });

  it("of a subgraph is named by its path", () => {
    const events = [
      nodeStart("research"),
      nodeStart("research/search"),
      nodeEnd("research/search"),
      nodeEnd("research"),
    ];
    expect(linesOf(events)).toEqual([
      "STEP_STARTED research",
      "STEP_STARTED research/search",
      "STEP_FINISHED research/search",
      "STEP_FINISHED research",
    ]);
  });

  it("of the same node in parallel has a number: a step may be open only once", () => {
    const events = [
      nodeStart("write#1"),
      nodeStart("write#2"),
      nodeStart("write#3"),
      nodeEnd("write#2"),
      nodeStart("write#4"),
      nodeEnd("write#1"),
      nodeEnd("write#3"),
      nodeEnd("write#4"),
      nodeStart("write#5"),
      nodeEnd("write#5"),
    ];
    expect(linesOf(events)).toEqual([
      "STEP_STARTED write",
      "STEP_STARTED write#2",
      "STEP_STARTED write#3",
      "STEP_FINISHED write#2",
      "STEP_STARTED write#2",
      "STEP_FINISHED write",
      "STEP_FINISHED write#3",
      "STEP_FINISHED write#2",
      "STEP_STARTED write",
      "STEP_FINISHED write",
    ]);
  });

  it("that is open when the run ends is closed, innermost first", () => {
    const events = [nodeStart("a"), nodeStart("a/b"), nodeStart("a/b/c")];
    expect(linesOf(events, { end: { kind: "cancelled" } }).slice(3)).toEqual([
      "STEP_FINISHED a/b/c",
      "STEP_FINISHED a/b",
      "STEP_FINISHED a",
    ]);
  });

  it("closes after the messages inside it", () => {
    expect(linesOf([nodeStart("a"), token("m", "Hi", { node: "a" })]).slice(-2)).toEqual([
      "TEXT_MESSAGE_END m-m",
      "STEP_FINISHED a",
    ]);
  });

  it("is none of LangGraph's plumbing: the graph itself, edges, what a node calls, hidden runs", () => {
    const events = [
      event("on_chain_start", "root", {}, { name: "LangGraph" }),
      event("on_chain_start", "e", {}, { node: "a", name: "Branch<a>", tags: ["graph:step:1"] }),
      event("on_chain_start", "s", {}, { node: "a", name: "RunnableSequence", tags: ["seq:step:1"] }),
      event("on_chain_start", "f", {}, { node: "a", name: "a", tags: ["seq:step:1"] }),
      event("on_chain_start", "h", {}, { node: "a", name: "a", tags: ["graph:step:1", "langsmith:hidden"] }),
    ];
    expect(linesOf(events)).toEqual([]);
    const ends = events.map((started) => ({ ...started, event: "on_chain_end" as const }));
    expect(linesOf([...events, ...ends])).toEqual([]);
  });

  it("that nobody saw begin does not end", () => {
    expect(linesOf([nodeEnd("a")])).toEqual([]);
  });
});
