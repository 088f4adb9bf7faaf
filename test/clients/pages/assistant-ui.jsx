import { AssistantRuntimeProvider, ExportedMessageRepository } from "@assistant-ui/react";
import {
  fromAgUiMessages,
  useAgUiInterrupts,
  useAgUiRuntime,
  useAgUiSubmitInterruptResponses,
} from "@assistant-ui/react-ag-ui";
import { HttpAgent } from "ag-ui-client-0.0.59";
import { useMemo } from "react";
import { useThread } from "./assistant-ui-thread.js";

export function Surrounding({ base, agent: name, thread, children }) {
  const options = useMemo(() => {
    const agent = new HttpAgent({ url: `${base}/agui/agent/${name}/run`, threadId: thread });
    return { agent, adapters: { history: history(base, thread) } };
  }, [base, name, thread]);
  return <AssistantRuntimeProvider runtime={useAgUiRuntime(options)}>{children}</AssistantRuntimeProvider>;
}

/** Sluice stores the thread, so there is nothing to save. */
function history(base, thread) {
  return {
    async load() {
      const response = await fetch(`${base}/threads/${thread}/messages`);
      const { messages = [], interrupts } = await response.json();
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

export function useClient() {
  const [asked] = useAgUiInterrupts();
  const submit = useAgUiSubmitInterruptResponses();
  return {
    ...useThread(),
    question: asked?.message,
    answer: (payload) => submit([{ interruptId: asked.id, status: "resolved", payload }]),
  };
}
