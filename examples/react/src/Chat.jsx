import { useSluiceThread } from "langgraph-sluice/react";
import { useState } from "react";

const URL = `${location.origin.replace("http", "ws")}/ws`;

export function Chat({ threadId }) {
  const thread = useSluiceThread({ url: URL, threadId });
  const [draft, setDraft] = useState("");
  const send = (event) => {
    event.preventDefault();
    thread.send(draft);
    setDraft("");
  };
  return (
    <>
      <h1>Chat</h1>
      <div role="log" aria-label="Conversation">
        {thread.messages.map((message) => (
          <Message key={message.id} message={message} tools={thread.tools} />
        ))}
        {thread.interrupts.map(({ id, message }) => (
          <p key={id} className="question">
            {message}{" "}
            <button type="button" onClick={() => thread.resume({ payload: { approved: true } })}>
              Approve
            </button>{" "}
            <button type="button" onClick={() => thread.resume({ payload: { approved: false } })}>
              Reject
            </button>
          </p>
        ))}
      </div>
      {thread.error && <p role="alert">{thread.error.message}</p>}
      {thread.connection.status !== "open" && <p role="status">Connecting …</p>}
      <form onSubmit={send}>
        <input aria-label="Message" required value={draft} onChange={(event) => setDraft(event.target.value)} />
        {thread.isRunning ? (
          <button type="button" onClick={thread.stop}>
            Stop
          </button>
        ) : (
          <button type="submit" disabled={thread.interrupts.length > 0}>
            Send
          </button>
        )}
      </form>
    </>
  );
}

/** Shows a message, and the tool calls of the agent's message. */
function Message({ message: { role, content, toolCalls = [] }, tools }) {
  const results = new Map(tools.map(({ id, result }) => [id, result]));
  return (
    <>
      {(role === "user" || role === "assistant") && content && <p className={role}>{content}</p>}
      {toolCalls.map(({ id, function: { name } }) => (
        <p key={id} className="tool">
          Tool {name}: {results.get(id)?.content ?? "…"}
        </p>
      ))}
    </>
  );
}
