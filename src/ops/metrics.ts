/** The process's counts, as Prometheus reads them. The numbers are collected when they are asked for. */
import { type IntervalHistogram, monitorEventLoopDelay } from "node:perf_hooks";
import { Counter, collectDefaultMetrics, Gauge, type Metric, Registry } from "prom-client";
import type { Buckets } from "../counts/buckets.ts";
import type { AgentCounts, Counts } from "../counts/counts.ts";
import { GRAPH_EVENT_NAMES } from "../protocol/graph-event.ts";

/** Figures that are looked up rather than counted: the state at the moment. */
export interface Gauges {
  readonly activeRuns: () => number;
  readonly waitingStarts: () => number;
  /** Open sockets by format. */
  readonly sockets: () => ReadonlyMap<string, number>;
  /** Bytes that wait to be written to sockets. */
  readonly waitingBytes: () => number;
  readonly log: () => {
    readonly topics: number;
    readonly bytes: number;
    readonly followed: number;
    readonly unwritten: number;
  };
  /** The times of writes to a log that is not in memory. */
  readonly logWrites: () => Buckets | undefined;
}

/** Milliseconds between two looks at the event loop. */
const PACE_MS = 20;

export interface Metrics {
  readonly contentType: string;
  /** Returns all metrics as text. */
  text(): Promise<string>;
}

type Labels = Record<string, string>;
type Sample = readonly [value: number, labels?: Labels];

/** Makes the metrics, and begins to watch the event loop. */
export function metricsOf(counts: Counts, gauges: Gauges): Metrics {
  const registry = new Registry();
  const delay = monitorEventLoopDelay({ resolution: PACE_MS });
  delay.enable();
  const { counter, gauge, histogram } = metersOf(registry);

  gauge("sluice_runs_active", "Runs that are active.", () => [[gauges.activeRuns()]]);
  gauge(
    "sluice_starts_waiting",
    "Starts of runs that wait until their threads are free, or are being admitted.",
    () => [[gauges.waitingStarts()]],
  );
  gauge("sluice_sockets_open", "WebSockets that are open, by format.", () =>
    [...gauges.sockets()].map(([format, open]) => [open, { format }]),
  );
  gauge("sluice_sockets_waiting_bytes", "Bytes that wait to be written to WebSockets.", () => [
    [gauges.waitingBytes()],
  ]);
  gauge("sluice_log_topics", "Topics in the event log.", () => [[gauges.log().topics]]);
  gauge("sluice_log_bytes", "Bytes of memory that the event log's entries take.", () => [[gauges.log().bytes]]);
  gauge("sluice_log_followed_topics", "Topics that readers follow.", () => [[gauges.log().followed]]);
  gauge("sluice_log_unwritten_entries", "Entries that Redis has not acknowledged.", () => [[gauges.log().unwritten]]);
  gauge("sluice_event_loop_delay_seconds", "How late timers were since the last scrape, by quantile.", () =>
    delaysOf(delay),
  );

  const ofAgents = (samples: (counts: AgentCounts) => readonly Sample[]) => () =>
    [...counts.agents].flatMap(([agent, own]) =>
      samples(own).map(([value, labels]): Sample => [value, { agent, ...labels }]),
    );
  const tallied = (label: string, tally: ReadonlyMap<string, number>): Sample[] =>
    [...tally].map(([name, times]) => [times, { [label]: name }]);

  counter(
    "sluice_runs_total",
    "Runs that ended, by outcome.",
    ofAgents(({ outcomes }) => tallied("outcome", outcomes)),
  );
  counter(
    "sluice_run_failures_total",
    "Runs that failed, by error code.",
    ofAgents(({ failures }) => tallied("code", failures)),
  );
  counter(
    "sluice_tokens_total",
    "Tokens, as the models count them.",
    ofAgents(({ tokens }) => tallied("direction", tokens)),
  );
  counter(
    "sluice_deltas_total",
    "Pieces of text, reasoning and tool arguments that were sent.",
    ofAgents(({ deltas }) => [[deltas]]),
  );
  counter(
    "sluice_events_admitted_total",
    "Graph events that the allow-list admitted.",
    ofAgents(({ admitted }) => tallied("event", known(admitted))),
  );
  counter(
    "sluice_events_refused_total",
    "Graph events that the allow-list refused.",
    ofAgents(({ refused }) => tallied("event", known(refused))),
  );
  counter("sluice_gaps_total", "Readers whose next entries were gone, by reason.", () =>
    tallied("reason", counts.gaps),
  );
  counter("sluice_slow_consumers_total", "Clients that were cut because they did not read.", () =>
    tallied("transport", counts.slowConsumers),
  );
  counter("sluice_limits_hit_total", "Refusals, by the setting that was reached.", () =>
    tallied("limit", counts.limits),
  );
  counter("sluice_auth_failures_total", "Requests and sockets whose sign-in was refused.", () => [
    [counts.authFailures],
  ]);

  const byAgent = (pick: (counts: AgentCounts) => Buckets) => () =>
    [...counts.agents].map(([agent, own]) => [pick(own), { agent }] as const);
  histogram(
    "sluice_run_duration_seconds",
    "From a run's start to its end.",
    byAgent(({ durations }) => durations),
  );
  histogram(
    "sluice_time_to_first_token_seconds",
    "From a run's start to its first piece of text, reasoning or tool arguments.",
    byAgent(({ firstTokens }) => firstTokens),
  );
  histogram(
    "sluice_token_gap_seconds",
    "Between two pieces that follow each other.",
    byAgent(({ tokenGaps }) => tokenGaps),
  );
  histogram("sluice_replay_entries", "Entries that readers had missed when they began.", () => [[counts.replays, {}]]);
  histogram("sluice_log_write_seconds", "How long Redis took to store entries.", () => {
    const writes = gauges.logWrites();
    return writes ? [[writes, {}]] : [];
  });
  histogram("sluice_store_seconds", "How long the store took, by operation.", () =>
    [...counts.store].map(([operation, took]) => [took, { operation }]),
  );
  collectDefaultMetrics({ register: registry });
  return { contentType: registry.contentType, text: () => registry.metrics() };
}

