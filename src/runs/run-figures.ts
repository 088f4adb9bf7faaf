/** The figures of a run: for the process's own log, and for the counts of its agent. */
import type { AgentCounts } from "../counts/counts.ts";
import { Tally } from "../counts/tally.ts";
import { type AguiEvent, EventType, isDelta } from "../protocol/events.ts";
import type { GraphEventName } from "../protocol/graph-event.ts";
import type { RunEnd } from "../translate/translator.ts";

/** The figures of a run so far, in plain JSON. */
export interface FiguresSoFar extends Pick<RunFigures, "durationMs" | "firstTokenMs" | "deltas"> {
  /** The number of events that the allow-list refused, by name. */
  readonly refused: Readonly<Record<string, number>>;
}

/** Each call costs a few additions: there is one for every event. */
export class RunFigures {
  /** The number of events that the allow-list refused, by name. */
  readonly refused = new Tally<GraphEventName>();
  /** From the run's start to the first piece of text, reasoning or tool arguments. */
  firstTokenMs: number | undefined;
  /** The number of these pieces. */
  deltas = 0;
  /** The models' own counts; absent if no model gave any. */
  tokens: { readonly input: number; readonly output: number } | undefined;
  readonly #counts: AgentCounts;
  readonly #startedAt: number;
  /** The time of the last piece, if nothing else has come since. */
  #lastAt: number | undefined;

  /** `before`: the figures in the process before. That has counted them for the agent. */
  constructor(counts: AgentCounts, before?: FiguresSoFar) {
    this.#counts = counts;
    this.#startedAt = performance.now() - (before?.durationMs ?? 0);
    this.firstTokenMs = before?.firstTokenMs;
    this.deltas = before?.deltas ?? 0;
    for (const [name, times] of Object.entries(before?.refused ?? {})) {
      this.refused.count(name as GraphEventName, times);
    }
  }

  get soFar(): FiguresSoFar {
    const { durationMs, firstTokenMs, deltas, refused } = this;
    return { durationMs, firstTokenMs, deltas, refused: Object.fromEntries(refused) };
  }

  get durationMs(): number {
    return performance.now() - this.#startedAt;
  }

  admitted(name: GraphEventName): void {
    this.#counts.admitted.count(name);
  }

  refuse(name: GraphEventName): void {
    this.refused.count(name);
    this.#counts.refused.count(name);
  }

  /** Counts events that clients are sent. An event that is no piece ends the row of pieces whose gaps count. */
  sent(events: readonly AguiEvent[]): void {
    for (const event of events) this.#sent(event);
  }

  /** The run is over. */
  end(end: RunEnd): void {
    this.#counts.outcomes.count(end.kind);
    if (end.kind === "failed") this.#counts.failures.count(end.error.code);
    this.#counts.durations.add(this.durationMs / 1_000);
  }

  #sent(event: AguiEvent): void {
    if (!isDelta(event)) {
      this.#lastAt = undefined;
      if (event.type === EventType.RUN_FINISHED || event.type === EventType.RUN_ERROR) this.#sum(event.usage ?? []);
      return;
    }
    const now = performance.now();
    this.deltas += 1;
    this.#counts.deltas += 1;
    if (this.firstTokenMs === undefined) {
      this.firstTokenMs = now - this.#startedAt;
      this.#counts.firstTokens.add(this.firstTokenMs / 1_000);
    }
    if (this.#lastAt !== undefined) this.#counts.tokenGaps.add((now - this.#lastAt) / 1_000);
    this.#lastAt = now;
  }

  #sum(usage: readonly { readonly inputTokens?: number; readonly outputTokens?: number }[]): void {
    if (usage.length === 0) return;
    const input = usage.reduce((sum, { inputTokens = 0 }) => sum + inputTokens, 0);
    const output = usage.reduce((sum, { outputTokens = 0 }) => sum + outputTokens, 0);
    this.tokens = { input, output };
    this.#counts.tokens.count("input", input);
    this.#counts.tokens.count("output", output);
  }
}
