import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { SluiceError } from "../../src/protocol/errors.ts";
import type { GraphEventName } from "../../src/protocol/graph-event.ts";
import { Deadlines } from "../../src/runs/deadlines.ts";
import { event } from "../translate/events.ts";

const LIMITS = { firstEventMs: 1_000, idleMs: 500, totalMs: 10_000 };

describe("a run's deadlines", () => {
  let expired: SluiceError[];
  let deadlines: Deadlines;

  beforeEach(() => {
    vi.useFakeTimers();
    expired = [];
    deadlines = new Deadlines(LIMITS, (error) => expired.push(error));
  });
  afterEach(() => {
    deadlines.stop();
    expect(vi.getTimerCount()).toBe(0);
    vi.useRealTimers();
  });

  const saw = (name: GraphEventName, run = "a") => deadlines.saw(event(name, run, {}));
  const after = (ms: number) => {
    vi.advanceTimersByTime(ms);
    return expired.map(({ code }) => code);
  };

  it("first event: expires when nothing comes", () => {
    expect(after(999)).toEqual([]);
    expect(after(1)).toEqual(["timeout_first_event"]);
  });

  it("go on in the process that a run is handed over to", () => {
    after(900);
    const { spent } = deadlines;
    deadlines.stop();
    deadlines = new Deadlines(LIMITS, (error) => expired.push(error), spent);
    expect(after(99)).toEqual([]);
    expect(after(1)).toEqual(["timeout_first_event"]);
  });

  it("total: goes on in the process that a run is handed over to, and the silence begins anew", () => {
    saw("on_chat_model_stream");
    for (let n = 0; n < 22; n += 1) {
      after(400);
      saw("on_chat_model_stream");
    }
    const { spent } = deadlines;
    deadlines.stop();
    deadlines = new Deadlines(LIMITS, (error) => expired.push(error), spent);
    after(400);
    saw("on_chat_model_stream");
    after(400);
    saw("on_chat_model_stream");
    expect(after(399)).toEqual([]);
    expect(after(1)).toEqual(["timeout_total"]);
  });

  it.each<GraphEventName>([
    "on_chain_start",
    "on_chain_stream",
    "on_chat_model_start",
    "on_llm_start",
    "on_prompt_end",
  ])("first event: %s proves nothing", (name) => {
    after(900);
    saw(name);
    expect(after(100)).toEqual(["timeout_first_event"]);
  });

  it.each<GraphEventName>([
    "on_chat_model_stream",
    "on_chat_model_end",
    "on_llm_stream",
    "on_tool_start",
    "on_tool_end",
    "on_custom_event",
  ])("first event: %s meets it", (name) => {
    after(900);
    saw(name);
    expect(after(499)).toEqual([]);
  });

  it("idle: expires when the graph falls silent after its first event", () => {
    saw("on_chat_model_stream");
    expect(after(499)).toEqual([]);
    expect(after(1)).toEqual(["timeout_idle"]);
  });

  it("idle: does not run before the first event", () => {
    saw("on_chain_start");
    expect(after(900)).toEqual([]);
  });

  it("idle: every graph event begins it anew, whatever it is", () => {
    saw("on_custom_event");
    for (const name of ["on_chain_start", "on_chat_model_stream", "on_prompt_end"] as const) {
      expect(after(499)).toEqual([]);
      saw(name);
    }
    expect(after(499)).toEqual([]);
    expect(after(1)).toEqual(["timeout_idle"]);
  });

  it("idle: is paused while a tool runs, and begins anew when the last has ended", () => {
    saw("on_tool_start", "1");
    saw("on_tool_start", "2");
    expect(after(3_000)).toEqual([]);
    saw("on_tool_end", "1");
    expect(after(3_000)).toEqual([]);
    saw("on_tool_error", "2");
    expect(after(499)).toEqual([]);
    expect(after(1)).toEqual(["timeout_idle"]);
  });

  it("total: expires however busy the graph is", () => {
    for (let passed = 0; passed < 9_900; passed += 100) {
      saw("on_chat_model_stream");
      expect(after(100)).toEqual([]);
    }
    saw("on_chat_model_stream");
    expect(after(100)).toEqual(["timeout_total"]);
  });

  it("total: is not paused by a tool", () => {
    saw("on_tool_start");
    expect(after(10_000)).toEqual(["timeout_total"]);
  });

  it("expire once", () => {
    after(1_000);
    saw("on_custom_event");
    expect(after(100_000)).toEqual(["timeout_first_event"]);
  });

  it.each<GraphEventName>(["on_chain_start", "on_chat_model_stream"])("stopped after %s expire no more", (name) => {
    saw(name);
    deadlines.stop();
    saw("on_chat_model_stream");
    expect(vi.getTimerCount()).toBe(0);
    expect(after(100_000)).toEqual([]);
  });

  it("name the setting and the limit", () => {
    after(1_000);
    expect(expired[0]).toMatchObject({ message: expect.stringMatching(/1 s\b.*STREAM_FIRST_EVENT_TIMEOUT_SECONDS/) });
    const sent: SluiceError[] = [];
    const idle = new Deadlines(LIMITS, (error) => sent.push(error));
    idle.saw(event("on_custom_event", "a", {}));
    vi.advanceTimersByTime(500);
    expect(sent[0]?.message).toMatch(/0\.5 s\b.*STREAM_IDLE_TIMEOUT_SECONDS/);
    const total = new Deadlines({ ...LIMITS, firstEventMs: 60_000 }, (error) => sent.push(error));
    vi.advanceTimersByTime(10_000);
    expect(sent[1]?.message).toMatch(/10 s\b.*STREAM_TIMEOUT_SECONDS/);
    idle.stop();
    total.stop();
  });

  it("keep one timer, however many events there are", () => {
    for (let n = 0; n < 1_000; n += 1) saw("on_chat_model_stream");
    expect(vi.getTimerCount()).toBe(1);
  });
});
