/** Events as a line hands them to the playground, for tests. */

import type { Received } from "../../src/playground/transport/transport.ts";
import { type AguiEvent, EventType } from "../../src/protocol/events.ts";

export function received(event: AguiEvent, fields: Partial<Received> = {}): Received {
  return { event, cursor: "e:1", entries: 1, bytes: 0, at: 0, replayed: false, ...fields };
}

export function runStarted(runId: string): AguiEvent {
  return { type: EventType.RUN_STARTED, threadId: "t", runId };
}

export function runFinished(runId: string): AguiEvent {
  return { type: EventType.RUN_FINISHED, threadId: "t", runId };
}

export function delta(text: string, messageId = "m"): AguiEvent {
  return { type: EventType.TEXT_MESSAGE_CONTENT, messageId, delta: text };
}

export function end(messageId = "m"): AguiEvent {
  return { type: EventType.TEXT_MESSAGE_END, messageId };
}

export function thought(text: string, messageId = "m-reasoning"): AguiEvent {
  return { type: EventType.REASONING_MESSAGE_CONTENT, messageId, delta: text };
}

export function callArgs(text: string, toolCallId = "c"): AguiEvent {
  return { type: EventType.TOOL_CALL_ARGS, toolCallId, delta: text };
}
