import {
  AssistantRuntimeProvider,
  AuiIf,
  ComposerPrimitive,
  ExportedMessageRepository,
  MessagePrimitive,
  ThreadPrimitive,
} from "@assistant-ui/react";
import {
  fromAgUiMessages,
  useAgUiInterrupts,
  useAgUiRuntime,
  useAgUiSubmitInterruptResponses,
} from "@assistant-ui/react-ag-ui";
import { WebSocketAgent } from "langgraph-sluice/client";
import { useMemo } from "react";

const URL = `${location.origin.replace("http", "ws")}/ws`;

export function Chat({ threadId }) {
  const runtime = useAgUiRuntime(
    useMemo(
      () => ({ agent: new WebSocketAgent({ url: URL, threadId }), adapters: { history: history(threadId) } }),
      [threadId],
    ),
  );
  return (
    <AssistantRuntimeProvider runtime={runtime}>
      <h1>Chat</h1>
      <ThreadPrimitive.Root>
        <div role="log" aria-label="Conversation">
          <ThreadPrimitive.Messages components={{ UserMessage, AssistantMessage }} />
          <Questions />
        </div>
        <ComposerPrimitive.Root>
          <ComposerPrimitive.Input aria-label="Message" rows={1} />
          <AuiIf condition={({ thread }) => thread.isRunning}>
            <ComposerPrimitive.Cancel>Stop</ComposerPrimitive.Cancel>
          </AuiIf>
          <AuiIf condition={({ thread }) => !thread.isRunning}>
            <ComposerPrimitive.Send>Send</ComposerPrimitive.Send>
          </AuiIf>
        </ComposerPrimitive.Root>
      </ThreadPrimitive.Root>
    </AssistantRuntimeProvider>
  );
}

/** Loads the thread from Sluice, which also stores it, so there is nothing to save here. */
function history(threadId) {
  return {
    async load() {
      const response = await fetch(`/threads/${threadId}/messages`);
      if (!response.ok) return { messages: [] };
      const { messages, interrupts } = await response.json();
      return ExportedMessageRepository.fromArray(withQuestions(fromAgUiMessages(messages), interrupts));
    },
    async append() {},
  };
}

/** assistant-ui looks for open questions at the last answer. */
function withQuestions(messages, interrupts) {
  const last = messages.at(-1);
  if (!interrupts || !last) return messages;
  const answered = last.role === "assistant";
  const answer = answered ? last : { role: "assistant", content: [] };
  const status = { type: "requires-action", reason: "interrupt" };
  const metadata = { custom: { agui: { interrupts } } };
  return [...(answered ? messages.slice(0, -1) : messages), { ...answer, status, metadata }];
}

function UserMessage() {
  return (
    <MessagePrimitive.Root className="user">
      <MessagePrimitive.Parts components={{ Text }} />
    </MessagePrimitive.Root>
  );
}

function AssistantMessage() {
  return (
    <MessagePrimitive.Root className="assistant">
      <MessagePrimitive.Parts components={{ Text, tools: { Fallback: Tool } }} />
    </MessagePrimitive.Root>
  );
}

function Text({ text }) {
  return <p>{text}</p>;
}

function Tool({ toolName, result }) {
  return (
    <p className="tool">
      Tool {toolName}: {result === undefined ? "…" : String(result)}
    </p>
  );
}

/** Shows the agent's questions; the run continues with the answers. */
function Questions() {
  const interrupts = useAgUiInterrupts();
  const submit = useAgUiSubmitInterruptResponses();
  const answer = (approved) =>
    submit(interrupts.map(({ id }) => ({ interruptId: id, status: "resolved", payload: { approved } })));
  return interrupts.map(({ id, message }) => (
    <p key={id} className="question">
      {message}{" "}
      <button type="button" onClick={() => answer(true)}>
        Approve
      </button>{" "}
      <button type="button" onClick={() => answer(false)}>
        Reject
      </button>
    </p>
  ));
}
