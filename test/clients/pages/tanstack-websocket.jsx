import { fetchServerSentEvents, webSocket } from "@tanstack/ai-react";
import { useMemo } from "react";
import { useTanStack } from "./tanstack-sse.jsx";

export function useClient({ base, agent, thread }) {
  const connection = useMemo(() => {
    const socket = `${base.replace("http", "ws")}/ws?agent=${agent}&thread=${thread}&format=tanstack`;
    const { hydrate } = fetchServerSentEvents(`${base}/agui/agent/${agent}/run?threadId=${thread}`);
    return { ...webSocket(socket), hydrate };
  }, [base, agent, thread]);
  return useTanStack(connection, thread);
}
