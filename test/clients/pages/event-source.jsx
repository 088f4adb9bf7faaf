/** The browser's EventSource follows a thread; `fetch` sends messages. */
import { useEffect, useState } from "react";
import { agUiLines } from "./lines.js";

export function useClient({ base, agent, thread }) {
  const [{ messages, running, interrupts }, setThread] = useState(NOTHING);
  useEffect(() => {
    const source = new EventSource(`${base}/threads/${thread}/events`);
    source.onmessage = ({ data }) => setThread((before) => applied(before, JSON.parse(data)));
    return () => source.close();
  }, [base, thread]);
  const run = async (input) => {
    const body = JSON.stringify({ threadId: thread, runId: crypto.randomUUID(), messages: [], ...input });
    const headers = { "content-type": "application/json" };
    const response = await fetch(`${base}/agui/agent/${agent}/run`, { method: "POST", headers, body });
    await response.body.cancel(); // The answer is in the thread's events.
  };
  return {
    lines: agUiLines(messages),
    question: interrupts[0]?.message,
    running,
    send: (content) => run({ messages: [{ id: crypto.randomUUID(), role: "user", content }] }),
    stop: () => fetch(`${base}/agui/agent/${agent}/stop/${thread}`, { method: "POST" }),
    answer: (payload) => run({ resume: [{ interruptId: interrupts[0].id, status: "resolved", payload }] }),
  };
}

const NOTHING = { messages: [], running: false, interrupts: [] };

function applied(thread, event) {
  const changed = (id, change) =>
    thread.messages.map((message) => (message.id === id ? { ...message, ...change(message) } : message));
  const added = (message) => [...thread.messages.filter(({ id }) => id !== message.id), message];
  switch (event.type) {
    case "RUN_STARTED":
      return {
        messages: (event.input?.messages ?? []).reduce(withMessage, thread.messages),
        running: true,
        interrupts: [],
      };
    case "MESSAGES_SNAPSHOT":
      return { ...thread, messages: event.messages };
    case "TEXT_MESSAGE_START":
      return { ...thread, messages: added({ id: event.messageId, role: event.role, content: "" }) };
    case "TEXT_MESSAGE_CONTENT":
      return { ...thread, messages: changed(event.messageId, ({ content }) => ({ content: content + event.delta })) };
    case "TOOL_CALL_START": {
      const call = { id: event.toolCallId, function: { name: event.toolCallName } };
      const id = event.parentMessageId;
      const message = thread.messages.find((message) => message.id === id) ?? { id, role: "assistant" };
      return { ...thread, messages: added({ ...message, toolCalls: [...(message.toolCalls ?? []), call] }) };
    }
    case "TOOL_CALL_RESULT":
      return { ...thread, messages: added({ id: event.messageId, role: "tool", content: event.content }) };
    case "RUN_FINISHED":
      return { ...thread, running: false, interrupts: event.outcome?.interrupts ?? [] };
    case "RUN_ERROR":
      return { ...thread, running: false };
    default:
      return thread;
  }
}

function withMessage(messages, message) {
  return messages.some(({ id }) => id === message.id) ? messages : [...messages, message];
}
