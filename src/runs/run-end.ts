/** The end of a run, from the graph's end or the reason that stopped it, in a form that may leave. */
import type { GraphRun } from "../graph/source.ts";
import { SluiceError } from "../protocol/errors.ts";
import { type AguiEvent, EventType, type Interrupt, type Message } from "../protocol/events.ts";
import type { CallIds } from "../protocol/ids.ts";
import type { JsonValue } from "../protocol/json.ts";
import type { EndStatus } from "../store/store.ts";
import type { Tombstone } from "../store/tombstones.ts";
import type { RunEnd } from "../translate/translator.ts";
import { stamped } from "./entries.ts";
import { failureText } from "./failure-text.ts";

/** The row's status for each way to end. */
export const STATUS: Record<RunEnd["kind"], EndStatus> = {
  done: "done",
  interrupted: "interrupted",
  cancelled: "cancelled",
  failed: "failed",
};

export interface RunOutcome {
  readonly end: RunEnd;
  /** Closers and the terminal event: still to be written. */
  readonly closing: readonly AguiEvent[];
  /** The thread's transcript, this run included. */
  readonly messages: readonly Message[];
  /** The messages that were taken back of it. */
  readonly removed: readonly Tombstone[];
  /** The ids that models gave to its calls. */
  readonly callIds: CallIds;
  /** The drafts of nodes that run again when the thread goes on: with answers, or after an early end. */
  readonly drafts: Readonly<Record<string, string>>;
  /** The exposed state; `undefined` when none was sent. */
  readonly state: JsonValue | undefined;
  /** The error, for the operator; clients get `end.error`. */
  readonly cause?: unknown;
}

/**
 * The end of a run whose real end could not be written. It has no closers, because the failure may come at any place
 * among the run's events.
 */
export function plainEnd(
  cause: unknown,
  { messages, removed, state }: Pick<RunOutcome, "messages" | "removed" | "state">,
  callIds: CallIds,
): RunOutcome {
  const error = SluiceError.from(cause);
  const { code, message, retryable } = error;
  const terminal = stamped({ type: EventType.RUN_ERROR, code, message, metadata: { retryable } });
  return { end: { kind: "failed", error }, closing: [terminal], messages, removed, drafts: {}, callIds, state, cause };
}

/** The graph came to its end, or to a question. */
export function ending(interrupts: Interrupt[], cutAnswer: boolean): RunEnd {
  const [first, ...rest] = interrupts;
  const incomplete = cutAnswer ? { incomplete: true } : {};
  return first ? { kind: "interrupted", interrupts: [first, ...rest], ...incomplete } : { kind: "done", ...incomplete };
}

/**
 * The questions that the thread waits for when a run is over. A run that was to bring answers, and was stopped or
 * failed before the graph took another step, has answered nothing: `checkpoint` says where the graph stands.
 */
export async function stillOpen(
  end: RunEnd,
  { answered, checkpoint: before }: { readonly answered: readonly Interrupt[]; readonly checkpoint: string },
  checkpoint: () => Promise<string>,
): Promise<readonly Interrupt[]> {
  if (end.kind === "interrupted") return end.interrupts;
  if (end.kind === "done" || answered.length === 0) return [];
  return (await checkpoint()) === before ? answered : [];
}

/** How a run ended before its work was done; `undefined`: it did not. A question is no such end. */
export function stoppedEarly(terminal: AguiEvent | undefined): "failed" | "cancelled" | undefined {
  if (terminal?.type === EventType.RUN_ERROR) return "failed";
  return terminal?.type === EventType.RUN_FINISHED && terminal.outcome?.type === "cancelled" ? "cancelled" : undefined;
}

/** The run was asked to stop, for this reason. */
export function stopped(reason: unknown): RunEnd {
  const error = SluiceError.from(reason);
  return error.code === "cancelled" ? { kind: "cancelled" } : { kind: "failed", error };
}

/** The graph's error, in a form that may leave. */
export function broken(thrown: unknown, graphRun: GraphRun | undefined): RunEnd {
  if (SluiceError.is(thrown)) return { kind: "failed", error: thrown };
  const code = graphRun?.isModelError(thrown) ? "model_error" : "graph_error";
  const text = failureText(thrown);
  const what = code === "model_error" ? "The model call failed" : "The graph failed";
  return { kind: "failed", error: new SluiceError(code, text ? `${what}: ${text}` : undefined, { cause: thrown }) };
}

/** A model's stream ended before the model did, and the agent takes no half answers. */
export function cutOff(): SluiceError {
  return new SluiceError(
    "model_error",
    "The model's answer was cut off: its stream ended before the model said it was done.",
  );
}
