import { useStream } from "@langchain/react";
import { langChainLines } from "./lines.js";

export function useClient({ base, agent, thread }, options = {}) {
  const stream = useStream({ apiUrl: `${base}/langgraph`, assistantId: agent, threadId: thread, ...options });
  return {
    lines: langChainLines(stream.messages),
    question: stream.interrupt && String(stream.interrupt.value),
    running: stream.isLoading,
    send: (content) => stream.submit({ messages: [{ type: "human", content }] }),
    stop: () => stream.stop(),
    answer: (response) => stream.respond(response, { interruptId: stream.interrupt.id }),
  };
}
