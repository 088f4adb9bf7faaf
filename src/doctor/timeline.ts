/** Draws the course of a run in a few characters: a bar for each gap, and the events over time. Pure. */
import type { Evidence } from "./evidence.ts";
import { duration } from "./measures.ts";

const BARS = "▁▂▃▄▅▆▇█";
const LABEL = 10;

/** Lines of at most `width` characters; none when nothing came. */
export function timeline({ delivered, totalMs, graph }: Evidence, width: number): string[] {
  const times = delivered.tokens.map(({ at }) => at);
  if (times.length === 0) return [];
  const room = Math.max(width - LABEL, 10);
  const reads = (graph?.exchanges ?? []).flatMap((exchange) => exchange.reads);
  const written = (graph?.customs ?? []).flatMap(({ pieces }) => pieces.map(({ at }) => at));
  const lanes: [string, number[]][] = [
    ["bytes in", reads],
    ["custom", written],
    ["tokens", times],
  ];
  const end = Math.max(totalMs, 1);
  return [
    ...gapLine(times, room),
    ...lanes.filter(([, at]) => at.length > 0).map(([name, at]) => `${name.padEnd(LABEL)}${density(at, end, room)}`),
    `${"".padEnd(LABEL)}${axis(duration(end), room)}`,
  ];
}

function gapLine(times: readonly number[], room: number): string[] {
  const gaps = times.slice(1).map((at, index) => at - (times[index] ?? at));
  if (gaps.length === 0) return [];
  const scale = `  ${BARS.at(-1)} ${duration(Math.max(...gaps))}`;
  return [`${"gaps".padEnd(LABEL)}${gapBars(gaps, room - scale.length)}${scale}`];
}

/** A bar for each gap between two tokens. If there is no room for all, each bar shows the longest of several gaps. */
export function gapBars(gaps: readonly number[], room: number): string {
  const share = Math.max(Math.ceil(gaps.length / room), 1);
  const bars = Array.from({ length: Math.ceil(gaps.length / share) }, (_, index) =>
    Math.max(...gaps.slice(index * share, (index + 1) * share)),
  );
  const longest = Math.max(...bars, 1);
  return bars.map((gap) => bar(gap / longest)).join("");
}

/** The number of events in each part of the time; a dot where there were none. */
function density(times: readonly number[], end: number, room: number): string {
  const counts = new Array<number>(room).fill(0);
  for (const at of times) {
    const slot = Math.min(Math.max(Math.floor((at / end) * room), 0), room - 1);
    counts[slot] = (counts[slot] ?? 0) + 1;
  }
  const most = Math.max(...counts);
  return counts.map((count) => (count === 0 ? "·" : bar(count / most))).join("");
}

function bar(share: number): string {
  return BARS[Math.min(Math.floor(share * BARS.length), BARS.length - 1)] ?? "";
}

function axis(end: string, room: number): string {
  return `0${end.padStart(room - 1)}`;
}
