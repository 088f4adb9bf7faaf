/** A thread as assistant-ui keeps it, whichever of its runtimes fills it. */
import { useAui, useAuiState } from "@assistant-ui/react";
import { partLines } from "./lines.js";

export function useThread() {
  const aui = useAui();
  const messages = useAuiState(({ thread }) => thread.messages);
  return {
    lines: partLines(messages.map(({ role, content }) => ({ role, parts: content.flatMap(calledPart) }))),
    running: useAuiState(({ thread }) => thread.isRunning),
    send: (text) => aui.thread().append(text),
    stop: () => aui.thread().cancelRun(),
  };
}

/** A call has its result; a list of parts has both. */
function calledPart(part) {
  if (part.type !== "tool-call") return [part];
  const call = { type: "tool-call", name: part.toolName };
  return part.result === undefined ? [call] : [call, { type: "tool-result", content: part.result }];
}
