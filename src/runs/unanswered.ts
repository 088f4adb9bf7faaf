/** Reports a failure instead of an empty end when a run has sent nothing because its graph has no `messages`. */
import { keysBesideMessages, withoutMessages } from "../graph/state-keys.ts";
import { SluiceError } from "../protocol/errors.ts";
import { type AguiEvent, EventType } from "../protocol/events.ts";
import type { RunEnd } from "../translate/translator.ts";
import type { RunPlan } from "./run-plan.ts";

/** The events that every run sends, whether its graph answers or not. */
const NO_ANSWER: ReadonlySet<EventType> = new Set([
  EventType.RUN_STARTED,
  EventType.STEP_STARTED,
  EventType.STEP_FINISHED,
]);

export class Unanswered {
  readonly #keys: readonly string[];
  #answered: boolean;

  constructor({ agent: { graph }, input }: Pick<RunPlan, "agent" | "input">) {
    const keys = keysBesideMessages(graph);
    this.#keys = keys ?? [];
    // Values for the graph's own keys have reached the graph, so it may end without an answer.
    const given = input.kind !== "messages" || Object.keys(input.state).some((key) => keys?.includes(key));
    this.#answered = keys === undefined || given;
  }

  sent(events: readonly AguiEvent[]): void {
    this.#answered ||= events.some(({ type }) => !NO_ANSWER.has(type));
  }

  /** Returns the end, or a failure if the run sent no answer. */
  ended(end: RunEnd): RunEnd {
    if (this.#answered || end.kind !== "done") return end;
    return { kind: "failed", error: new SluiceError("graph_error", withoutMessages(this.#keys)) };
  }
}
