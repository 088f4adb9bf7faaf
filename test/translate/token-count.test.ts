import { describe, expect, it } from "vitest";
import type { GraphEvent } from "../../src/protocol/graph-event.ts";
import { type Progress, TokenCount } from "../../src/translate/token-count.ts";
import { callPiece, custom, event, modelEnd, modelStart, nodeStart, thought, token } from "./events.ts";

/** The reports after these events, each at its time. */
function counted(...events: [at: number, event: GraphEvent][]): Progress {
  const count = new TokenCount();
  for (const [at, event] of events) count.push(event, at);
  return count.at(events.at(-1)?.[0] ?? 0);
}

const used = (output_tokens: number) => ({ input_tokens: 9, output_tokens, total_tokens: 9 + output_tokens });
const limited = (ls_max_tokens: unknown) => ({ metadata: { ls_max_tokens } });

describe("how far a run has come", () => {
  it("is nothing before a model gave anything", () => {
    expect(counted([0, nodeStart("chat")], [5, modelStart("a", limited(100))], [40, custom("note", 1)])).toEqual({
      tokens: 0,
      elapsedMs: 40,
    });
  });

  it("counts what a model says, thinks and calls, and no empty piece", () => {
    const progress = counted(
      [10, token("a", "")],
      [20, thought("a", "hm")],
      [30, token("a", "Hel")],
      [40, token("a", "lo")],
      [50, callPiece("a", { name: "add", id: "c", args: "{" })],
      [60, token("a", { usage_metadata: used(40) })],
    );
    expect(progress).toMatchObject({ tokens: 4, timeToFirstTokenMs: 20, elapsedMs: 60 });
  });

  it("counts the pieces of a completion model", () => {
    expect(counted([1, event("on_llm_stream", "a", { chunk: { text: "Hel" } })])).toMatchObject({ tokens: 1 });
  });

  it("takes a call's own number when it has ended, and keeps its count when there is none", () => {
    const a: [number, GraphEvent][] = [
      [10, token("a", "Hel")],
      [20, token("a", "lo, you")],
      [21, token("a", { usage_metadata: used(5) })],
    ];
    expect(counted(...a).tokens).toBe(2);
    const ended: [number, GraphEvent][] = [...a, [22, modelEnd("a", { usage_metadata: used(5) })]];
    expect(counted(...ended).tokens).toBe(5);
    const b: [number, GraphEvent][] = [
      [30, token("b", "x")],
      [40, token("b", "y")],
      [41, modelEnd("b")],
    ];
    expect(counted(...ended, ...b).tokens).toBe(7);
    expect(counted(...b, [50, modelEnd("c", { usage_metadata: used(0) })]).tokens).toBe(2);
  });

  it("learns of the end of a call whose end is refused", () => {
    const count = new TokenCount();
    count.push(token("a", { content: "Hello, you", usage_metadata: used(3) }), 10);
    expect([count.at(10).tokens, count.end("a"), count.at(11).tokens]).toEqual([1, true, 3]);
    expect(count.end("unknown")).toBe(false);
  });

  it("takes a message that never streamed as one piece, or by its own number", () => {
    expect(counted([70, modelEnd("a", "Hello")])).toEqual({ tokens: 1, timeToFirstTokenMs: 70, elapsedMs: 70 });
    const whole = modelEnd("a", { content: "Hello", usage_metadata: used(6) }, limited(10));
    expect(counted([70, whole])).toEqual({ tokens: 6, limit: 10, timeToFirstTokenMs: 70, elapsedMs: 70 });
  });

  it("says how many tokens may come, as long as every call has a limit", () => {
    const first: [number, GraphEvent] = [10, token("a", "x", limited(100))];
    expect(counted(first).limit).toBe(100);
    expect(counted(first, [20, token("a", "y", limited(100))]).limit).toBe(100);
    expect(counted(first, [20, token("b", "y", limited(50))]).limit).toBe(150);
    expect(counted(first, [20, token("b", "y")], [30, token("c", "z", limited(50))])).not.toHaveProperty("limit");
    expect(counted([10, token("a", "x", limited(-1))])).not.toHaveProperty("limit");
  });

  it("the pace is that of a call while it streams: neither the wait for it counts nor the time between two", () => {
    const at25 = Array.from({ length: 21 }, (_, n): [number, GraphEvent] => [1_000 + n * 25, token("a", "x")]);
    expect(counted([1_000, token("a", "x")])).not.toHaveProperty("tokensPerSecond");
    expect(counted(...at25)).toMatchObject({ tokens: 21, tokensPerSecond: 40, timeToFirstTokenMs: 1_000 });
    const later = Array.from({ length: 21 }, (_, n): [number, GraphEvent] => [9_000 + n * 25, token("b", "x")]);
    expect(counted(...at25, [1_501, modelEnd("a")], ...later)).toMatchObject({ tokens: 42, tokensPerSecond: 40 });
  });

  it("the pace is in the model's tokens once they are known", () => {
    const pieces = Array.from({ length: 11 }, (_, n): [number, GraphEvent] => [n * 100, token("a", "two tokens")]);
    expect(counted(...pieces).tokensPerSecond).toBe(10);
    const end: [number, GraphEvent] = [1_001, modelEnd("a", { usage_metadata: used(21) })];
    expect(counted(...pieces, end)).toMatchObject({ tokens: 21, tokensPerSecond: 20 });
  });

  it("what came all at once has no pace", () => {
    expect(counted([10, token("a", "x")], [10, token("a", "y")])).not.toHaveProperty("tokensPerSecond");
  });
});
