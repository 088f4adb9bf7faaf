/** Turns the message formats of the clients into lines of a conversation. */

/** Lines from AG-UI's messages. */
export function agUiLines(messages) {
  return messages.flatMap(({ role, content, toolCalls = [] }) => [
    ...(typeof content === "string" && content !== "" && role !== "reasoning" ? [`${role}: ${content}`] : []),
    ...toolCalls.map(({ function: { name } }) => `call: ${name}`),
  ]);
}

/** Lines from LangChain's messages. */
export function langChainLines(messages) {
  const roles = { human: "user", ai: "assistant", tool: "tool" };
  return messages.flatMap(({ type, content, text = content, tool_calls: calls = [] }) => [
    ...(text === "" ? [] : [`${roles[type]}: ${text}`]),
    ...calls.map(({ name }) => `call: ${name}`),
  ]);
}

/** Lines from messages with parts, of the AI SDK and TanStack AI. */
export function partLines(messages) {
  return messages.flatMap(({ role, parts }) =>
    parts.flatMap((part) => {
      if (part.type === "text") return part.text || part.content ? [`${role}: ${part.text ?? part.content}`] : [];
      if (part.type === "tool-call") return [`call: ${part.name}`];
      if (part.type === "tool-result") return [`tool: ${part.content}`];
      if (!part.type.startsWith("tool-")) return [];
      const result = part.state === "output-available" ? [`tool: ${said(part.output)}`] : [];
      return [`call: ${part.type.slice("tool-".length)}`, ...result];
    }),
  );
}

function said(value) {
  return typeof value === "string" ? value : JSON.stringify(value);
}
