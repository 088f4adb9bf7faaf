/** The thread in assistant-ui's state, for any of its runtimes. */
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

/** Splits a call with its result into two parts. */
function calledPart(part) {
  if (part.type !== "tool-call") return [part];
  const call = { type: "tool-call", name: part.toolName };
  return part.result === undefined ? [call] : [call, { type: "tool-result", content: part.result }];
}
