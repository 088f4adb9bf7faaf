/** The bench's figures as a table, and what they say about the target. */
import { cpus } from "node:os";
import { median, percentile, table } from "../../src/doctor/measures.ts";
import { BURST, type Result, type Setup } from "./scenarios.ts";

const TRANSPORT = { ws: "WebSocket", frames: "WebSocket, frames", short: "WebSocket, short frames", sse: "SSE" };

/** Like `WebSocket, direct`. */
export function setupName({ transport, source, coalesceMs }: Setup): string {
  return `${TRANSPORT[transport]}, ${source}${coalesceMs === "0" ? "" : `, COALESCE_MS=${coalesceMs}`}`;
}

export function heading(setup: Setup): string {
  return `
Sluice over ${setupName(setup)} against the floor: a bare \`for await\` over graph.streamEvents(input, { version: "v2" }).
Server, floor and clients are processes of their own, on loopback. Node ${process.version}, ${cpus().length} cores.
The model needs no time; in both, the event loop turns after every ${BURST} tokens, or after each ("one by one").
CPU is user and system, of all threads.
`;
}

const COLUMNS = [
  "runs x tokens",
  "delivered / expected",
  "server us/token",
  "floor us/token",
  "ratio (range)",
  "first event p50/p99 ms",
  "between frames p50/p99 ms",
  "tokens/frame",
  "bytes/token",
];

export function report(results: readonly Result[]): string {
  const compared = results.some(({ other }) => other.length > 0);
  return table([[...COLUMNS, ...(compared ? ["this / other"] : [])], ...results.map((result) => row(result))]);
}

function row({ scenario, seen, server, floor, other }: Result): string[] {
  return [
    scenario.name,
    `${count(seen.delivered)} / ${count(seen.expected)}`,
    median(server).toFixed(1),
    median(floor).toFixed(1),
    ratio(ratiosOf(server, floor)),
    pair(seen.firstEvents),
    pair(seen.gaps),
    (seen.delivered / seen.frames).toFixed(2),
    (seen.bytes / seen.delivered).toFixed(0),
    ...(other.length > 0 ? [ratio(ratiosOf(server, other))] : []),
  ];
}

/** The median, and the range where there are several. */
function ratio(ratios: readonly number[]): string {
  const range = ratios.length > 1 ? ` (${Math.min(...ratios).toFixed(2)}-${Math.max(...ratios).toFixed(2)})` : "";
  return `${median(ratios).toFixed(2)}${range}`;
}

/** One over the other, round by round: what else the machine did in a round, it did to both. */
export function ratiosOf(one: readonly number[], other: readonly number[]): number[] {
  return one.map((micros, round) => micros / (other[round] ?? Number.NaN));
}

function pair(values: readonly number[]): string {
  return `${percentile(values, 0.5).toFixed(1)} / ${percentile(values, 0.99).toFixed(1)}`;
}

function count(tokens: number): string {
  return tokens.toLocaleString("en");
}

/** A line on each target; none where tokens were lost: they cost nothing. */
export function verdict(results: readonly Result[], { source, coalesceMs }: Setup): string[] {
  return results.flatMap((result) => {
    const target = result.scenario.target?.[source];
    if (target === undefined || coalesceMs !== "0" || losses([result]).length > 0) return [];
    const ratio = median(ratiosOf(result.server, result.floor));
    const met = ratio <= target ? "met" : "NOT met";
    return [
      `Target ${met}: ${ratio.toFixed(2)} times the floor's CPU a token in "${result.scenario.name}"; at most ${target} is wanted.`,
    ];
  });
}

/** The highest ratio of CPU a token with sign-in, limits and metrics, to that without. */
const TARGET_GUARDED = 1.15;

/** Is what guards the server cheap enough? Nothing is said where tokens were lost. */
export function verdictOnGuards(results: readonly Result[]): string[] {
  return results.flatMap((result) => {
    if (losses([result]).length > 0) return [];
    const cost = median(ratiosOf(result.server, result.other));
    const met = cost <= TARGET_GUARDED ? "met" : "NOT met";
    return [
      `Target ${met}: ${cost.toFixed(2)} times the CPU a token with sign-in, limits and metrics; at most ${TARGET_GUARDED} is wanted.`,
    ];
  });
}

/** Losses, each reason once for each scenario; empty when all arrived. */
export function losses(results: readonly Result[]): string[] {
  return results.flatMap(({ scenario, seen }) => {
    const reasons = [...new Set(seen.losses)].map((reason) => `${scenario.name}: ${reason}`);
    if (reasons.length > 0 || seen.delivered === seen.expected) return reasons;
    return [`${scenario.name}: ${seen.expected - seen.delivered} tokens did not arrive.`];
  });
}
