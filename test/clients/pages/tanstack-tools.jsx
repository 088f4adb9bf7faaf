import { toolDefinition } from "@tanstack/ai";
import { fetchServerSentEvents } from "@tanstack/ai-react";
import { useMemo } from "react";
import { useTanStack } from "./tanstack-sse.jsx";

const paint = toolDefinition({ name: "paint", description: "Paints the page." }).client(() => "It is painted.");
const TOOLS = [paint];

export function useClient({ base, agent, thread }) {
  const connection = useMemo(
    () => fetchServerSentEvents(`${base}/agui/agent/${agent}/run?threadId=${thread}`),
    [base, agent, thread],
  );
  return useTanStack(connection, thread, TOOLS);
}
