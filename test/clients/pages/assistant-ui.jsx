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

/** Sluice keeps the thread: there is nothing to write. */
function history(base, thread) {
  return {
    async load() {
      const response = await fetch(`${base}/threads/${thread}/messages`);
      const { messages = [] } = await response.json();
      return ExportedMessageRepository.fromArray(fromAgUiMessages(messages));
    },
    async append() {},
  };
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
