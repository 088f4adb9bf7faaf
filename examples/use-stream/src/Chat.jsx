import { useStream } from "@langchain/react";
import { useState } from "react";

export function Chat({ threadId }) {
  const { messages, interrupts, isLoading, error, submit, respond, stop } = useStream({
    apiUrl: `${location.origin}/langgraph`,
    assistantId: "agent",
    threadId,
  });
  const [draft, setDraft] = useState("");
  const send = (event) => {
    event.preventDefault();
    void submit({ messages: [{ type: "human", content: draft }] });
    setDraft("");
  };
  return (
    <>
      <h1>Chat</h1>
      <div role="log" aria-label="Conversation">
        {messages.map((message, index) => (
          <p key={message.id ?? index} className={message.type === "human" ? "user" : message.type}>
            {message.type === "tool" && `Tool ${message.name}: `}
            {message.text}
          </p>
        ))}
        {interrupts.map(({ id, value }) => (
          <p key={id} className="question">
            {value.message}{" "}
            <button type="button" onClick={() => respond({ approved: true }, { interruptId: id })}>
              Approve
            </button>{" "}
            <button type="button" onClick={() => respond({ approved: false }, { interruptId: id })}>
              Reject
            </button>
          </p>
        ))}
      </div>
      {error !== undefined && <p role="alert">{String(error?.message ?? error)}</p>}
      <form onSubmit={send}>
        <input aria-label="Message" required value={draft} onChange={(event) => setDraft(event.target.value)} />
        {isLoading ? (
          <button type="button" onClick={() => stop()}>
            Stop
          </button>
        ) : (
          <button type="submit" disabled={interrupts.length > 0}>
            Send
          </button>
        )}
      </form>
    </>
  );
}
