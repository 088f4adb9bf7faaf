import { fetchServerSentEvents, useChat } from "@tanstack/ai-react";
import { useMemo } from "react";
import { partLines } from "./lines.js";

export function useClient({ base, agent, thread }) {
  const connection = useMemo(
    () => fetchServerSentEvents(`${base}/agui/agent/${agent}/run?threadId=${thread}`),
    [base, agent, thread],
  );
  return useTanStack(connection, thread);
}

export function useTanStack(connection, threadId, tools) {
  const chat = useChat({ connection, threadId, persistence: true, tools });
  const [asked] = chat.interrupts;
  return {
    lines: partLines(chat.messages),
    question: asked && (asked.message ?? asked.reason),
    running: chat.isLoading || chat.sessionGenerating,
    send: (text) => chat.sendMessage(text),
    stop: () => chat.stop(),
    // Only a server of TanStack AI has a schema for its questions.
    answer: (payload) => chat.resumeInterruptsUnsafe([{ interruptId: asked.id, status: "resolved", payload }]),
  };
}
