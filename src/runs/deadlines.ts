/** A run's three deadlines: its first event, its silences, its whole length. */
import type { DeadlineLimits } from "../graph/registry.ts";
import { SluiceError } from "../protocol/errors.ts";
import type { GraphEvent } from "../protocol/graph-event.ts";

/** The part of its time that a run has spent. */
export interface Spent {
  readonly ms: number;
  /** The graph has produced something. */
  readonly begun: boolean;
}

const UNSPENT: Spent = { ms: 0, begun: false };

/**
 * One timer that is set again when it fires early, rather than one that is moved with every token.
 * `expired` is called at most once, with an error that names the setting.
 */
export class Deadlines {
  readonly #limits: DeadlineLimits;
  readonly #expired: (error: SluiceError) => void;
  readonly #startedAt: number;
  /** The time of the graph's last event. Before its first event, the time of its start. */
  #heardAt = performance.now();
  #begun: boolean;
  readonly #tools = new Set<string>();
  #timer: NodeJS.Timeout | undefined;
  #over = false;

  /** `spent`: what the run had of its time in the process before. */
  constructor(limits: DeadlineLimits, expired: (error: SluiceError) => void, spent: Spent = UNSPENT) {
    this.#limits = limits;
    this.#expired = expired;
    this.#startedAt = performance.now() - spent.ms;
    this.#begun = spent.begun;
    this.#arm();
  }

  /** Every graph event counts, admitted or not. */
  saw(event: GraphEvent): void {
    this.#heardAt = performance.now();
    if (event.event === "on_tool_start") this.#tools.add(event.run_id);
    else if (event.event === "on_tool_end" || event.event === "on_tool_error") this.#tools.delete(event.run_id);
    if (!this.#begun && isOutput(event)) {
      this.#begun = true;
      this.#arm();
    }
  }

  get spent(): Spent {
    return { ms: performance.now() - this.#startedAt, begun: this.#begun };
  }

  stop(): void {
    this.#over = true;
    clearTimeout(this.#timer);
  }

  #arm(): void {
    clearTimeout(this.#timer);
    if (this.#over) return;
    const wait = Math.min(...this.#due().map(([at]) => at)) - performance.now();
    this.#timer = setTimeout(() => this.#check(), Math.max(wait, 0));
  }

  #check(): void {
    const now = performance.now();
    const missed = this.#due().find(([at]) => at <= now);
    if (!missed) {
      this.#arm();
      return;
    }
    this.stop();
    this.#expired(missed[1]());
  }

  #due(): [at: number, error: () => SluiceError][] {
    const { firstEventMs, idleMs, totalMs } = this.#limits;
    const total: [number, () => SluiceError] = [
      this.#startedAt + totalMs,
      () => timeout("timeout_total", "The run was not done", totalMs, "STREAM_TIMEOUT_SECONDS"),
    ];
    if (!this.#begun) {
      return [
        total,
        [
          this.#startedAt + firstEventMs,
          () =>
            timeout(
              "timeout_first_event",
              "The graph produced nothing",
              firstEventMs,
              "STREAM_FIRST_EVENT_TIMEOUT_SECONDS",
            ),
        ],
      ];
    }
    // A tool may work in silence. While one runs, each check restarts the clock.
    const silentSince = this.#tools.size > 0 ? performance.now() : this.#heardAt;
    return [
      total,
      [
        silentSince + idleMs,
        () => timeout("timeout_idle", "The graph produced nothing more", idleMs, "STREAM_IDLE_TIMEOUT_SECONDS"),
      ],
    ];
  }
}

/**
 * Does this event show that the graph produces something? The root's start comes at once and proves nothing. A model's
 * start only shows that the model was called.
 */
function isOutput({ event }: GraphEvent): boolean {
  return (
    event === "on_custom_event" || event.startsWith("on_tool_") || /^on_(chat_model|llm)_(stream|end)$/.test(event)
  );
}

function timeout(
  code: "timeout_first_event" | "timeout_idle" | "timeout_total",
  what: string,
  ms: number,
  setting: string,
): SluiceError {
  return new SluiceError(code, `${what} within ${ms / 1000} s. The limit is ${setting}, or the agent's own deadlines.`);
}
