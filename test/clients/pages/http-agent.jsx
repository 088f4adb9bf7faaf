import { HttpAgent } from "@ag-ui/client";
import { useEffect, useMemo, useState } from "react";
import { agUiLines } from "./lines.js";

export function useClient(place) {
  return useHttpAgent(HttpAgent, place);
}

/** `Agent`: the class of any version. */
export function useHttpAgent(Agent, { base, agent: name, thread }) {
  const agent = useMemo(
    () => new Agent({ url: `${base}/agui/agent/${name}/run`, threadId: thread }),
    [Agent, base, name, thread],
  );
  const [messages, setMessages] = useState([]);
  const [running, setRunning] = useState(false);
  const [interrupts, setInterrupts] = useState([]);
  useEffect(() => {
    agent.subscribe({
      onMessagesChanged: () => setMessages([...agent.messages]),
      onRunFinishedEvent: ({ event }) => setInterrupts(event.outcome?.interrupts ?? []),
    });
    void fetch(`${base}/threads/${thread}/messages`)
      .then((response) => response.json())
      .then(({ messages = [] }) => agent.setMessages(messages));
  }, [agent, base, thread]);
  const run = (parameters) => {
    setRunning(true);
    setInterrupts([]);
    agent
      .runAgent(parameters)
      .catch(() => {}) // After a cut line, the person reloads the page.
      .finally(() => setRunning(false));
  };
  return {
    lines: agUiLines(messages),
    question: interrupts[0]?.message,
    running,
    send: (content) => {
      agent.addMessage({ id: crypto.randomUUID(), role: "user", content });
      run();
    },
    stop: () => agent.abortRun(),
    answer: (payload) => run({ resume: [{ interruptId: interrupts[0].id, status: "resolved", payload }] }),
  };
}
