/** The knowledge of a translator between two steps of its graph, for another process's translator to go on from. */
import type { TokenUsage } from "../protocol/events.ts";
import type { Call } from "./call.ts";
import type { CallBook } from "./call-book.ts";
import type { NodeMessages } from "./node-messages.ts";
import type { SentMessages } from "./sent-messages.ts";
import type { ExposedState, SentState } from "./state.ts";
import type { Usage } from "./usage.ts";

/** Plain JSON. */
export interface Carried {
  /** The ids that messages had, besides those of the messages that there are. */
  readonly ids: readonly string[];
  /** The ids of messages in the graph's state, by the ids that clients know, where the two differ. */
  readonly stateIds: Readonly<Record<string, string>>;
  readonly calls: readonly Call[];
  readonly usage: readonly TokenUsage[];
  readonly finishReason?: string;
  readonly state: SentState;
  /** The subagents of messages and calls, where they are reported. */
  readonly owners?: Readonly<Record<string, string | null>>;
}

export function carriedFrom(
  { ids }: NodeMessages,
  { stateIds }: SentMessages,
  { turn: calls }: CallBook,
  { total: usage = [] }: Usage,
  { soFar: state }: ExposedState,
  finishReason: string | undefined,
): Carried {
  return {
    ids,
    stateIds,
    calls,
    usage,
    state,
    ...(finishReason === undefined ? {} : { finishReason }),
  };
}
