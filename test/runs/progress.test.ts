/** `sluice.progress`: how often it is sent, its numbers, and that it changes nothing else. */

import fc from "fast-check";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { type AguiEvent, EventType, isTerminal, mergeDeltas } from "../../src/protocol/events.ts";
import { ProgressReports } from "../../src/runs/progress.ts";
import type { Progress } from "../../src/translate/token-count.ts";
import { NUM_RUNS } from "../support/properties.ts";
import { verifyRun } from "../support/verify.ts";
import { modelEnd, said, token } from "../translate/events.ts";
import { cutEvents, runEnd } from "../translate/random-runs.ts";
import { emitting, logged, NEVER, scripted, testRuns } from "./scripted.ts";

const isProgress = (event: AguiEvent) => event.type === EventType.CUSTOM && event.name === "sluice.progress";
const progressOf = (events: readonly AguiEvent[]) =>
  events.flatMap((event) => (event.type === EventType.CUSTOM && isProgress(event) ? [event.value as Progress] : []));

describe("reports of how far a run has come", () => {
  let sent: { at: number; tokens: number; final?: true | undefined }[];
  let reports: ProgressReports;
  let startedAt: number;

  beforeEach(() => {
    vi.useFakeTimers();
    sent = [];
    startedAt = performance.now();
    reports = new ProgressReports(500, ({ tokens, elapsedMs, final }) => {
      expect(elapsedMs).toBe(performance.now() - startedAt);
      sent.push({ at: elapsedMs, tokens, ...(final ? { final } : {}) });
    });
  });
  afterEach(() => {
    reports.end();
    expect(vi.getTimerCount()).toBe(0);
    vi.useRealTimers();
  });

  const times = () => sent.map(({ at, tokens }) => [at, tokens]);

  it("come with the first token, and then at the rate that was asked for while tokens come", () => {
    vi.advanceTimersByTime(320);
    for (let n = 0; n < 100; n += 1) {
      reports.saw(token("a", "x"));
      vi.advanceTimersByTime(20);
    }
    expect(times()).toEqual([
      [320, 1],
      [820, 25],
      [1_320, 50],
      [1_820, 75],
      [2_320, 100],
    ]);
  });

  it("report what was counted last when the model falls silent, and are silent then too", () => {
    reports.saw(token("a", "x"));
    vi.advanceTimersByTime(100);
    for (let n = 0; n < 9; n += 1) reports.saw(token("a", "x"));
    vi.advanceTimersByTime(60_000);
    expect(times()).toEqual([
      [0, 1],
      [500, 10],
    ]);
    reports.saw(token("a", "x"));
    expect(times().at(-1)).toEqual([60_500 - 400, 11]);
  });

  it("correct themselves when a call says what it gave, whether its end is admitted or not", () => {
    const usage_metadata = { input_tokens: 1, output_tokens: 7, total_tokens: 8 };
    reports.saw(token("a", { content: "x", usage_metadata }));
    reports.refused(modelEnd("a", { usage_metadata }));
    reports.refused(modelEnd("never seen", { usage_metadata }));
    vi.advanceTimersByTime(500);
    reports.saw(modelEnd("b", { content: "whole", usage_metadata }));
    vi.advanceTimersByTime(500);
    expect(times()).toEqual([
      [0, 1],
      [500, 7],
      [1_000, 14],
    ]);
  });

  it("end with one that is the last, however short ago the one before was", () => {
    reports.saw(token("a", "x"));
    reports.saw(token("a", "y"));
    vi.advanceTimersByTime(3);
    reports.end();
    vi.advanceTimersByTime(5_000);
    expect(sent).toMatchObject([
      { at: 0, tokens: 1 },
      { at: 3, tokens: 2, final: true },
    ]);
    expect(sent[0]).not.toHaveProperty("final");
  });
});

