/** Reports the bench's figures as a table, and whether they meet the targets. */
import { cpus } from "node:os";
import { median, percentile, table } from "../../src/doctor/measures.ts";
import { BURST, type Result, type Setup } from "./scenarios.ts";

const TRANSPORT = { ws: "WebSocket", frames: "WebSocket, frames", short: "WebSocket, short frames", sse: "SSE" };

/** Returns the name of a setup, such as `WebSocket, direct`. */
export function setupName({ transport, source, coalesceMs }: Setup): string {
  return `${TRANSPORT[transport]}, ${source}${coalesceMs === "0" ? "" : `, COALESCE_MS=${coalesceMs}`}`;
}

export function heading(setup: Setup): string {
  return `
Sluice over ${setupName(setup)} against the floor: a bare \`for await\` over graph.streamEvents(input, { version: "v2" }).
Server, floor and clients are separate processes, on loopback. Node ${process.version}, ${cpus().length} cores.
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

/** Returns the median, and the range if there are several ratios. */
function ratio(ratios: readonly number[]): string {
  const range = ratios.length > 1 ? ` (${Math.min(...ratios).toFixed(2)}-${Math.max(...ratios).toFixed(2)})` : "";
  return `${median(ratios).toFixed(2)}${range}`;
}

/** Returns the ratios round by round. Other work of the machine in a round affected both sides. */
export function ratiosOf(one: readonly number[], other: readonly number[]): number[] {
  return one.map((micros, round) => micros / (other[round] ?? Number.NaN));
}

function pair(values: readonly number[]): string {
  return `${percentile(values, 0.5).toFixed(1)} / ${percentile(values, 0.99).toFixed(1)}`;
}

function count(tokens: number): string {
  return tokens.toLocaleString("en");
}

/** Returns a line for each target, or none if tokens were lost, because lost tokens cost nothing. */
export function verdict(results: readonly Result[], { source, coalesceMs }: Setup): string[] {
  return results.flatMap((result) => {
    const target = result.scenario.target?.[source];
    if (target === undefined || coalesceMs !== "0" || losses([result]).length > 0) return [];
    const ratio = median(ratiosOf(result.server, result.floor));
    const met = ratio <= target ? "met" : "NOT met";
    return [
      `Target ${met}: ${ratio.toFixed(2)} times the floor's CPU per token in "${result.scenario.name}"; the target is at most ${target}.`,
    ];
  });
}

/** The highest accepted ratio of CPU per token with sign-in, limits and metrics to CPU without them. */
const TARGET_GUARDED = 1.15;

/** Returns whether sign-in, limits and metrics are cheap enough, or nothing if tokens were lost. */
export function verdictOnGuards(results: readonly Result[]): string[] {
  return results.flatMap((result) => {
    if (losses([result]).length > 0) return [];
    const cost = median(ratiosOf(result.server, result.other));
    const met = cost <= TARGET_GUARDED ? "met" : "NOT met";
    return [
      `Target ${met}: ${cost.toFixed(2)} times the CPU per token with sign-in, limits and metrics; the target is at most ${TARGET_GUARDED}.`,
    ];
  });
}

/** Returns the losses, each reason once per scenario. Empty if all tokens arrived. */
export function losses(results: readonly Result[]): string[] {
  return results.flatMap(({ scenario, seen }) => {
    const reasons = [...new Set(seen.losses)].map((reason) => `${scenario.name}: ${reason}`);
    if (reasons.length > 0 || seen.delivered === seen.expected) return reasons;
    return [`${scenario.name}: ${seen.expected - seen.delivered} tokens did not arrive.`];
  });
}
