/**
 * The counts of a process, for its operator. The rooms add to plain numbers and do not know how these are read. Every
 * name in a tally is from a fixed set, and never from a client.
 */
import type { ErrorCode } from "../protocol/errors.ts";
import type { GapReason } from "../protocol/frames.ts";
import type { GraphEventName } from "../protocol/graph-event.ts";
import { Buckets, STORAGE_SECONDS } from "./buckets.ts";
import { Tally } from "./tally.ts";

/** Seconds. */
const TO_FIRST_TOKEN = [0.05, 0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30, 60];
const BETWEEN_TOKENS = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const OF_A_RUN = [0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600];
/** Entries. */
const OF_A_REPLAY = [1, 10, 50, 100, 500, 1_000, 5_000, 10_000];

export type Outcome = "done" | "interrupted" | "cancelled" | "failed";

/** The counts of one agent's runs. */
export class AgentCounts {
  readonly outcomes = new Tally<Outcome>();
  readonly failures = new Tally<ErrorCode>();
  readonly admitted = new Tally<GraphEventName>();
  readonly refused = new Tally<GraphEventName>();
  /** As the models themselves count them. */
  readonly tokens = new Tally<"input" | "output">();
  /** Pieces of text, reasoning and tool arguments. */
  deltas = 0;
  readonly durations = new Buckets(OF_A_RUN);
  readonly firstTokens = new Buckets(TO_FIRST_TOKEN);
  readonly tokenGaps = new Buckets(BETWEEN_TOKENS);
}

export class Counts {
  readonly agents = new Map<string, AgentCounts>();
  readonly gaps = new Tally<GapReason>();
  /** Clients that were cut because they did not read. */
  readonly slowConsumers = new Tally<"websocket" | "sse">();
  /** The number of entries that a reader had missed when it began. */
  readonly replays = new Buckets(OF_A_REPLAY);
  /** Refusals, by the setting that was reached. */
  readonly limits = new Tally();
  /** Requests and sockets whose sign-in was refused. */
  authFailures = 0;
  readonly store = new Map<string, Buckets>();

  agent(name: string): AgentCounts {
    const known = this.agents.get(name);
    if (known) return known;
    const counts = new AgentCounts();
    this.agents.set(name, counts);
    return counts;
  }

  storeTook(operation: string, seconds: number): void {
    const known = this.store.get(operation) ?? new Buckets(STORAGE_SECONDS);
    this.store.set(operation, known);
    known.add(seconds);
  }
}