describe("a run", () => {
  const answering = () => emitting(...said("a", ["Hel", "lo, ", "you"]));
  const asking = (progress: unknown) => ({ forwardedProps: { sluice: { progress } } });
  const USED = { input_tokens: 9, output_tokens: 3, total_tokens: 12 };

  async function eventsOf(...args: Parameters<typeof testRuns>): Promise<AguiEvent[]> {
    const subject = testRuns(...args);
    return subject.eventsOf(await subject.start());
  }

  it("reports nothing of it when nobody asked", async () => {
    expect((await eventsOf(answering())).filter(isProgress)).toEqual([]);
  });

  it.each([true, 0.1, 60])(
    "reports it when its starter asks with %j: with the first token, and before the end",
    async (asked) => {
      const subject = testRuns(answering());
      const events = await subject.eventsOf(await subject.start(asking(asked)));
      expect(progressOf(events)).toMatchObject([{ tokens: 1 }, { tokens: 3, final: true }]);
      const types = events.map((event) => (isProgress(event) ? "progress" : event.type));
      // A token is sent before the report that counts it.
      expect(types.indexOf("progress")).toBe(types.indexOf(EventType.TEXT_MESSAGE_CONTENT) + 1);
      expect(types.lastIndexOf("progress")).toBe(types.length - 2);
    },
  );

  it("reports it when its agent's settings ask, unless its starter wants none", async () => {
    expect(progressOf(await eventsOf(answering(), { entry: { progress: true } }))).toHaveLength(2);
    const subject = testRuns(answering(), { entry: { progress: 5 } });
    expect(progressOf(await subject.eventsOf(await subject.start(asking(false))))).toEqual([]);
  });

  it.each([0, 0.09, 3_601, "yes", null])("is refused when it is asked for with %j", async (asked) => {
    await expect(testRuns(answering()).start(asking(asked))).rejects.toMatchObject({
      code: "bad_request",
      message:
        "forwardedProps.sluice, field progress: must be true, false, or the seconds between two reports, from 0.1 to 3600.",
    });
  });

  it("does not count what is refused, and counts what is not sent in pieces, or not sent at all", async () => {
    const graph = () =>
      emitting(
        ...said("a", ["one", "two"], { node: "hidden" }),
        token("b", { additional_kwargs: { reasoning_content: "hm" } }, { node: "quiet" }),
        ...said("b", ["three"], { node: "quiet" }),
      );
    const entry = {
      progress: true,
      nodes: { hidden: { messages: false }, quiet: { tokens: false, reasoning: false } },
    };
    expect(progressOf(await eventsOf(graph(), { entry })).at(-1)).toMatchObject({ tokens: 2, final: true });
    const env = { STREAM_ALLOWED_EVENTS: "on_tool_*" };
    const none = progressOf(await eventsOf(graph(), { entry, env }));
    expect(none).toEqual([{ tokens: 0, elapsedMs: expect.any(Number), final: true }]);
  });

  it.each([
    ["cancelled", { kind: "cancelled" } as const],
    ["failed", { kind: "failed", error: undefined as never } as const],
    ["interrupted", { kind: "interrupted", interrupts: [{ id: "i1", reason: "input_required" }] } as const],
  ])("that is %s reports how far it came", async (_, end) => {
    const events = (await logged([token("a", "x"), token("a", "y")], end, { entry: { progress: 60 } })).map(
      ({ json }) => JSON.parse(json) as AguiEvent,
    );
    expect(progressOf(events)).toMatchObject([{ tokens: 1 }, { tokens: 2, final: true }]);
    await verifyRun(events);
  });

  it("reports what each call gave in its own number", async () => {
    const graph = emitting(...said("a", ["Hel", "lo"]).slice(0, 2), modelEnd("a", { usage_metadata: USED }));
    const env = { STREAM_ALLOWED_EVENTS: "on_chat_model_*" };
    expect(progressOf(await eventsOf(graph, { entry: { progress: true }, env })).at(-1)?.tokens).toBe(3);
  });

  it("merges the deltas of a burst as without it", async () => {
    const graph = emitting(...said("a", Array<string>(500).fill("x")));
    const deltas = (events: AguiEvent[]) => events.filter(({ type }) => type === EventType.TEXT_MESSAGE_CONTENT).length;
    const [without, with_] = [await eventsOf(graph), await eventsOf(graph, { entry: { progress: 60 } })];
    // A report within the burst separates two deltas that would be merged.
    expect(deltas(with_)).toBeLessThanOrEqual(deltas(without) + 1);
  });

  it("does not hold a token back until a report is due", async () => {
    const graph = scripted(async function* () {
      yield token("a", "one");
      yield token("a", "two");
      await NEVER;
    });
    const subject = testRuns(graph, { entry: { progress: 3_600 } });
    await subject.start();
    await subject.until((event) => event.type === EventType.TEXT_MESSAGE_CONTENT && event.delta.endsWith("two"));
    await subject.close(0);
  });
});

describe("whatever the graph does and wherever it stops, with a report for every token", () => {
  beforeAll(() => {
    vi.spyOn(console, "warn").mockImplementation(() => {});
  });
  afterAll(() => {
    vi.restoreAllMocks();
  });

  const merged = (events: readonly AguiEvent[]) => {
    const all: AguiEvent[] = [];
    for (const { timestamp: _, ...event } of events as (AguiEvent & { timestamp?: number })[]) {
      const last = all.at(-1);
      const both = last && mergeDeltas(last, event as AguiEvent);
      if (both) all.pop();
      all.push(both ?? (event as AguiEvent));
    }
    return all;
  };

  it("a run's events are legal for both generations of clients, and the same but for the reports", async () => {
    await fc.assert(
      fc.asyncProperty(cutEvents, runEnd, async (events, end) => {
        const sent = async (progress: number | false) =>
          (await logged(events, end, { entry: { progress } })).map(({ json }) => JSON.parse(json) as AguiEvent);
        const [plain, reported] = [await sent(false), await sent(0)];
        await verifyRun(reported);
        expect(merged(reported.filter((event) => !isProgress(event)))).toEqual(merged(plain));
        const progress = progressOf(reported);
        expect(progress.findIndex(({ final }) => final)).toBe(progress.length - 1);
        expect(reported.findIndex(isProgress)).toBeGreaterThan(0);
        expect(isTerminal(reported.at(-1)?.type ?? EventType.RAW)).toBe(true);
      }),
      { numRuns: Math.ceil(NUM_RUNS / 5) },
    );
  });
});