function metersOf(registry: Registry) {
  const meter =
    (kind: typeof Counter | typeof Gauge) => (name: string, help: string, samples: () => readonly Sample[]) => {
      // Each sample has its own labels. prom-client only checks that their names are in this list.
      const metric = new kind({ name, help, registers: [registry], labelNames: LABELS });
      const { get } = metric;
      metric.get = () => {
        metric.reset();
        for (const [value, labels] of samples()) metric.inc(labels ?? {}, value);
        return get.call(metric);
      };
    };
  const histogram = (name: string, help: string, rows: () => readonly (readonly [Buckets, Labels])[]) => {
    const metric = {
      name,
      help,
      type: "histogram",
      aggregator: "sum",
      get: async () => ({
        name,
        help,
        type: "histogram",
        aggregator: "sum",
        values: rows().flatMap(([buckets, labels]) => samplesOf(name, buckets, labels)),
      }),
    };
    registry.registerMetric(metric as unknown as Metric);
  };
  return { counter: meter(Counter), gauge: meter(Gauge), histogram };
}

const LABELS = ["agent", "format", "quantile", "outcome", "code", "direction", "event", "reason", "transport", "limit"];

/** In Prometheus each range includes all lower ranges. */
function samplesOf(name: string, { bounds, counts, sum, count }: Buckets, labels: Labels) {
  let below = 0;
  const ranges = counts.map((times, range) => {
    below += times;
    const le = bounds[range] ?? "+Inf";
    return { metricName: `${name}_bucket`, labels: { ...labels, le }, value: below };
  });
  return [
    ...ranges,
    { metricName: `${name}_sum`, labels, value: sum },
    { metricName: `${name}_count`, labels, value: count },
  ];
}

/** A graph of another LangGraph version may have any number of other event names, so they are counted as `other`. */
function known(tally: ReadonlyMap<string, number>): Map<string, number> {
  const names = new Map<string, number>();
  for (const [event, times] of tally) {
    const name = KNOWN.has(event) ? event : "other";
    names.set(name, (names.get(name) ?? 0) + times);
  }
  return names;
}

const KNOWN: ReadonlySet<string> = new Set(GRAPH_EVENT_NAMES);

function delaysOf(delay: IntervalHistogram): Sample[] {
  // The measured values include the timer's own interval.
  const seconds = (nanoseconds: number) => Math.max(nanoseconds / 1e9 - PACE_MS / 1_000, 0);
  const samples = [50, 99, 100].map(
    (percent): Sample => [seconds(delay.percentile(percent)), { quantile: String(percent / 100) }],
  );
  delay.reset();
  return samples;
}
