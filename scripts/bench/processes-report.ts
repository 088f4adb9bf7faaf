/** Reports the figures of several processes as tables, and whether they meet the targets. */
import { median, percentile, table } from "../../src/doctor/measures.ts";
import { entriesOf, type ProcessesResult } from "./processes.ts";
import { ratiosOf } from "./report.ts";

/** The most that a token may be later for a reader in another process than with a single process, in milliseconds. */
const MOST_ADDED_MS = 1;

/** The least number of entries that the log must accept per second. */
const LEAST_A_SECOND = 20_000;

/** The highest accepted ratio of CPU per token. */
const MOST_CPU = 1.5;

export function reportProcesses(result: ProcessesResult): string {
  const { processes, sizes, delays, costs, statements, log } = result;
  const { runs, perSecond } = sizes;
  const [p50, p99] = [percentile(delays.alone, 0.5), percentile(delays.alone, 0.99)];
  const delay = (name: string, values: readonly number[]) => [
    name,
    percentile(values, 0.5).toFixed(2),
    percentile(values, 0.99).toFixed(2),
    signed(percentile(values, 0.5) - p50),
    signed(percentile(values, 0.99) - p99),
  ];
  return `
${processes} processes that share Postgres and Redis, against one alone with SQLite and its events in memory.
${runs} runs at ${perSecond}/s, each with two readers over WebSocket.
${table([
  ["model to reader", "p50 ms", "p99 ms", "added p50 ms", "added p99 ms"],
  delay("one process alone", delays.alone),
  delay("Redis, reader beside the run", delays.beside),
  delay("Redis, reader in another process", delays.elsewhere),
])}

${table([
  ["CPU of the process that drives the runs", "with Redis us/token", "alone us/token", "ratio"],
  ...costs.map(({ name, owner, alone }) => [
    name,
    median(owner).toFixed(1),
    median(alone).toFixed(1),
    median(ratiosOf(owner, alone)).toFixed(2),
  ]),
])}

The log alone, in one process: ${Math.round(rateOf(result)).toLocaleString("en")} events/s, ${(log.micros / entriesOf(sizes)).toFixed(1)} us of its CPU each (${sizes.log.topics} topics, ${sizes.log.batch} events per append, ${sizes.log.length} bytes per event).
Postgres statements per run of one step: ${statements.owner.toFixed(1)} of the process that drives it, ${statements.others.toFixed(1)} of the others.`;
}

function rateOf({ sizes, log }: ProcessesResult): number {
  return entriesOf(sizes) / (log.ms / 1_000);
}

function signed(ms: number): string {
  return `${ms < 0 ? "" : "+"}${ms.toFixed(2)}`;
}

/**
 * Returns a line for each target, or none if something was lost. The p99 of the delay has no target, because it depends
 * on the machine.
 */
export function verdictOnProcesses(result: ProcessesResult): string[] {
  const { delays, costs, losses } = result;
  if (losses.length > 0) return [];
  const line = (met: boolean, text: string) => `Target ${met ? "met" : "NOT met"}: ${text}`;
  const added = median(delays.elsewhere) - median(delays.alone);
  const rate = rateOf(result);
  return [
    line(
      added <= MOST_ADDED_MS,
      `a reader in another process gets a token ${added.toFixed(2)} ms later than with a single process; the target is at most ${MOST_ADDED_MS} ms.`,
    ),
    line(
      rate >= LEAST_A_SECOND,
      `the log alone takes ${Math.round(rate).toLocaleString("en")} events/s; the target is at least ${LEAST_A_SECOND.toLocaleString("en")}.`,
    ),
    ...costs.map(({ name, owner, alone }) => {
      const ratio = median(ratiosOf(owner, alone));
      return line(
        ratio <= MOST_CPU,
        `${ratio.toFixed(2)} times the CPU per token with Redis in "${name}"; the target is at most ${MOST_CPU}.`,
      );
    }),
  ];
}
