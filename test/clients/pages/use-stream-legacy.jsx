import { useStream } from "@langchain/langgraph-sdk/react";
import { langChainLines } from "./lines.js";

export function useClient({ base, agent, thread }) {
  const stream = useStream({
    apiUrl: `${base}/langgraph`,
    assistantId: agent,
    threadId: thread,
    reconnectOnMount: true,
  });
  return {
    lines: langChainLines(stream.messages),
    question: stream.interrupt && String(stream.interrupt.value),
    running: stream.isLoading,
    send: (content) => stream.submit({ messages: [{ type: "human", content }] }, { streamResumable: true }),
    stop: () => stream.stop(),
    answer: (resume) => stream.submit(undefined, { command: { resume } }),
  };
}
