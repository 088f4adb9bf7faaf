/** Makes the input of a run with one question, for command-line commands that call a server. */
import type { RunAgentInput } from "./events.ts";

/** A complete input on a thread of its own. `state`: the keys of the graph's state that come with it. */
export function questionInput(message: string, state: unknown = {}): RunAgentInput {
  return {
    threadId: crypto.randomUUID(),
    runId: crypto.randomUUID(),
    protocolVersion: "1.0",
    state,
    messages: [{ id: crypto.randomUUID(), role: "user", content: message }],
    tools: [],
    context: [],
    forwardedProps: {},
  };
}
