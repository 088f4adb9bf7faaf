import { useChat } from "@ai-sdk/react";
import { DefaultChatTransport } from "ai";
import { useEffect, useMemo, useState } from "react";
import { partLines } from "./lines.js";

/** The page loads the history before it shows the chat. */
export function Surrounding({ base, thread, children }) {
  const [ready, setReady] = useState(false);
  useEffect(() => {
    void fetch(`${base}/ai-sdk/chat/${thread}`)
      .then((response) => response.json())
      .then(({ messages }) => {
        history = messages;
        setReady(true);
      });
  }, [base, thread]);
  return ready ? children : null;
}

let history = [];

export function useClient({ base, agent, thread }) {
  const api = `${base}/ai-sdk/chat`;
  const transport = useMemo(() => new DefaultChatTransport({ api, body: { agent } }), [api, agent]);
  const chat = useChat({ id: thread, messages: history, transport, resume: true });
  const asked = chat.messages
    .flatMap(({ parts }) => parts)
    .find(({ type, data }) => type === "data-interrupt" && !data.answered)?.data;
  return {
    lines: partLines(chat.messages),
    question: asked?.message,
    running: chat.status === "submitted" || chat.status === "streaming",
    send: (text) => chat.sendMessage({ text }),
    // The transport's `stop` only closes the response.
    stop: () => chat.stop().then(() => fetch(`${api}/${thread}/stop`, { method: "POST" })),
    answer: (payload) =>
      chat.sendMessage(undefined, {
        body: { resume: [{ interruptId: asked.id, status: "resolved", payload }] },
      }),
  };
}
