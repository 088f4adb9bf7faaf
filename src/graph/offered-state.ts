/**
 * Puts tools and context of a run's client under the state keys that graphs written for CopilotKit or for AG-UI's own
 * LangGraph adapter read.
 */
import type { Offered } from "../protocol/input.ts";
import { stateKeysOf } from "./names.ts";
import type { ServedGraph } from "./source.ts";

const KEYS = ["tools", "copilotkit", "ag-ui"] as const;

export type OfferedKey = (typeof KEYS)[number];

/** The keys of a graph's state that Sluice fills in. A key that clients set themselves is left out. */
export function offeredKeys(graph: ServedGraph, clientKeys: readonly string[]): OfferedKey[] {
  const keys = stateKeysOf(graph);
  return KEYS.filter((key) => keys?.includes(key) && !clientKeys.includes(key));
}

/** The values of these keys. They replace the values of an earlier run. */
export function offeredState(
  keys: readonly OfferedKey[],
  { tools, context, injectA2UITool }: Offered,
): Record<string, unknown> {
  const asModelsTakeThem = tools.map(({ name, description, parameters }) => ({
    type: "function",
    name,
    function: { name, description, parameters },
  }));
  const values: Readonly<Record<OfferedKey, unknown>> = {
    tools: asModelsTakeThem,
    copilotkit: { actions: asModelsTakeThem, context },
    "ag-ui": {
      tools: asModelsTakeThem,
      context,
      ...(injectA2UITool === undefined ? {} : { inject_a2ui_tool: injectA2UITool }),
    },
  };
  return Object.fromEntries(keys.map((key) => [key, values[key]]));
}
