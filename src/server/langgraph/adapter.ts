/**
 * Reads a client's tools and context from a graph's input, where AG-UI's own LangGraph adapter writes them
 * (`LangGraphAgent` of `@ag-ui/langgraph` 0.0.43). AG-UI's input has its own fields for both. Pure.
 */
import { isRecord } from "../../protocol/input.ts";
import type { Gatekeeper } from "./steering.ts";

/** Returns the adapter's keys, without those that clients may write as the agent's state. */
export function adapterKeys({ stateKeys, accepts }: Gatekeeper): string[] {
  return ["tools", "ag-ui", "copilotkit"].filter(
    (key) => !stateKeys.includes(key) && !accepts.includes(`input.${key}`),
  );
}

/** The members `tools` and `context` of AG-UI's input. Their shape is not checked. */
export function offeredByAdapter(
  input: Readonly<Record<string, unknown>>,
  agent: Gatekeeper,
): { readonly tools: unknown; readonly context: unknown } {
  const given = Object.fromEntries(adapterKeys(agent).map((key) => [key, input[key]]));
  const [agui, copilotkit] = [given["ag-ui"], given.copilotkit].map((value) => (isRecord(value) ? value : {}));
  const tools = given.tools ?? agui?.tools ?? copilotkit?.actions ?? [];
  return {
    tools: Array.isArray(tools) ? tools.map(toTool) : tools,
    context: agui?.context ?? copilotkit?.context ?? [],
  };
}

/** Models take a tool as `{"type": "function", "function": {...}}`. */
function toTool(tool: unknown): unknown {
  if (!isRecord(tool) || !isRecord(tool.function)) return tool;
  const { name, description, parameters } = tool.function;
  return { name, description, parameters };
}
