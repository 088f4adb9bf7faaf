/** Graphs without `messages` in their state. */
import { stateKeysOf } from "./names.ts";
import type { ServedGraph } from "./source.ts";

/**
 * The keys of a graph without `messages`, which gets no messages of clients. `undefined` if the graph has `messages`,
 * or its keys are not known.
 */
export function keysBesideMessages(graph: ServedGraph): readonly string[] | undefined {
  const keys = stateKeysOf(graph);
  return keys?.includes("messages") ? undefined : keys;
}

/** The error text for such a graph, with the remedy. */
export function withoutMessages(keys: readonly string[]): string {
  const names = keys.length > 10 ? [...keys.slice(0, 10), "..."] : keys;
  const has = names.length > 0 ? `Its keys are ${names.join(", ")}.` : "It has no keys.";
  return `The graph has no "messages" key, so nothing that is said reaches it. ${has} Keep the conversation under "messages", or name the keys that clients set and see as "state" of the agent in agents.json.`;
}
