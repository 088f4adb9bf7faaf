/** The spread of tokens: percentiles, gaps, stalls, and runs distinguished. */
import { describe, expect, test } from "vitest";
import { Gaps, MAX_POINTS, stallMs } from "../../src/playground/inspector/gaps.ts";
import { EXACT, Quantiles } from "../../src/playground/inspector/quantiles.ts";
import { Runs } from "../../src/playground/inspector/runs.ts";
import { Tap } from "../../src/playground/state/tap.ts";
import { callArgs, delta, end, received, runFinished, runStarted, thought } from "./received.ts";

describe("percentiles", () => {
  test("there are none of nothing", () => {
    const quantiles = new Quantiles();
    expect([quantiles.percentile(0.5), quantiles.longest, quantiles.count]).toEqual([undefined, 0, 0]);
  });

  test.each([1, 2, 3, 20, EXACT])("of %i values they are exact", (count) => {
    const values = scrambled(count);
    const quantiles = of(values);
    for (const share of [0, 0.01, 0.5, 0.95, 1]) {
      expect([share, quantiles.percentile(share)]).toEqual([share, nearestRank(values, share)]);
    }
    expect(quantiles.exact).toBe(true);
    expect(quantiles.countAbove(1)).toBe(values.filter((value) => value > 1).length);
  });

  test("of many values they are within 1 %, from a hundredth of a millisecond to minutes", () => {
    const values = scrambled(50_000);
    const quantiles = of(values);
    expect(quantiles.exact).toBe(false);
    for (const share of [0.001, 0.05, 0.5, 0.95, 0.999]) {
      const exact = nearestRank(values, share);
      expect(Math.abs((quantiles.percentile(share) ?? 0) - exact) / exact).toBeLessThanOrEqual(0.0101);
    }
    expect(quantiles.longest).toBe(Math.max(...values));
    expect(quantiles.percentile(1)).toBeLessThanOrEqual(quantiles.longest);
    const above = values.filter((value) => value > 500).length;
    const doubtful = values.filter((value) => value > 500 && value < 510).length;
    expect(quantiles.countAbove(500)).toBeGreaterThanOrEqual(above - doubtful);
    expect(quantiles.countAbove(500)).toBeLessThanOrEqual(above);
  });

  test("nothing is too small or too large to count", () => {
    const quantiles = of([...Array<number>(EXACT + 1).fill(0), 1e12]);
    expect([quantiles.percentile(0.5), quantiles.longest, quantiles.countAbove(1_000)]).toEqual([0, 1e12, 1].map(near));
  });
});

describe("the gaps of a run", () => {
  test("the first token counts from the run's start, the others from the one before", () => {
    const gaps = sent([runStarted("r"), 0], [delta("a"), 120], [delta("b"), 150], [delta("c"), 160]);
    expect(gaps.evenness).toMatchObject({ firstTokenMs: 120, gaps: 2, p50: 10, p95: 30, longest: 30, stalls: 0 });
    expect(gaps.points).toEqual([
      { t: 150, ms: 30 },
      { t: 160, ms: 10 },
    ]);
  });

  test("reasoning and arguments are tokens too", () => {
    const gaps = sent([runStarted("r"), 0], [thought("hm"), 50], [thought("!"), 70], [callArgs("{"), 90]);
    expect(gaps.evenness).toMatchObject({ firstTokenMs: 50, gaps: 1, longest: 20 });
  });

  test("what lies between two messages is no gap, even if the second has the first one's id", () => {
    const gaps = sent([runStarted("r"), 0], [delta("a"), 10], [end(), 11], [delta("b"), 5_000], [delta("c"), 5_001]);
    expect(gaps.evenness).toMatchObject({ gaps: 1, longest: 1, stalls: 0 });
  });

  test("messages that are sent side by side each have their own gaps", () => {
    const gaps = sent(
      [runStarted("r"), 0],
      [delta("a", "left"), 10],
      [delta("b", "right"), 15],
      [delta("c", "left"), 110],
      [delta("d", "right"), 115],
    );
    expect(gaps.points.map(({ ms }) => ms)).toEqual([100, 100]);
  });

  test("a stall is longer than a second, and than ten times the median", () => {
    expect([stallMs(), stallMs(20), stallMs(250)]).toEqual([1_000, 1_000, 2_500]);
    const ats = [0, 10, 20, 30, 1_031, 1_041];
    const gaps = sent([runStarted("r"), 0], ...ats.map((at): [ReturnType<typeof delta>, number] => [delta("x"), at]));
    expect(gaps.evenness).toMatchObject({ stalls: 1, longest: 1_001, stallMs: 1_000 });
  });

  test("what was replayed counts for nothing, and neither does the way across it", () => {
    const gaps = new Gaps();
    gaps.push(received(runStarted("r"), { at: 0 }));
    gaps.push(received(delta("a"), { at: 10 }));
    gaps.push(received(delta("b"), { at: 4_000, replayed: true }));
    gaps.push(received(delta("c"), { at: 4_000, replayed: true }));
    gaps.push(received(delta("d"), { at: 4_100 }));
    gaps.push(received(delta("e"), { at: 4_130 }));
    expect(gaps.evenness).toMatchObject({ firstTokenMs: 10, gaps: 1, longest: 30 });
  });

  test("a page that came late knows no first token, and counts what is new", () => {
    const gaps = new Gaps();
    gaps.push(received(runStarted("r"), { at: 0, cursor: undefined }));
    gaps.push(received(delta("all so far"), { at: 1, cursor: undefined }));
    gaps.push(received(delta("next"), { at: 50 }));
    gaps.push(received(delta("next"), { at: 70 }));
    expect(gaps.evenness).toMatchObject({ firstTokenMs: undefined, gaps: 1, longest: 20 });
  });

  test("without cursors the time of the run's start shows whether this page came late", () => {
    const now = performance.now();
    const firstTokenOf = (startedAgo: number) => {
      const timestamp = performance.timeOrigin + now - startedAgo;
      const gaps = new Gaps();
      gaps.push(received({ ...runStarted("r"), timestamp }, { at: now, cursor: undefined }));
      gaps.push(received(delta("a"), { at: now + 5, cursor: undefined }));
      return gaps.evenness.firstTokenMs;
    };
    expect([firstTokenOf(20), firstTokenOf(60_000)]).toEqual([expect.closeTo(5), undefined]);
  });

  test("a run that is sent again from its beginning goes on where it was", () => {
    const gaps = new Gaps();
    const bare = (event: Parameters<typeof received>[0], at: number, replayed = false) =>
      gaps.push(received(event, { at, replayed, cursor: undefined }));
    bare({ ...runStarted("r"), timestamp: performance.timeOrigin }, 0);
    bare(delta("a"), 10);
    bare(delta("b"), 30);
    bare({ ...runStarted("r"), timestamp: performance.timeOrigin }, 2_000, true);
    bare(delta("ab and what was missed"), 2_000, true);
    bare(delta("c"), 2_015);
    bare(delta("d"), 2_025);
    expect(gaps.evenness).toMatchObject({ firstTokenMs: 10, gaps: 2, longest: 20 });
    expect(gaps.points.map(({ t }) => t)).toEqual([30, 2_025]);
  });

  test("a message that is sent whole has a first token all the same", () => {
    const gaps = new Gaps();
    gaps.push(received(runStarted("r"), { at: 0 }));
    gaps.push(received(delta("whole"), { at: 900, cursor: undefined }));
    expect(gaps.evenness.firstTokenMs).toBe(900);
  });

  test("of a long run the plot keeps what stands out", () => {
    const gaps = new Gaps();
    gaps.push(received(runStarted("r"), { at: 0 }));
    let at = 0;
    for (let index = 0; index < 10 * MAX_POINTS; index += 1) {
      at += index === 3_000 ? 4_000 : 5;
      gaps.push(received(delta("x"), { at }));
    }
    expect(gaps.points.length).toBeLessThanOrEqual(MAX_POINTS);
    expect(gaps.points.filter(({ ms }) => ms === 4_000)).toHaveLength(1);
    expect(gaps.points.map(({ t }) => t)).toEqual(gaps.points.map(({ t }) => t).sort((a, b) => a - b));
    expect(gaps.evenness).toMatchObject({ stalls: 1, longest: 4_000, exact: false });
  });
});

