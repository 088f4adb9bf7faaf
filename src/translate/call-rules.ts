/**
 * Reads what a graph asks for the tool calls of one model call, from the call's metadata. (Source: the conventions of
 * `@ag-ui/langgraph` and of CopilotKit's SDK.)
 */
import { type AguiEvent, EventType } from "../protocol/events.ts";
import { type GraphEvent, namespace } from "../protocol/graph-event.ts";
import { isRecord } from "../protocol/input.ts";
import type { Call } from "./call.ts";
import type { ExposedState } from "./state.ts";

/** The argument of a tool that becomes the value of a key of the state. */
interface Prediction {
  readonly state_key: string;
  readonly tool: string;
  readonly tool_argument?: string;
}

/** `emit-tool-calls`: may clients see calls to this tool? */
export function isShown({ metadata }: GraphEvent, tool: string): boolean {
  const wish = metadata["emit-tool-calls"] ?? metadata["copilotkit:emit-tool-calls"] ?? true;
  if (typeof wish === "boolean") return wish;
  return (Array.isArray(wish) ? wish : [wish]).includes(tool);
}

/**
 * `predict_state`: keys that clients may fill in before the state has them, from the arguments of a call. Returns the
 * events that come before a call of a tool. `exposed`: the keys that clients may see.
 */
export function predicting({ metadata }: GraphEvent, exposed: readonly string[], state: ExposedState) {
  const wish = metadata.predict_state ?? metadata["copilotkit:emit-intermediate-state"];
  const predictions = Array.isArray(wish) ? wish.flatMap((one: unknown) => predictionIn(one, exposed)) : [];
  const place = namespace({ metadata });
  return (call: Call): AguiEvent[] => {
    const own = predictions.filter(({ tool }) => tool === call.name);
    if (own.length === 0) return [];
    state.predict(
      own.map(({ state_key }) => state_key),
      place,
      call,
    );
    return [{ type: EventType.CUSTOM, name: "PredictState", value: own }];
  };
}

function predictionIn(wish: unknown, exposed: readonly string[]): Prediction[] {
  if (!isRecord(wish)) return [];
  const { state_key, tool, tool_argument } = wish;
  if (typeof state_key !== "string" || typeof tool !== "string" || !exposed.includes(state_key)) return [];
  return [{ state_key, tool, ...(typeof tool_argument === "string" ? { tool_argument } : {}) }];
}
