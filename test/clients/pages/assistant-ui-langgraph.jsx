import { AssistantRuntimeProvider } from "@assistant-ui/react";
import {
  unstable_createLangGraphStream as createLangGraphStream,
  useLangGraphInterruptState,
  useLangGraphRuntime,
  useLangGraphSendCommand,
} from "@assistant-ui/react-langgraph";
import { Client } from "@langchain/langgraph-sdk";
import { useMemo } from "react";
import { useThread } from "./assistant-ui-thread.js";

export function Surrounding({ base, agent, thread, children }) {
  const options = useMemo(() => {
    const client = new Client({ apiUrl: `${base}/langgraph` });
    return {
      stream: createLangGraphStream({ client, assistantId: agent }),
      async load(id) {
        const { values, tasks } = await client.threads.getState(id);
        return { messages: values.messages ?? [], interrupts: tasks.flatMap(({ interrupts }) => interrupts) };
      },
      unstable_allowCancellation: true,
      unstable_threadListAdapter: oneThread(thread),
      threadId: thread,
    };
  }, [base, agent, thread]);
  return <AssistantRuntimeProvider runtime={useLangGraphRuntime(options)}>{children}</AssistantRuntimeProvider>;
}

/** A list of threads that contains only the thread in the page's address. */
function oneThread(id) {
  const thread = { remoteId: id, externalId: id, status: "regular" };
  return {
    list: async () => ({ threads: [thread] }),
    fetch: async () => thread,
    initialize: async () => thread,
    generateTitle: async () => new ReadableStream({ start: (controller) => controller.close() }),
  };
}

export function useClient() {
  const asked = useLangGraphInterruptState();
  const command = useLangGraphSendCommand();
  return {
    ...useThread(),
    question: asked && String(asked.value),
    answer: (resume) => command({ resume }),
  };
}
