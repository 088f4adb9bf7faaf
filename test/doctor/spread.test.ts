import { describe, expect, test } from "vitest";
import { judgeSpread, type Token } from "../../src/doctor/spread.ts";

/** Tokens of one message that arrive at these milliseconds. */
function at(...times: number[]): Token[] {
  return times.map((time) => ({ at: time, characters: 4, span: "text m" }));
}

function evenly(count: number, everyMs: number, from = 150): number[] {
  return Array.from({ length: count }, (_, index) => from + index * everyMs);
}

function failed(tokens: Token[]): string[] {
  return judgeSpread(tokens)
    .checks.filter(({ passed }) => !passed)
    .map(({ name }) => name);
}

describe("tokens as a model makes them pass", () => {
  test.each<[string, number[]]>([
    ["forty a second", evenly(60, 25)],
    ["a thousand a second", evenly(300, 1)],
    ["after a long silent thought", evenly(40, 25, 30_000)],
    ["with stalls of a busy machine", evenly(60, 25).map((time) => Math.ceil(time / 100) * 100)],
  ])("%s", (_name, times) => {
    expect(judgeSpread(at(...times)).checks).toHaveLength(3);
    expect(failed(at(...times))).toEqual([]);
  });

  test("with a tool at work between two messages", () => {
    const later = at(...evenly(30, 25, 20_000)).map((token) => ({ ...token, span: "text n" }));
    expect(failed([...at(...evenly(30, 25)), ...later])).toEqual([]);
  });
});

describe("buffered tokens fail", () => {
  test.each<[string, number[], string]>([
    ["all at once", evenly(60, 0, 1_500), "not in one burst"],
    ["many, read piece by piece", evenly(2_000, 0.01, 1_500), "not in one burst"],
    ["in four portions", evenly(60, 25).map((time) => Math.ceil(time / 400) * 400), "spread in time"],
    ["in two portions", evenly(60, 25).map((time) => (time < 900 ? 900 : 1_700)), "no long silence"],
  ])("%s", (_name, times, check) => {
    expect(failed(at(...times))).toContain(check);
  });
});

test.each<[string, number[]]>([
  ["no token", []],
  ["one token", [300]],
  ["all over at once", evenly(60, 1, 10)],
])("%s: too short to tell", (_name, times) => {
  expect(judgeSpread(at(...times)).checks).toEqual([]);
});

test("the figures", () => {
  const { tokens, characters, firstMs, spanMs, share, perSecond, arrivals, gaps } = judgeSpread(at(100, 200, 300, 500));
  expect({ tokens, characters, firstMs, spanMs, share, perSecond, arrivals, gaps }).toEqual({
    tokens: 4,
    characters: 16,
    firstMs: 100,
    spanMs: 400,
    share: 0.8,
    perSecond: 7.5,
    arrivals: 4,
    gaps: { p50: 100, p95: 200, max: 200 },
  });
});
