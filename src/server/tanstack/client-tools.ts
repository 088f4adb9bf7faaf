/**
 * Calls to a page's own tools, as TanStack AI's client carries them out: it is sent a custom event with the whole input
 * of each. It then sends the results as the next run.
 */
import { type AguiEvent, EventType, type Message } from "../../protocol/events.ts";
import type { Format } from "../formats/format.ts";
import type { Outgoing } from "../view.ts";

interface Call {
  readonly toolName: string;
  args: string;
}

/** Changes a format for the client that has started the run: before a successful end come the calls without a result. */
export function withClientTools(format: Format): Format {
  const calls = new Map<string, Call>();
  return {
    ...format,
    remember: (out) => note(calls, out),
    encode(out) {
      note(calls, out);
      if (out.type !== EventType.RUN_FINISHED) return format.encode(out);
      const { outcome, timestamp } = JSON.parse(out.json) as AguiEvent & { type: EventType.RUN_FINISHED };
      const waiting = (outcome?.type ?? "success") === "success" ? [...calls] : [];
      const inputs = waiting.map(([toolCallId, { toolName, args }]) => {
        const value = { toolCallId, toolName, input: parsed(args) };
        return JSON.stringify({ type: EventType.CUSTOM, name: "tool-input-available", value, timestamp });
      });
      return [
        ...inputs.flatMap((json) => format.encode({ ...out, json, type: EventType.CUSTOM, cursor: undefined })),
        ...format.encode(out),
      ];
    },
  };
}

const NOTED: ReadonlySet<Outgoing["type"]> = new Set([
  EventType.TOOL_CALL_START,
  EventType.TOOL_CALL_ARGS,
  EventType.TOOL_CALL_RESULT,
  EventType.MESSAGES_SNAPSHOT,
]);

function note(calls: Map<string, Call>, { type, json }: Outgoing): void {
  if (!NOTED.has(type)) return;
  const event = JSON.parse(json) as AguiEvent;
  switch (event.type) {
    case EventType.TOOL_CALL_START:
      calls.set(event.toolCallId, { toolName: event.toolCallName, args: "" });
      break;
    case EventType.TOOL_CALL_ARGS: {
      const call = calls.get(event.toolCallId);
      if (call) call.args += event.delta;
      break;
    }
    case EventType.TOOL_CALL_RESULT:
      calls.delete(event.toolCallId);
      break;
    case EventType.MESSAGES_SNAPSHOT:
      calls.clear();
      for (const [id, call] of unanswered(event.messages)) calls.set(id, call);
      break;
    default: // Nothing else is noted.
  }
}

/** The calls of the last turn that have no result. */
function unanswered(messages: readonly Message[]): [string, Call][] {
  const turn = messages.slice(messages.findLastIndex(({ role }) => role === "user") + 1);
  const answered = new Set(turn.flatMap((message) => (message.role === "tool" ? [message.toolCallId] : [])));
  const made = turn.flatMap((message) => (message.role === "assistant" ? (message.toolCalls ?? []) : []));
  return made.flatMap(({ id, function: { name, arguments: args } }): [string, Call][] =>
    answered.has(id) ? [] : [[id, { toolName: name, args }]],
  );
}

/** Models write no arguments, or arguments that are no JSON, now and then. */
function parsed(args: string): unknown {
  try {
    return JSON.parse(args || "{}");
  } catch {
    return {};
  }
}
