/** An allow-list as it is written down: in the environment, in config/, in a URL and in a run's input. */
import { z } from "zod";
import { GRAPH_EVENT_NAMES, type GraphEventName } from "./graph-event.ts";

/** Which values of one property pass: those in `include` (all, when absent) that are not in `exclude`. */
const matcher = z.strictObject({
  include: z.array(z.string()).optional(),
  exclude: z.array(z.string()).optional(),
});

/** Event names and wildcards such as `on_tool_*`, each checked against the names v2 knows. */
export const eventPatterns = z
  .array(z.string())
  .max(64)
  .superRefine((patterns, context) => {
    for (const pattern of patterns) {
      if (expandEventPattern(pattern).length === 0)
        context.addIssue({ code: "custom", message: unknownEvent(pattern) });
    }
  });

/**
 * The parts of an allow-list. Every part narrows; an absent part admits everything.
 * `nodes` and `names` match exactly; an event outside any node passes `nodes` only when there is no `include`.
 */
export const allowListSpec = z.strictObject({
  events: eventPatterns.optional(),
  /** The node an event happened in: its own name, or its path (`research/writer`), which also admits what lies below. */
  nodes: matcher.optional(),
  /** `include` wants at least one of the tags, `exclude` none of them. */
  tags: matcher.optional(),
  /** The run's name: that of the model, tool, node or custom event. */
  names: matcher.optional(),
  /** Nodes, by name or path, whose model calls do not leave. Their steps and tools still do. */
  silentNodes: z.array(z.string()).optional(),
  /** The subagents whose events leave, by name. Events of the served graph itself always do. */
  subagents: z.array(z.string()).optional(),
  /** The depth in graphs: 1 admits the served graph's own nodes, 2 those of its subgraphs too. */
  maxDepth: z.int().min(0).optional(),
});

/** An allow-list: the graph events that may leave. An absent part admits everything, and each part narrows. */
export type AllowListSpec = z.infer<typeof allowListSpec>;
export type Matcher = z.infer<typeof matcher>;

/** The event names a pattern stands for; none when it is unknown. `*` may stand anywhere. */
export function expandEventPattern(pattern: string): GraphEventName[] {
  const [first = "", ...rest] = pattern.split("*");
  const last = rest.pop();
  if (last === undefined) return GRAPH_EVENT_NAMES.filter((name) => name === pattern);
  return GRAPH_EVENT_NAMES.filter((name) => {
    if (!name.startsWith(first)) return false;
    // Finds each part at its earliest position. A regular expression is not used: patterns come from clients, and one
    // with many stars could take very long.
    let at = first.length;
    for (const part of rest) {
      const found = name.indexOf(part, at);
      if (found < 0) return false;
      at = found + part.length;
    }
    return name.length - at >= last.length && name.endsWith(last);
  });
}

/** The sentence for a name that v2 does not know. */
export function unknownEvent(pattern: string): string {
  return `unknown event name "${pattern}"; valid are ${GRAPH_EVENT_NAMES.join(", ")}, and wildcards such as on_tool_*`;
}

/** `"on_tool_*, on_chat_model_stream"` as a list of patterns. Blank entries are skipped. */
export function splitEvents(text: string): string[] {
  return text
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "");
}