describe("runs in the tap", () => {
  test("each has its own events, deltas and bytes", () => {
    const tap = new Tap(100, () => {});
    const runs = new Runs();
    tap.push(received(runStarted("r1"), { bytes: 100 }));
    tap.push(received(delta("a"), { bytes: 10 }));
    runs.update(tap);
    expect(runs.all).toMatchObject([{ runId: "r1", from: 0, to: 2, ended: false, events: 2, deltas: 1, bytes: 110 }]);
    tap.push(received(runFinished("r1"), { bytes: 50 }));
    tap.push(received(runStarted("r2"), { bytes: 100 }));
    runs.update(tap);
    runs.update(tap);
    expect(runs.all).toMatchObject([
      { runId: "r1", from: 0, to: 3, ended: true, events: 3, deltas: 1, bytes: 160 },
      { runId: "r2", from: 3, to: 4, ended: false, events: 1, deltas: 0, bytes: 100 },
    ]);
  });

  test("a run that is sent again from where it stands stays one run", () => {
    const tap = new Tap(100, () => {});
    const runs = new Runs();
    for (const event of [runStarted("r1"), delta("a"), runStarted("r1"), delta("b")]) tap.push(received(event));
    runs.update(tap);
    expect(runs.all).toMatchObject([{ runId: "r1", events: 4 }]);
  });

  test("what the tap has let go of is let go of", () => {
    const tap = new Tap(3, () => {});
    const runs = new Runs();
    for (const event of [runStarted("r1"), runFinished("r1"), runStarted("r2"), delta("a"), delta("b")]) {
      tap.push(received(event));
    }
    runs.update(tap);
    expect(runs.all.map(({ runId }) => runId)).toEqual(["r2"]);
    tap.clear();
    runs.update(tap);
    expect(runs.all).toEqual([]);
  });
});

function sent(...events: [Parameters<typeof received>[0], number][]): Gaps {
  const gaps = new Gaps();
  for (const [event, at] of events) gaps.push(received(event, { at }));
  return gaps;
}

function of(values: readonly number[]): Quantiles {
  const quantiles = new Quantiles();
  for (const value of values) quantiles.add(value);
  return quantiles;
}

function nearestRank(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(Math.ceil(share * sorted.length), 1) - 1] as number;
}

/** Durations from 0.02 ms to 3 minutes, evenly spread over the orders of magnitude, in a fixed disorder. */
function scrambled(count: number): number[] {
  return Array.from({ length: count }, (_, index) => 0.02 * 9e6 ** (((index * 7_919) % count) / count));
}

function near(value: number) {
  return expect.closeTo(value, 1);
}
