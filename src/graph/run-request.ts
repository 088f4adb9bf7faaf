/** All that a graph is given for a run. */
import type { Message } from "../protocol/events.ts";
import type { InjectedMessage } from "../protocol/injected.ts";
import type { Offered } from "../protocol/input.ts";
import type { GraphCommand, Steering } from "../protocol/steering.ts";
import type { GraphControl } from "./between-steps.ts";
import type { OfferedKey } from "./offered-state.ts";
import type { Hooks } from "./run-notes.ts";

/** The input of a run for its graph, and a command for it. */
export type GraphInput = { readonly command?: GraphCommand } /** New messages, and values for exposed state keys. */ & (
  | {
      readonly kind: "messages";
      readonly messages: readonly Message[];
      readonly state: Readonly<Record<string, unknown>>;
    }
  /** Answers to interrupts, by interrupt id, and messages that came with them. */
  | {
      readonly kind: "resume";
      readonly answers: Readonly<Record<string, unknown>>;
      readonly messages: readonly Message[];
    }
  /** Nothing: go on from a breakpoint. */
  | { readonly kind: "continue" }
);

export interface RunRequest {
  readonly agent: string;
  /** The thread's key: the graph's checkpoints are found by it. */
  readonly threadId: string;
  /** The client's id of the thread, for metadata. */
  readonly threadName?: string | undefined;
  readonly runId: string;
  readonly input: GraphInput;
  /** Go on from this checkpoint instead of the thread's last one: a fork. */
  readonly checkpointId: string | undefined;
  /** Tools and context that the client brought for the graph, offered as `config.configurable.ag_ui`. */
  readonly offered: Offered;
  /** Gives the graph the messages that clients have sent into the run, each once. */
  readonly takeInjected?: (() => Promise<readonly InjectedMessage[]>) | undefined;
  /** State keys under which the graph also finds `offered`. */
  readonly offeredKeys?: readonly OfferedKey[];
  /** State keys to report as they change. */
  readonly stateKeys: readonly string[];
  /** `false`: nobody asks which subagents an event is of, so events do not say it. Default: `true`. */
  readonly subagents?: boolean;
  /** Values from the agent's settings, for `config.configurable`. */
  readonly configurable: Readonly<Record<string, unknown>>;
  /** Values that the graph finds in its `runtime.context`. */
  readonly context?: Readonly<Record<string, unknown>> | undefined;
  /** The client's own values for the run's metadata. */
  readonly metadata?: Readonly<Record<string, unknown>> | undefined;
  /** Nodes before and after which the graph pauses. */
  readonly interruptBefore?: Steering["interruptBefore"] | undefined;
  readonly interruptAfter?: Steering["interruptAfter"] | undefined;
  /** The signed-in principal, for `config.configurable.user`. */
  readonly user?: { readonly id: string; readonly claims: Readonly<Record<string, unknown>> } | undefined;
  /** LangGraph's `store`, for a graph that has none of its own. */
  readonly store?: unknown;
  /** Stops the graph between two steps, once its `drainRequested` is set. */
  readonly control?: GraphControl | undefined;
  /** Called while the graph's models answer. */
  readonly hooks?: Hooks;
}
