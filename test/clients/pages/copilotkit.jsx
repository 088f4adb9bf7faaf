import { CopilotKitProvider, useAgent, useCopilotKit } from "@copilotkit/react-core/v2";
import { useEffect, useMemo, useState } from "react";
import { agUiLines } from "./lines.js";

export function Surrounding({ base, children }) {
  return <CopilotKitProvider runtimeUrl={`${base}/agui`}>{children}</CopilotKitProvider>;
}

export function useClient({ agent: agentId, thread }) {
  const { copilotkit } = useCopilotKit();
  const { agent } = useAgent({ agentId });
  const [open, setOpen] = useState(false);
  const [interrupts, setInterrupts] = useState([]);
  const connected = copilotkit.runtimeConnectionStatus === "connected";
  useMemo(() => {
    agent.threadId = thread;
  }, [agent, thread]);
  useEffect(() => {
    const { unsubscribe } = agent.subscribe({
      onRunFinishedEvent: ({ event }) => setInterrupts(event.outcome?.interrupts ?? []),
    });
    // CopilotKit's chat does the same when it opens a thread. The loaded thread would replace messages that are sent
    // before.
    if (connected) void copilotkit.connectAgent({ agent }).finally(() => setOpen(true));
    return unsubscribe;
  }, [agent, copilotkit, connected]);
  return {
    lines: agUiLines(agent.messages),
    question: interrupts[0]?.message,
    running: agent.isRunning,
    send:
      open &&
      ((content) => {
        agent.addMessage({ id: crypto.randomUUID(), role: "user", content });
        return copilotkit.runAgent({ agent });
      }),
    stop: () => copilotkit.stopAgent({ agent }),
    answer: (payload) => {
      const resume = [{ interruptId: interrupts[0].id, status: "resolved", payload }];
      setInterrupts([]);
      return copilotkit.runAgent({ agent, resume });
    },
  };
}
