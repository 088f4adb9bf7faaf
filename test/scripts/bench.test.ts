/** The verdicts and the page of the bench. */
import { expect, test } from "vitest";
import { chart, page } from "../../scripts/bench/page.ts";
import { FULL_PROCESSES, type ProcessesResult } from "../../scripts/bench/processes.ts";
import { reportProcesses, verdictOnProcesses } from "../../scripts/bench/processes-report.ts";
import { losses, verdict, verdictOnGuards } from "../../scripts/bench/report.ts";
import type { Result } from "../../scripts/bench/scenarios.ts";
import { FULL_STOP, verdictOnStop } from "../../scripts/bench/stopped-reader.ts";

const workload = { tokens: 100, everyMs: 0, burst: 1 };
const seen = { delivered: 100, expected: 100, frames: 100, bytes: 100, firstEvents: [], gaps: [], losses: [] };
const good: Result = {
  scenario: { name: "20 x 5", runs: 20, rounds: 3, repeats: 1, workload, target: { streamEvents: 1.3, direct: 1 } },
  seen,
  server: [60, 70, 99],
  floor: [50, 60, 50],
  other: [],
};
const setup = { transport: "ws", source: "streamEvents", coalesceMs: "0" } as const;

test("the target of the source is held against the median of the ratios", () => {
  expect(verdict([good], setup)).toEqual([expect.stringMatching(/^Target met: 1\.20 times/)]);
  expect(verdict([{ ...good, floor: [30, 30, 30] }], setup)).toEqual([
    expect.stringMatching(/^Target NOT met: 2\.33 times/),
  ]);
  expect(verdict([good], { ...setup, source: "direct" })).toEqual([expect.stringMatching(/^Target NOT met: 1\.20/)]);
  // A frame is not a token while deltas wait for each other.
  expect(verdict([good], { ...setup, coalesceMs: "auto" })).toEqual([]);
});

test("what guards the server is held against its target", () => {
  expect(verdictOnGuards([{ ...good, other: [60, 70, 90] }])).toEqual([
    expect.stringMatching(/^Target met: 1\.00 times/),
  ]);
  expect(verdictOnGuards([{ ...good, other: [40, 50, 60] }])).toEqual([
    expect.stringMatching(/^Target NOT met: 1\.50/),
  ]);
});

test("the page has each setup's ratio, and a chart of 20 runs", () => {
  const measured = [
    { setup, results: [good] },
    { setup: { ...setup, source: "direct" as const }, results: [good] },
  ];
  const figure = { name: "idle sockets", unit: "KiB", server: 20, floor: 10, floorName: "ws", losses: [] };
  const text = page(measured, [figure], { cpu: "a processor", cores: 2, node: "v24.0.0", version: "1.7.3" });
  expect(text).toContain("| WebSocket, direct | 1.20 |");
  expect(text).toContain("| idle sockets | 20.0 KiB | 10.0 KiB | 2.00 | ws |");
  expect(text).toContain("a processor, 2 cores, Node v24.0.0, LangGraph 1.7.3");
  expect(chart(measured)).toMatch(/WebSocket, direct<\/text>\n<rect .*\n<text .*>1\.20</);
});

test("lost tokens are reported, and leave no verdict", () => {
  const lossy = { ...good, seen: { ...seen, delivered: 99 } };
  expect(losses([lossy])).toEqual(["20 x 5: 1 tokens did not arrive."]);
  expect(verdict([lossy], setup)).toEqual([]);
});

test("the targets are held against what a stopped reader costs the others", () => {
  const stop = { ...FULL_STOP, readers: 1 };
  const result = { stop, cutAfter: 5, caughtUpMs: 1, tokens: 1, losses: [], without: [10], with: [12] };
  const memory = [100, 102, 105].map((megabytes) => megabytes * 2 ** 20) as [number, number, number];
  expect(verdictOnStop({ ...result, memory })).toEqual([
    expect.stringMatching(/^Target met: the others' p99 was 1\.20 times/),
    expect.stringMatching(/^Target met: the server grew by 1\.0 MB more/),
  ]);
  expect(verdictOnStop({ ...result, memory, with: [21] })[0]).toMatch(/^Target NOT met/);
  expect(verdictOnStop({ ...result, memory, losses: ["token 5"] })).toEqual([]);
});

test("the targets are held against what several processes cost, but for the delay's p99", () => {
  const result: ProcessesResult = {
    processes: 3,
    sizes: { ...FULL_PROCESSES, log: { topics: 10, appends: 100, batch: 16, length: 200 } },
    delays: { alone: [0.2, 0.4, 5], beside: [0.2, 0.4, 5], elsewhere: [1, 1.3, 500] },
    costs: [{ name: "20 at 30/s", owner: [120, 130, 140], alone: [100, 100, 100] }],
    statements: { owner: 40, others: 0 },
    log: { ms: 500, micros: 160_000, found: 16_000 },
    losses: [],
  };
  expect(verdictOnProcesses(result)).toEqual([
    expect.stringMatching(/^Target met: .* 0\.90 ms later/),
    expect.stringMatching(/^Target met: .* 32,000 events\/s/),
    expect.stringMatching(/^Target met: 1\.30 times the CPU per token with Redis in "20 at 30\/s"/),
  ]);
  expect(reportProcesses(result)).toMatch(/in another process +1\.30 +500\.00 +\+0\.90 +\+495\.00\n/);
  const worse = { ...result, delays: { ...result.delays, elsewhere: [2] }, log: { ...result.log, ms: 1_000 } };
  const dear = { ...worse, costs: [{ name: "20 at 30/s", owner: [160], alone: [100] }] };
  for (const line of verdictOnProcesses(dear)) expect(line).toMatch(/^Target NOT met/);
  expect(verdictOnProcesses({ ...result, losses: ["A reader had 1 of 2 tokens."] })).toEqual([]);
});
