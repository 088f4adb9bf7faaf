/** The knowledge of a translator between two steps of its graph, for another process's translator to go on from. */
import type { TokenUsage } from "../protocol/events.ts";
import type { JsonValue } from "../protocol/json.ts";
import type { Call, CallBook } from "./call-book.ts";
import type { NodeMessages } from "./node-messages.ts";
import type { ExposedState } from "./state.ts";
import type { Usage } from "./usage.ts";

/** Plain JSON. */
export interface Carried {
  /** The ids that messages had, besides those of the messages that there are. */
  readonly ids: readonly string[];
  readonly calls: readonly Call[];
  readonly usage: readonly TokenUsage[];
  readonly finishReason?: string;
  /** The exposed state that clients have. */
  readonly state?: JsonValue;
  /** The subagents of messages and calls, where they are reported. */
  readonly owners?: Readonly<Record<string, string | null>>;
}

export function carriedFrom(
  { ids }: NodeMessages,
  { turn: calls }: CallBook,
  { total: usage = [] }: Usage,
  { sent: state }: ExposedState,
  finishReason: string | undefined,
): Carried {
  return {
    ids,
    calls,
    usage,
    ...(finishReason === undefined ? {} : { finishReason }),
    ...(state === undefined ? {} : { state }),
  };
}
