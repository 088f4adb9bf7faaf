"use client";

import {
  CopilotChat,
  CopilotChatInput,
  CopilotKit,
  useDefaultRenderTool,
  useInterrupt,
} from "@copilotkit/react-core/v2";
import { useEffect, useState } from "react";

export function Chat() {
  const [threadId, setThreadId] = useState();
  // The thread is part of the address: a reload shows it again.
  useEffect(() => {
    location.hash ||= crypto.randomUUID();
    setThreadId(location.hash.slice(1));
  }, []);
  if (!threadId) return null;
  return (
    // The inspector would send requests to other hosts.
    <CopilotKit runtimeUrl="/ai/agui" enableInspector={false}>
      <main>
        <h1>Chat</h1>
        <div role="log" aria-label="Conversation">
          <Conversation threadId={threadId} />
        </div>
      </main>
    </CopilotKit>
  );
}

function Conversation({ threadId }) {
  useDefaultRenderTool({ render: Tool });
  useInterrupt({ agentId: "agent", render: Question });
  return <CopilotChat agentId="agent" threadId={threadId} input={INPUT} />;
}

/** Labels for screen readers on CopilotKit's parts. */
const INPUT = {
  textArea: { "aria-label": "Message" },
  addMenuButton: { "aria-label": "Add" },
  sendButton: ({ children, ...props }) => (
    <CopilotChatInput.SendButton {...props} aria-label={children ? "Stop" : "Send"}>
      {children}
    </CopilotChatInput.SendButton>
  ),
};

function Tool({ name, result }) {
  return (
    <p>
      Tool {name}: {result ?? "…"}
    </p>
  );
}

/** Shows the agent's questions; the run continues with the answers. */
function Question({ interrupt, resolve }) {
  return (
    <p className="question">
      {interrupt.message}
      <button type="button" onClick={() => resolve({ approved: true })}>
        Approve
      </button>
      <button type="button" onClick={() => resolve({ approved: false })}>
        Reject
      </button>
    </p>
  );
}
