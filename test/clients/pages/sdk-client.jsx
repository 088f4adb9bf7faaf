/** The SDK's `Client` without a React hook: the page keeps the streamed messages. */
import { Client } from "@langchain/langgraph-sdk";
import { useCallback, useEffect, useMemo, useState } from "react";
import { langChainLines } from "./lines.js";

export function useClient({ base, agent, thread }) {
  const client = useMemo(() => new Client({ apiUrl: `${base}/langgraph` }), [base]);
  const [messages, setMessages] = useState([]);
  const [asked, setAsked] = useState();
  const [run, setRun] = useState();
  const follow = useCallback(async (stream) => {
    const pieces = new Map();
    for await (const { event, data } of stream) {
      if (event === "metadata") setRun(data.run_id);
      if (event === "values") {
        pieces.clear();
        setMessages(data.messages);
        setAsked(data.__interrupt__?.[0]);
      }
      if (event !== "messages") continue;
      const [{ id, type, content }] = data;
      const piece = { id, type: type.replace("AIMessageChunk", "ai") };
      pieces.set(id, { ...piece, content: (pieces.get(id)?.content ?? "") + content });
      setMessages((before) => [...before.filter((message) => !pieces.has(message.id)), ...pieces.values()]);
    }
    setRun(undefined);
  }, []);
  useEffect(() => {
    void (async () => {
      const { values, tasks } = await client.threads.getState(thread);
      setMessages(values.messages ?? []);
      setAsked(tasks.flatMap(({ interrupts }) => interrupts)[0]);
      const [active] = await client.runs.list(thread, { status: "running", limit: 1 });
      if (!active) return;
      setRun(active.run_id);
      await follow(client.runs.joinStream(thread, active.run_id, { streamMode: MODES }));
    })().catch(() => {}); // A new thread has no state.
  }, [client, follow, thread]);
  const start = (payload) =>
    follow(client.runs.stream(thread, agent, { ...payload, streamMode: MODES, onDisconnect: "continue" }));
  return {
    lines: langChainLines(messages),
    question: asked && String(asked.value),
    running: run !== undefined,
    send: (content) => {
      const message = { id: crypto.randomUUID(), type: "human", content };
      setMessages((before) => [...before, message]);
      return start({ input: { messages: [message] } });
    },
    stop: () => client.runs.cancel(thread, run),
    answer: (resume) => {
      setAsked(undefined);
      return start({ command: { resume } });
    },
  };
}

const MODES = ["values", "messages-tuple"];
