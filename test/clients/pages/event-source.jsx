/** The browser's own EventSource watches a thread; it only receives. */
import { useEffect, useState } from "react";

export function useClient({ base, thread }) {
  const [messages, setMessages] = useState([]);
  const [running, setRunning] = useState(false);
  useEffect(() => {
    const source = new EventSource(`${base}/threads/${thread}/events`);
    source.onmessage = ({ data }) => {
      const event = JSON.parse(data);
      setMessages((before) => applied(before, event));
      if (event.type === "RUN_STARTED") setRunning(true);
      if (event.type === "RUN_FINISHED" || event.type === "RUN_ERROR") setRunning(false);
    };
    return () => source.close();
  }, [base, thread]);
  return { lines: messages.map(({ role, content }) => `${role}: ${content}`), running };
}

function applied(messages, event) {
  switch (event.type) {
    case "MESSAGES_SNAPSHOT":
      return event.messages.filter(({ content }) => typeof content === "string" && content !== "");
    case "TEXT_MESSAGE_START":
      return [...messages, { id: event.messageId, role: event.role, content: "" }];
    case "TEXT_MESSAGE_CONTENT":
      return messages.map((message) =>
        message.id === event.messageId ? { ...message, content: message.content + event.delta } : message,
      );
    default:
      return messages;
  }
}
